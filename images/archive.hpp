// images/archive.hpp -- what the libarchive users of this folder share: handles that free
// themselves.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace slipway::images {

struct FreeArchive {
  // Both kinds are freed alike; a failure to close shows in archive_write_close() before.
  void operator()(archive* handle) const { (void)archive_free(handle); }
};
struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};
using ArchiveHandle = std::unique_ptr<archive, FreeArchive>;
using EntryHandle = std::unique_ptr<archive_entry, FreeEntry>;

[[nodiscard]] inline std::unexpected<Error> archive_failure(std::string_view doing,
                                                            archive* handle) {
  const char* text = archive_error_string(handle);
  return fail(std::string(doing) + ": " + (text != nullptr ? text : "unknown error of libarchive"));
}

// Opens `handle` for writing into `out`, which must outlive it.
[[nodiscard]] int open_into(archive* handle, Bytes& out);

// Writes one whole entry.
[[nodiscard]] Fallible<void> write_entry(archive* handle, archive_entry* entry, ByteView content);

}  // namespace slipway::images
