// images/import/import_installer.hpp -- an installer of a third party -> a file set of the store.
//
// From an ISO 9660 medium, from a tar archive (Debian's netboot.tar.gz, a flattened container
// image), or from plain files. Every octet is checked against what the members are said to be
// before the set gets its name; when anything fails, the store has no new name and no new blob.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/crypto.hpp"
#include "base/result.hpp"
#include "images/store.hpp"

namespace slipway::images {

struct InstallerRequest {
  // An ISO or a tar; empty: `kernel`, `initrds` and `rootfs` are files of this machine.
  std::filesystem::path source;
  ImageName name;
  std::string kind;  // empty: recognised by what is in `source`
  // Where they are given, nothing is recognised: paths inside `source`, or outside without one.
  std::string kernel;
  std::vector<std::string> initrds;
  std::string rootfs;
  std::string cmdline;                         // kept with the set; needed for kind generic
  std::optional<Sha256> expected_sha256 = {};  // of `source`
  std::function<bool(std::uint64_t done, std::uint64_t total)> progress =
      [](std::uint64_t, std::uint64_t) { return true; };  // false stops the import
};

// The name that the source goes by in the set: of `source`, else of the kernel.
[[nodiscard]] Fallible<FileSetInfo> import_installer(Store& store, const InstallerRequest& request);

}  // namespace slipway::images
