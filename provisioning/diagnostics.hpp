// provisioning/diagnostics.hpp -- what an agent tells of its machine after a failure, on our disk.
//
// DATA_DIR/diagnostics/HOST/ATTEMPT.json, mode 0600: both names are ours, none comes from the wire.
// At most kBundlesOfHost a host and kDiagnosticsOctets in all; the oldest go first. These functions
// touch the disk: not for the deciding thread, but for newest_diagnostics_file().
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace slipway::provisioning {

inline constexpr std::size_t kMaxBundleOctets = std::size_t{256} << 10;
inline constexpr std::size_t kBundlesOfHost = 3;
inline constexpr std::uint64_t kDiagnosticsOctets = std::uint64_t{256} << 20;

struct BundlePlace {
  std::filesystem::path folder;  // diagnostics_folder()
  std::string host{};            // its ID
  std::int64_t attempt = 0;

  [[nodiscard]] std::filesystem::path file() const;
};

[[nodiscard]] std::filesystem::path diagnostics_folder(const std::filesystem::path& data_dir);

// The body {"bundle": {...}} as we keep it: the members that we know, every text one line of clean
// UTF-8, lists cut. Fails with a sentence that names what is wrong.
[[nodiscard]] Fallible<std::string> read_bundle(std::string_view body);

// Writes it whole or not at all, and removes what is too much.
[[nodiscard]] Fallible<void> keep_diagnostics(const BundlePlace& place, std::string_view text,
                                              std::uint64_t most_octets = kDiagnosticsOctets);

// The bundle of the host's latest attempt that has one.
[[nodiscard]] std::optional<std::filesystem::path> newest_diagnostics_file(
    const std::filesystem::path& folder, const std::string& host);
[[nodiscard]] Fallible<std::string> newest_diagnostics(const std::filesystem::path& folder,
                                                       const std::string& host);

}  // namespace slipway::provisioning
