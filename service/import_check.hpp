// service/import_check.hpp -- what a source of `slipway image import` must be: a check sum, a
// signature.
//
// The result is always the SHA-256 that the import must find in what it reads, so that nothing
// becomes visible unless all that was given matched the very octets that were imported.
#pragma once

#include <CLI/App.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/crypto.hpp"
#include "base/result.hpp"
#include "provisioning/config.hpp"

namespace slipway::service {

struct CheckWords {
  std::string sha256, sha256_file, signature;
  std::vector<std::string> keys;
};

// Adds --sha256, --sha256-file, --signature and --key. `words` must outlive the parsing.
void add_check_options(CLI::App& import, CheckWords& words);

// What --sha256 and --sha256-file (the line of `file_name` in it) say, before the source is there.
// None: nothing was given. Two that differ are an error.
[[nodiscard]] Fallible<std::optional<Sha256>> expected_sha256(const CheckWords& words,
                                                              const std::string& file_name);

// The same for a source file that is there: beside what `expected` says, FILE.sha256 counts when it
// lies beside it, and the signature (--signature, or FILE.minisig beside it when there is a key).
// Where the settings require signatures, only their keys count, and a source without one is an
// error.
[[nodiscard]] Fallible<std::optional<Sha256>> check_source(const provisioning::Config& config,
                                                           const CheckWords& words,
                                                           const std::filesystem::path& file,
                                                           std::optional<Sha256> expected);

// For sources that no signature can be held against: fails where the settings require one.
[[nodiscard]] Fallible<void> allow_unsigned(const provisioning::Config& config,
                                            const std::string& source);

}  // namespace slipway::service
