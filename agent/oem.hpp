// agent/oem.hpp -- the host's document for Kairos, put into the file system that Kairos reads
// first.
#pragma once

#include <expected>
#include <string>

#include "agent/failure.hpp"
#include "agent/loop_device.hpp"
#include "base/crypto.hpp"

namespace slipway::agent {

// The label of that file system, or the name of its partition.
inline constexpr std::string_view kOemLabel = "COS_OEM";

struct Document {
  std::string name;  // of the file, without a folder
  std::string text;
  Sha256 sha256;  // of `text`
};

// Writes the document into the root folder of the ext file system on `part`, mode 0600, in the
// place of a file of that name; what a link of that name points to stays as it is. Returns when it
// is durable and was read back from the disk. Fails with oem-write-failed: no room, a folder of
// that name, a file system that the kernel refuses.
[[nodiscard]] std::expected<void, Failure> write_document(const DiskPart& part,
                                                          const Document& document);

}  // namespace slipway::agent
