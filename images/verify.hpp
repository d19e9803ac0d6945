// images/verify.hpp -- whether the store still holds what it took in.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "images/store.hpp"

namespace slipway::images {

// Octets read so far, of all. False stops, which is then the last mistake.
using VerifyProgress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

// Reads everything that the name stands for and holds it against its digests: the blobs by their
// names; of a disk image each chunk as stored and unpacked, the zero ranges and the whole raw
// image. A mistake names image, chunk and offset. Empty: all is well.
[[nodiscard]] std::vector<Error> verify_image(const Store& store, const ImageName& name,
                                              const VerifyProgress& progress);

// Whether the blob's octets hash to its name.
[[nodiscard]] Fallible<void> verify_blob(const Store& store, const Sha256& digest);

}  // namespace slipway::images
