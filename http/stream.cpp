#include "http/stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace slipway::http {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kSocketFlags = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;

// The socket API takes every kind of address through one pointer type.
template <class Address>
int start_connect(int descriptor, const Address& address) {
  return ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

std::string seconds_text(milliseconds patience) {
  return std::to_string((patience.count() + 500) / 1000) + " s";
}

}  // namespace

Fallible<Stream> Stream::connect_tcp(Endpoint endpoint, milliseconds patience) {
  const auto where = "connecting to " + endpoint.text();
  Stream stream(::socket(AF_INET, kSocketFlags, 0));
  if (!stream.is_connected()) return fail_errno(where, errno);
  const int yes = 1;
  // Requests are sent whole: waiting for more (Nagle) only delays them.
  (void)::setsockopt(stream.descriptor_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  stream.notice_dead_peers();
  sockaddr_in remote{};
  remote.sin_family = AF_INET;
  remote.sin_port = htons(endpoint.port);
  remote.sin_addr.s_addr = htonl(endpoint.address.number());
  const auto done = stream.finish_connect(start_connect(stream.descriptor_, remote), patience);
  if (!done) return fail(done.error(), where);
  return stream;
}

Fallible<Stream> Stream::connect_unix(const std::string& path, milliseconds patience) {
  const auto where = "connecting to " + path;
  sockaddr_un remote{};
  remote.sun_family = AF_UNIX;
  if (path.size() >= sizeof(remote.sun_path)) return fail(where + ": the path is too long");
  std::ranges::copy(path, remote.sun_path);
  Stream stream(::socket(AF_UNIX, kSocketFlags, 0));
  if (!stream.is_connected()) return fail_errno(where, errno);
  const auto done = stream.finish_connect(start_connect(stream.descriptor_, remote), patience);
  if (!done) return fail(done.error(), where);
  return stream;
}

// A peer that vanished, or an address of ours that is no more, says nothing. Without this a request
// waits for its answer's whole time, and what was sent is repeated for a quarter of an hour. A
// system that knows an option not only notices later.
void Stream::notice_dead_peers() const {
  const auto set = [this](int level, int option, int value) {
    (void)::setsockopt(descriptor_, level, option, &value, sizeof(value));
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 5);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(IPPROTO_TCP, TCP_KEEPCNT, 2);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 15'000);
}

Fallible<void> Stream::finish_connect(int result, milliseconds patience) const {
  if (result == 0) return {};
  if (errno != EINPROGRESS) return fail(std::generic_category().message(errno));
  const auto ready = wait_for(POLLOUT, patience);
  if (!ready) return ready;
  int failure = 0;
  socklen_t octets = sizeof(failure);
  if (::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &failure, &octets) != 0) failure = errno;
  if (failure != 0) return fail(std::generic_category().message(failure));
  return {};
}

Stream::Stream(Stream&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

Stream& Stream::operator=(Stream&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

Stream::~Stream() { close(); }

void Stream::close() {
  if (descriptor_ >= 0) (void)::close(descriptor_);  // what was sent, was acknowledged by an answer
  descriptor_ = -1;
}

bool Stream::is_stale() const {
  char octet = 0;
  const auto count = ::recv(descriptor_, &octet, 1, MSG_PEEK | MSG_DONTWAIT);
  return count >= 0 || (errno != EAGAIN && errno != EINTR);
}

Fallible<void> Stream::wait_for(short events, milliseconds patience) const {
  const auto deadline = Clock::now() + patience;
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    pollfd wish{descriptor_, events, 0};
    const int ready = ::poll(&wish, 1, static_cast<int>(std::max(left, milliseconds(0)).count()));
    if (ready > 0) return {};
    if (ready == 0) return fail("no answer within " + seconds_text(patience));
    if (errno != EINTR) return fail_errno("waiting", errno);
  }
}

Fallible<void> Stream::send(std::string_view octets, milliseconds patience) {
  while (!octets.empty()) {
    const auto sent = ::send(descriptor_, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      octets.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno != EAGAIN && errno != EINTR) return fail_errno("sending", errno);
    const auto ready = wait_for(POLLOUT, patience);
    if (!ready) return fail(ready.error(), "sending");
  }
  return {};
}

Fallible<std::size_t> Stream::receive(std::span<char> buffer, milliseconds patience) {
  while (true) {
    const auto count = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EAGAIN && errno != EINTR) return fail_errno("receiving", errno);
    const auto ready = wait_for(POLLIN, patience);
    if (!ready) return fail(ready.error(), "receiving");
  }
}

}  // namespace slipway::http
