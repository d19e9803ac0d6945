// images/import/squashfs.hpp -- a squashfs image out of a tar stream, by the distribution's
// mksquashfs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace slipway::images {

// Hands an archive's octets to `take`, in order. A failure of `take` is its own.
using TarSource =
    std::function<Fallible<void>(const std::function<Fallible<void>(ByteView)>& take)>;

// Writes `file`, which must not exist, with `seconds` (since 1970) as its newest time: the
// same archive and time give the same octets. gzip, which every kernel with squashfs reads.
[[nodiscard]] Fallible<void> make_squashfs(const std::filesystem::path& file, std::int64_t seconds,
                                           const TarSource& source);

}  // namespace slipway::images
