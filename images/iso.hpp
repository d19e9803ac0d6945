// images/iso.hpp -- small ISO 9660 file systems (ECMA-119 with Joliet and Rock Ridge), by
// libarchive.
//
// cloud-init's NoCloud takes its seed from such a file system labelled `cidata`. Same input, same
// octets: every date in it is 1980-01-01 00:00 UTC.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace slipway::images {

struct IsoFile {
  std::string name;  // in the root: [A-Za-z0-9._-]+, at most 64 characters
  std::string content;
};

// The file system's octets, a multiple of 4096 (so that 4 KiB sectors can hold it). Fails for a
// bad name, a name twice, or a label that is not 1..16 of [A-Za-z0-9_-].
[[nodiscard]] Fallible<Bytes> make_iso(std::string_view label, std::vector<IsoFile> files);

}  // namespace slipway::images
