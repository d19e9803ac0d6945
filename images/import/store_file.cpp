#include "images/import/store_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/descriptor.hpp"

namespace slipway::images {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCopyOctets = std::size_t{1} << 20;

}  // namespace

Fallible<StoredFile> store_file(Store& store, const fs::path& path, const std::string& name) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return fail_errno("opening " + path.string(), errno);
  auto blob = store.begin_blob();
  if (!blob) return std::unexpected(blob.error());
  Bytes piece(kCopyOctets);
  while (true) {
    const auto got = ::read(file.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("reading " + path.string(), errno);
    if (got == 0) break;
    auto good = blob->write(ByteView(piece).first(static_cast<std::size_t>(got)));
    if (!good) return std::unexpected(good.error());
  }
  const auto stored = std::move(*blob).finish();
  if (!stored) return std::unexpected(stored.error());
  return StoredFile{name, stored->octets, stored->sha256};
}

}  // namespace slipway::images
