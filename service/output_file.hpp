// service/output_file.hpp -- a file that a command makes for a person: whole under its name, or not
// there.
#pragma once

#include <filesystem>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace slipway::service {

// Returns when `target` holds `octets`, in the place of a former file, and all of it is durable;
// its folder must exist. Fails when `target` is there and is no regular file: a device would be
// replaced by a file, not written.
[[nodiscard]] Fallible<void> write_output(const std::filesystem::path& target, ByteView octets,
                                          unsigned mode);

}  // namespace slipway::service
