// http/stream.hpp -- a connected byte stream to a server, with a deadline on every step.
//
// Blocking for its caller, non-blocking underneath (poll), so that no peer can hold the caller
// longer than it wants to wait. No HTTP here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/net.hpp"
#include "base/result.hpp"

namespace slipway::http {

class Stream {
 public:
  // Fail when the other side refuses or does not answer within `patience`.
  [[nodiscard]] static Fallible<Stream> connect_tcp(Endpoint endpoint,
                                                    std::chrono::milliseconds patience);
  [[nodiscard]] static Fallible<Stream> connect_unix(const std::string& path,
                                                     std::chrono::milliseconds patience);

  Stream() = default;  // not connected
  Stream(Stream&& other) noexcept;
  Stream& operator=(Stream&& other) noexcept;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream();

  [[nodiscard]] bool is_connected() const { return descriptor_ >= 0; }
  // Whether an idle connection is of no more use: the server closed it or spoke out of turn.
  [[nodiscard]] bool is_stale() const;
  void close();

  // Sends all of `octets`; fails when the peer takes none of them for `patience`.
  [[nodiscard]] Fallible<void> send(std::string_view octets, std::chrono::milliseconds patience);
  // Waits at most `patience` for octets, and gives how many were put into `buffer`; 0 is the end.
  [[nodiscard]] Fallible<std::size_t> receive(std::span<char> buffer,
                                              std::chrono::milliseconds patience);

 private:
  explicit Stream(int descriptor) : descriptor_(descriptor) {}
  [[nodiscard]] Fallible<void> wait_for(short events, std::chrono::milliseconds patience) const;
  void notice_dead_peers() const;
  [[nodiscard]] Fallible<void> finish_connect(int result, std::chrono::milliseconds patience) const;

  int descriptor_ = -1;
};

}  // namespace slipway::http
