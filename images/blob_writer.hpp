// images/blob_writer.hpp -- a blob of the store on its way: streamed, hashed, named by its digest.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "base/result.hpp"
#include "images/files.hpp"

namespace slipway::images {

struct StoredBlob {
  Sha256 sha256;             // its name
  std::uint64_t octets = 0;  // its size
};

// Begun by Store::begin_blob(), whose store must outlive it: the store's lock is what keeps others
// from taking the blob away before a name uses it. Nothing is left behind unless it was finished.
class BlobWriter {
 public:
  [[nodiscard]] Fallible<void> write(ByteView octets);

  // Afterwards the blob is there for good, whatever happens to the power. Fails, and keeps nothing,
  // when the octets do not hash to `expected`.
  [[nodiscard]] Fallible<StoredBlob> finish(const std::optional<Sha256>& expected = {}) &&;

 private:
  friend class Store;
  BlobWriter(std::filesystem::path root, NewFile file)
      : root_(std::move(root)), file_(std::move(file)) {}

  std::filesystem::path root_;  // of the store
  NewFile file_;
  Sha256Stream digest_;
  std::uint64_t octets_ = 0;
};

// Where the store below `root` keeps the blob.
[[nodiscard]] std::filesystem::path blob_place(const std::filesystem::path& root,
                                               const Sha256& digest);

}  // namespace slipway::images
