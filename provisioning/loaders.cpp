#include "provisioning/loaders.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace slipway::provisioning {
namespace {

constexpr std::array<std::string_view, 4> kPublished{"undionly.kpxe", "ipxe.pxe", "ipxe.efi",
                                                     "snponly.efi"};
constexpr std::uint64_t kLargestLoader = 16U << 20U;

class InMemory final : public tftp::Source {
 public:
  explicit InMemory(Bytes bytes) : bytes_(std::move(bytes)) {}
  [[nodiscard]] std::uint64_t size_octets() const override { return bytes_.size(); }
  [[nodiscard]] Result<std::size_t> read(std::uint64_t offset,
                                         std::span<std::uint8_t> out) const override {
    if (offset >= bytes_.size()) return 0;
    const auto size = std::min<std::size_t>(out.size(), bytes_.size() - offset);
    std::memcpy(out.data(), bytes_.data() + offset, size);
    return size;
  }

 private:
  Bytes bytes_;
};

// All of `file`, or nothing when it cannot be read to its end.
std::optional<Bytes> content_of(const http::File& file) {
  if (file.size_octets() > kLargestLoader) return std::nullopt;
  Bytes bytes(file.size_octets());
  std::size_t got = 0;
  while (got < bytes.size()) {
    const auto octets =
        ::pread(file.descriptor(), bytes.data() + got, bytes.size() - got, static_cast<off_t>(got));
    if (octets <= 0) return std::nullopt;
    got += static_cast<std::size_t>(octets);
  }
  return bytes;
}

}  // namespace

Loaders::Loaders(const std::filesystem::path& folder) {
  for (const auto name : kPublished) read(folder / name, std::string(name));
}

void Loaders::read(const std::filesystem::path& path, const std::string& name) {
  auto file = http::File::open(path.string());
  std::optional<Bytes> bytes;
  if (file) bytes = content_of(**file);
  if (!bytes) {
    missing_.push_back(name);
    return;
  }
  loaders_[name] = {.source = std::make_shared<const InMemory>(std::move(*bytes)),
                    .file = std::move(*file)};
}

std::shared_ptr<const tftp::Source> Loaders::source(std::string_view name) const {
  const auto found = loaders_.find(name);
  return found == loaders_.end() ? nullptr : found->second.source;
}

std::shared_ptr<const http::File> Loaders::file(std::string_view name) const {
  const auto found = loaders_.find(name);
  return found == loaders_.end() ? nullptr : found->second.file;
}

}  // namespace slipway::provisioning
