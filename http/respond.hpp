// http/respond.hpp -- from what a handler answered to what goes over the wire. RFC 9110, RFC 9112.
//
// Pure but for the boundary of a multi-range answer, which is random: writes the head, applies
// Range and conditions to files, and says which octets follow. connection.hpp sends them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "http/message.hpp"

namespace slipway::http {

// A part of a file, to be sent without copying.
struct FileSlice {
  std::shared_ptr<const File> file;
  std::uint64_t offset = 0;
  std::uint64_t octets = 0;
};

// A message ready to send: its pieces in their order, the first of which begins with the head.
struct Wire {
  int status = 200;
  std::uint64_t body_octets = 0;  // that the pieces hold after the head: 0 for HEAD
  std::vector<std::variant<std::string, FileSlice>> pieces;
};

// What the connection knows and the handler does not.
struct Delivery {
  std::string_view date;     // as http_date() writes it
  bool keep_alive = true;    // false adds "Connection: close"
  bool is_http_1_0 = false;  // then keep-alive has to be said
};

[[nodiscard]] Wire respond(const Request& request, Response response, const Delivery& delivery);

// "Not Found"; empty for a status that has no common name.
[[nodiscard]] std::string_view reason_of(int status);

}  // namespace slipway::http
