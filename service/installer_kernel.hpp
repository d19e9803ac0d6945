// service/installer_kernel.hpp -- where the installer's kernel comes from: the distribution.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/temporary_folder.hpp"

namespace slipway::service {

struct KernelChoice {
  // An override: both or none. `modules` is .../lib/modules/VERSION.
  std::filesystem::path kernel, modules;
  std::filesystem::path package;  // a linux-image .deb instead of the archive's
};

struct Kernel {
  std::string version;                      // "6.1.0-56-amd64"
  std::filesystem::path image;              // vmlinuz, signed by the distribution
  std::filesystem::path modules;            // its folder, with modules.dep in it
  std::optional<TemporaryFolder> unpacked;  // keeps both alive when they came from a package
};

using Say = std::function<void(const std::string& line)>;

// The override; or else the package; or else the newest kernel for amd64 that is installed with its
// modules; or else the package that linux-image-amd64 of the archive depends on, by apt-get. Cloud
// and real-time kernels are not taken: the former lack most drivers. `say` hears which it is.
[[nodiscard]] Fallible<Kernel> find_kernel(const KernelChoice& choice, const Say& say);

// Whether `version` is a plain kernel of Debian: "6.1.0-56-amd64", without cloud, rt and unsigned.
[[nodiscard]] bool is_plain_kernel(std::string_view version);

// Older by Debian's and the kernel's counting: 6.1.0-9 before 6.1.0-10.
[[nodiscard]] bool is_older(const std::string& a, const std::string& b);

}  // namespace slipway::service
