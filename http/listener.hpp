// http/listener.hpp -- a listening socket, TCP or UNIX. No event loop: server.hpp accepts from it.
//
// Opening needs privileges that serving does not, so it is a step of its own: open first, drop
// privileges, then serve.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/net.hpp"
#include "base/result.hpp"

namespace slipway::http {

// Owns the descriptor, which is non-blocking, and the file of a UNIX socket.
class Listener {
 public:
  // `address` 0.0.0.0 means all. `port` 0 lets the kernel choose; port() tells. A non-empty
  // `interface` ("eth1") also confines the socket to it (SO_BINDTODEVICE, needs CAP_NET_RAW).
  [[nodiscard]] static Fallible<Listener> open_tcp(Ipv4 address, std::uint16_t port,
                                                   const std::string& interface = {});

  // The file gets `mode` (0600, 0660) before anyone can connect. A socket file that no process
  // listens on is left over from a crash and is replaced; a live one, or a file of another kind, is
  // an error. The path has at most 107 octets (unix(7)).
  [[nodiscard]] static Fallible<Listener> open_unix(const std::string& path, mode_t mode);

  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&& other) noexcept;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();  // closes, and removes the socket file

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] std::uint16_t port() const;                        // 0 for a UNIX socket
  [[nodiscard]] const std::string& text() const { return text_; }  // "0.0.0.0:8080 (eth1)", a path

 private:
  Listener(int descriptor, std::string text) : descriptor_(descriptor), text_(std::move(text)) {}

  int descriptor_ = -1;
  std::string text_;
  std::string path_;  // to remove at the end; empty for TCP
};

}  // namespace slipway::http
