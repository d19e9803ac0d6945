// service/import_installer.hpp -- `slipway image import` of a third party's installer.
#pragma once

#include <string>
#include <vector>

#include "images/import/import_installer.hpp"
#include "service/command.hpp"

namespace slipway::service {

// The options of an installer as they stand on the command line.
struct InstallerWords {
  std::string kind, kernel, rootfs, cmdline;
  std::vector<std::string> initrds;

  [[nodiscard]] bool any() const {
    return !kind.empty() || !kernel.empty() || !rootfs.empty() || !cmdline.empty() ||
           !initrds.empty();
  }
};

void add_installer_options(CLI::App& import, InstallerWords& words);

// Whether `source` (empty: there is none) is for import_installer() and not a disk image.
[[nodiscard]] bool is_installer(const std::string& source, const InstallerWords& words);

// Adds what the command line says to `request`, and imports with a progress bar.
[[nodiscard]] Fallible<images::FileSetInfo> import_installer(images::Store& store,
                                                             images::InstallerRequest request,
                                                             const InstallerWords& words);

}  // namespace slipway::service
