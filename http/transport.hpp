// http/transport.hpp -- the octets of one connection, as they are or through TLS. No event loop.
//
// Every call does what can be done at once and says what it waits for; connection.hpp does the
// waiting. Plain sockets here, TLS in tls.hpp: requests and answers do not know which it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "http/respond.hpp"

namespace slipway::http {

enum class Step : std::uint8_t {
  done,         // octets were moved
  wants_read,   // nothing was: call again when the socket is readable
  wants_write,  // ... when it is writable
  over,         // the peer has ended the connection, or it is broken
  foreign       // handshake() alone: the peer speaks plain HTTP where TLS is spoken
};

struct Moved {
  Step step = Step::over;
  std::size_t octets = 0;  // with `done` at least 1
};

class Transport {
 public:
  virtual ~Transport() = default;

  // Comes before all else, until it is done.
  [[nodiscard]] virtual Step handshake() = 0;
  // When `buffer` was filled whole there may be more without the socket becoming readable.
  [[nodiscard]] virtual Moved receive(std::span<char> buffer) = 0;
  // `octets` is not empty; what was not taken must come again, as much of it or more. When
  // `more_follows` the kernel may wait for it to fill a segment.
  [[nodiscard]] virtual Moved send(std::string_view octets, bool more_follows) = 0;
  // The same for a part of a file, which is not empty; a file that is shorter breaks the
  // connection.
  [[nodiscard]] virtual Moved send_file(const FileSlice& slice) = 0;
  // Says that nothing more is sent. Does not wait until the peer has heard it.
  virtual void finish() = 0;
};

// `descriptor`, a connected and non-blocking socket, stays the caller's.
[[nodiscard]] std::unique_ptr<Transport> plain_transport(int descriptor);

// What is left to send of an answer.
class Outgoing {
 public:
  explicit Outgoing(Wire wire) : wire_(std::move(wire)) {}

  [[nodiscard]] bool is_done() const { return at_ == wire_.pieces.size(); }
  // Sends of the piece at hand what `transport` takes at once, at most kTurnOctets.
  [[nodiscard]] Moved push(Transport& transport);

  // What one connection may send before the others get their turn.
  static constexpr std::size_t kTurnOctets = 1U << 20U;

 private:
  Wire wire_;
  std::size_t at_ = 0;           // the piece
  std::size_t sent_octets_ = 0;  // of a piece of text
};

}  // namespace slipway::http
