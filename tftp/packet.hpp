// tftp/packet.hpp -- the datagrams of TFTP. RFC 1350 s.5, RFC 2347.
//
//   RRQ/WRQ  1|2  name 0 mode 0 {option 0 value 0}      DATA  3  block  octets
//   ACK      4    block                                 ERROR 5  code  text 0
//   OACK     6    {option 0 value 0}
//
// Pure functions over the caller's spans; views point into the datagram.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "tftp/errc.hpp"

namespace slipway::tftp {

// NOLINTNEXTLINE(performance-enum-size): 16 bits on the wire
enum class Opcode : std::uint16_t { rrq = 1, wrq, data, ack, error, oack };

// NOLINTNEXTLINE(performance-enum-size): 16 bits on the wire
enum class ErrorCode : std::uint16_t {
  undefined,
  not_found,
  access_violation,
  disk_full,
  illegal_operation,
  unknown_transfer_id,
  file_exists,
  no_such_user,
  option_refused,  // RFC 2347; clients end a tsize probe with it
};

inline constexpr std::size_t kDataHeaderOctets = 4;

// A first datagram to port 69.
struct Request {
  bool write = false;
  std::string_view name;  // as it came: see name.hpp
  std::string_view mode;
  ByteView options;  // pairs of strings, each with its NUL: see options.hpp
};

// Fails with truncated, or bad_opcode for a datagram that is neither RRQ nor WRQ.
[[nodiscard]] Result<Request> parse_request(ByteView wire);

// Case does not matter (RFC 1350 s.5).
[[nodiscard]] bool is_octet_mode(std::string_view mode);

// What a client may send within a transfer.
struct Answer {
  enum class Kind : std::uint8_t { ack, error };
  Kind kind = Kind::ack;
  std::uint16_t number = 0;  // the block, or the error code
  std::string_view text;     // of an error, possibly without NUL; empty for an ACK
};

// Fails with truncated, or bad_opcode for anything but ACK and ERROR.
[[nodiscard]] Result<Answer> parse_answer(ByteView wire);

// An ERROR datagram; `text` is for a person's eyes on a firmware screen.
void write_error(Writer& writer, ErrorCode code, std::string_view text);

}  // namespace slipway::tftp
