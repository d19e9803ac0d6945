#include "images/blob_writer.hpp"

#include <system_error>

namespace slipway::images {

namespace fs = std::filesystem;

fs::path blob_place(const fs::path& root, const Sha256& digest) {
  const auto name = digest.text();
  return root / "blobs" / "sha256" / name.substr(0, 2) / name;
}

Fallible<void> BlobWriter::write(ByteView octets) {
  auto good = file_.write(octets);
  if (!good) return good;
  digest_.update(octets);
  octets_ += octets.size();
  return {};
}

Fallible<StoredBlob> BlobWriter::finish(const std::optional<Sha256>& expected) && {
  const StoredBlob blob{digest_.finish(), octets_};
  if (expected && *expected != blob.sha256) {
    return fail("SHA-256 is " + blob.sha256.text() + ", expected " + expected->text());
  }
  const auto place = blob_place(root_, blob.sha256);
  std::error_code error;
  if (fs::is_regular_file(place, error)) return blob;  // of the same octets, by its name
  auto good = std::move(file_).publish(place, root_);
  if (!good) return std::unexpected(good.error());
  return blob;
}

}  // namespace slipway::images
