#include "images/archive.hpp"

namespace slipway::images {

int open_into(archive* handle, Bytes& out) {
  const auto append = [](archive*, void* user, const void* data, std::size_t size) -> la_ssize_t {
    const auto* octets = static_cast<const std::uint8_t*>(data);
    auto& bytes = *static_cast<Bytes*>(user);
    bytes.insert(bytes.end(), octets, octets + size);
    return static_cast<la_ssize_t>(size);
  };
  return archive_write_open2(handle, &out, nullptr, append, nullptr, nullptr);
}

Fallible<void> write_entry(archive* handle, archive_entry* entry, ByteView content) {
  const std::string path = archive_entry_pathname(entry);
  if (archive_write_header(handle, entry) != ARCHIVE_OK) return archive_failure(path, handle);
  if (content.empty()) return {};
  const auto written = archive_write_data(handle, content.data(), content.size());
  if (written < 0) return archive_failure(path, handle);
  if (static_cast<std::size_t>(written) != content.size()) return fail(path + ": cut short");
  return {};
}

}  // namespace slipway::images
