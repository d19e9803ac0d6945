#include "http/listener.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

namespace slipway::http {
namespace {

// As many connections may wait to be accepted as the kernel allows (net.core.somaxconn cuts it):
// a depot switches a whole rack on at once.
constexpr int kBacklog = 4096;

// The socket API takes every kind of address through one pointer type.
template <class Address>
const sockaddr* as_sockaddr(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

bool bind_to_interface(int descriptor, const std::string& interface) {
  return interface.empty() ||
         ::setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                      static_cast<socklen_t>(interface.size())) == 0;
}

std::optional<sockaddr_un> to_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) return std::nullopt;
  std::ranges::copy(path, address.sun_path);
  return address;
}

// Whether a process accepts on the socket file.
bool is_alive(const sockaddr_un& address) {
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return true;  // not known: then it must not be removed
  const bool refused =
      ::connect(probe, as_sockaddr(address), sizeof(address)) != 0 && errno == ECONNREFUSED;
  (void)::close(probe);  // nothing was sent
  return !refused;
}

Fallible<void> remove_stale_socket(const std::string& path, const sockaddr_un& address) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) return fail("the file exists and is no socket");
  if (is_alive(address)) return fail("another process listens on it: stop that one first");
  if (::unlink(path.c_str()) != 0) return fail_errno("removing the stale socket", errno);
  return {};
}

}  // namespace

Fallible<Listener> Listener::open_tcp(Ipv4 address, std::uint16_t port,
                                      const std::string& interface) {
  auto text = address.text() + ":" + std::to_string(port);
  if (!interface.empty()) text += " (" + interface + ")";
  const auto where = "listening on " + text;
  Listener listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), text);
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_port = htons(port);
  local.sin_addr.s_addr = htonl(address.number());
  const int yes = 1;
  // REUSEADDR: a restart must not wait for the last connections' TIME-WAIT.
  const bool ready =
      listener.descriptor_ >= 0 &&
      ::setsockopt(listener.descriptor_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
      bind_to_interface(listener.descriptor_, interface) &&
      ::bind(listener.descriptor_, as_sockaddr(local), sizeof(local)) == 0 &&
      ::listen(listener.descriptor_, kBacklog) == 0;
  if (!ready) return fail_errno(where, errno);
  return listener;
}

Fallible<Listener> Listener::open_unix(const std::string& path, mode_t mode) {
  const auto where = "listening on " + path;
  const auto address = to_address(path);
  if (!address) return fail(where + ": the path must have 1 to 107 octets");
  const auto cleared = remove_stale_socket(path, *address);
  if (!cleared) return fail(cleared.error(), where);
  Listener listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), path);
  // The mode of the unbound socket becomes that of the file, less the umask; chmod() restores what
  // the umask took. At no moment is the file more open than `mode`.
  if (listener.descriptor_ < 0 || ::fchmod(listener.descriptor_, mode) != 0 ||
      ::bind(listener.descriptor_, as_sockaddr(*address), sizeof(*address)) != 0) {
    return fail_errno(where, errno);
  }
  listener.path_ = path;
  if (::chmod(path.c_str(), mode) != 0 || ::listen(listener.descriptor_, kBacklog) != 0) {
    return fail_errno(where, errno);
  }
  return listener;
}

Listener::Listener(Listener&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      text_(std::move(other.text_)),
      path_(std::exchange(other.path_, {})) {}

Listener& Listener::operator=(Listener&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(text_, other.text_);
  std::swap(path_, other.path_);
  return *this;
}

Listener::~Listener() {
  // Nothing can be done about a failure of either; a stale file is replaced at the next start.
  if (!path_.empty()) (void)::unlink(path_.c_str());
  if (descriptor_ >= 0) (void)::close(descriptor_);
}

std::uint16_t Listener::port() const {
  sockaddr_in local{};
  socklen_t octets = sizeof(local);
  const bool known = ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&local), &octets) == 0;
  return known && local.sin_family == AF_INET ? ntohs(local.sin_port) : std::uint16_t{0};
}

}  // namespace slipway::http
