// images/import/oci_import.hpp -- what a registry holds under a reference -> the store.
//
//   one layer that is no container layer       its content is the file: a disk image, an ISO
//   several such layers, titled                the files of an installer: kernel, initrd, rootfs
//   container layers                           flattened (container.hpp)
#pragma once

#include <string>
#include <variant>

#include "images/file_set.hpp"
#include "images/import/registry.hpp"
#include "images/store.hpp"

namespace slipway::images {

struct OciRequest {
  OciReference reference;
  RegistryOptions registry;
  ImageName name;
  std::string cmdline = {};  // of an installer
};

// Either a file for whoever tells files by their content, or what has been published.
using OciResult = std::variant<Downloaded, FileSetInfo>;
[[nodiscard]] Fallible<OciResult> import_oci(Store& store, const OciRequest& request);

// The role of a titled layer: kernel, initrd or rootfs; empty for other titles.
[[nodiscard]] std::string role_of(std::string_view title);

}  // namespace slipway::images
