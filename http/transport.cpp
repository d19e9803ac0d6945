#include "http/transport.hpp"

#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace slipway::http {
namespace {

// Repeats `call` when a signal came in between. `when_full`: what EAGAIN means.
template <class Call>
Moved once(const Call& call, Step when_full) {
  while (true) {
    const ssize_t count = call();
    if (count > 0) return {Step::done, static_cast<std::size_t>(count)};
    if (count == 0) return {Step::over};  // the peer's end, or a file that became shorter
    if (errno != EINTR) return {errno == EAGAIN ? when_full : Step::over};
  }
}

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(int descriptor) : descriptor_(descriptor) {}

  Step handshake() override { return Step::done; }
  Moved receive(std::span<char> buffer) override {
    return once([&] { return ::recv(descriptor_, buffer.data(), buffer.size(), 0); },
                Step::wants_read);
  }
  Moved send(std::string_view octets, bool more_follows) override {
    const int flags = MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0);
    return once([&] { return ::send(descriptor_, octets.data(), octets.size(), flags); },
                Step::wants_write);
  }
  Moved send_file(const FileSlice& slice) override {
    auto offset = static_cast<off_t>(slice.offset);
    const auto wanted = std::min<std::uint64_t>(slice.octets, Outgoing::kTurnOctets);
    return once([&] { return ::sendfile(descriptor_, slice.file->descriptor(), &offset, wanted); },
                Step::wants_write);
  }
  void finish() override {
    (void)::shutdown(descriptor_, SHUT_WR);  // fails only if the client is gone
  }

 private:
  int descriptor_;
};

}  // namespace

std::unique_ptr<Transport> plain_transport(int descriptor) {
  return std::make_unique<PlainTransport>(descriptor);
}

Moved Outgoing::push(Transport& transport) {
  auto& piece = wire_.pieces[at_];
  const bool more_follows = at_ + 1 < wire_.pieces.size();
  Moved moved;
  std::uint64_t left = 0;
  if (const auto* text = std::get_if<std::string>(&piece)) {
    moved = transport.send(std::string_view(*text).substr(sent_octets_), more_follows);
    sent_octets_ += moved.octets;
    left = text->size() - sent_octets_;
  } else {
    auto& slice = std::get<FileSlice>(piece);
    moved = transport.send_file(slice);
    slice.offset += moved.octets;
    slice.octets -= moved.octets;
    left = slice.octets;
  }
  if (left == 0) {
    ++at_;
    sent_octets_ = 0;
  }
  return moved;
}

}  // namespace slipway::http
