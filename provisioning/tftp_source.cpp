#include "provisioning/tftp_source.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace slipway::provisioning {
namespace {

class InMemory final : public tftp::Source {
 public:
  explicit InMemory(Bytes octets) : octets_(std::move(octets)) {}
  [[nodiscard]] std::uint64_t size_octets() const override { return octets_.size(); }
  [[nodiscard]] Result<std::size_t> read(std::uint64_t offset,
                                         std::span<std::uint8_t> out) const override {
    if (offset >= octets_.size()) return 0;
    const auto rest = ByteView(octets_).subspan(offset);
    const auto count = std::min(rest.size(), out.size());
    std::ranges::copy(rest.first(count), out.begin());
    return count;
  }

 private:
  Bytes octets_;
};

class OnDisk final : public tftp::Source {
 public:
  explicit OnDisk(std::shared_ptr<const http::File> file) : file_(std::move(file)) {}
  [[nodiscard]] std::uint64_t size_octets() const override { return file_->size_octets(); }
  [[nodiscard]] Result<std::size_t> read(std::uint64_t offset,
                                         std::span<std::uint8_t> out) const override {
    std::size_t got = 0;
    while (got < out.size()) {
      const auto octets = ::pread(file_->descriptor(), out.data() + got, out.size() - got,
                                  static_cast<off_t>(offset + got));
      if (octets == 0) break;
      if (octets > 0) {
        got += static_cast<std::size_t>(octets);
      } else if (errno != EINTR) {
        return std::unexpected(std::error_code(errno, std::generic_category()));
      }
    }
    return got;
  }

 private:
  std::shared_ptr<const http::File> file_;
};

}  // namespace

std::shared_ptr<const tftp::Source> in_memory(Bytes octets) {
  return std::make_shared<const InMemory>(std::move(octets));
}

std::shared_ptr<const tftp::Source> on_disk(std::shared_ptr<const http::File> file) {
  return std::make_shared<const OnDisk>(std::move(file));
}

}  // namespace slipway::provisioning
