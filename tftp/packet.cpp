#include "tftp/packet.hpp"

#include "tftp/options.hpp"

namespace slipway::tftp {

Result<Request> parse_request(ByteView wire) {
  Reader reader(wire);
  const Opcode opcode{reader.u16()};
  if (reader.failed()) return std::unexpected(make_error_code(Errc::truncated));
  if (opcode != Opcode::rrq && opcode != Opcode::wrq) {
    return std::unexpected(make_error_code(Errc::bad_opcode));
  }
  Request request;
  request.write = opcode == Opcode::wrq;
  request.name = reader.c_string();
  request.mode = reader.c_string();
  if (reader.failed()) return std::unexpected(make_error_code(Errc::truncated));
  request.options = reader.rest();
  return request;
}

bool is_octet_mode(std::string_view mode) { return equal_ignoring_case(mode, "octet"); }

Result<Answer> parse_answer(ByteView wire) {
  Reader reader(wire);
  const Opcode opcode{reader.u16()};
  const auto number = reader.u16();
  if (reader.failed()) return std::unexpected(make_error_code(Errc::truncated));
  if (opcode == Opcode::ack) return Answer{Answer::Kind::ack, number, {}};
  if (opcode != Opcode::error) return std::unexpected(make_error_code(Errc::bad_opcode));
  const auto rest = as_text(reader.rest());
  return Answer{Answer::Kind::error, number, rest.substr(0, rest.find('\0'))};
}

void write_error(Writer& writer, ErrorCode code, std::string_view text) {
  writer.u16(static_cast<std::uint16_t>(Opcode::error));
  writer.u16(static_cast<std::uint16_t>(code));
  writer.text(text);
  writer.u8(0);
}

}  // namespace slipway::tftp
