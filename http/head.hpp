// http/head.hpp -- the head of a message: request line or status line, then headers. RFC 9112.
//
// Strict and pure. A head that two programs could read differently is refused, not repaired: bare
// LF, folded lines, spaces before a colon, two lengths, a length beside a transfer coding. The
// caller closes the connection after every refusal, so nothing can be smuggled behind one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/result.hpp"
#include "http/message.hpp"

namespace slipway::http {

enum class Errc {
  malformed = 1,       // not HTTP/1.x, or not unambiguously so
  tls,                 // the start of a TLS handshake (RFC 8446 s.5.1)
  bad_target,          // the target is no path that we would look up
  head_too_large,      // above kMaxHeadOctets or kMaxHeaders
  target_too_long,     // above kMaxTargetOctets
  conflicting_length,  // two lengths, or a length beside Transfer-Encoding
  length_required,     // a chunked body: say Content-Length instead
  transfer_coding,     // a coding that we do not have
  version,             // HTTP of another major version
  expectation,         // Expect with anything but 100-continue
};
[[nodiscard]] std::error_code make_error_code(Errc code);

// The status that answers a refused head: 400, 411, 414, 417, 431, 501 or 505.
[[nodiscard]] int status_of(std::error_code error);

inline constexpr std::size_t kMaxHeadOctets = 16'384;
inline constexpr std::size_t kMaxTargetOctets = 8'000;
inline constexpr std::size_t kMaxHeaders = 100;

struct RequestHead {
  Method method = Method::get;
  std::string method_name;  // as written, for the log
  std::string path;         // as Target::path
  std::string query;
  std::vector<Header> headers;
  std::uint64_t content_length = 0;
  bool is_http_1_0 = false;
  bool keep_alive = true;
  bool expects_continue = false;
  std::size_t octets = 0;  // of the head, its empty line included
};

// Reads the head at the start of `wire`; nullopt when its end has not arrived yet. One empty line
// before it is skipped (RFC 9112 s.2.2). Fails as soon as `wire` cannot become a valid head.
[[nodiscard]] Result<std::optional<RequestHead>> parse_request_head(std::string_view wire);

struct ResponseHead {
  int status = 0;  // 100..599
  std::vector<Header> headers;
  std::optional<std::uint64_t> content_length;  // nullopt: none was given
  bool keep_alive = true;
  std::size_t octets = 0;
};

// The same for answers, as the client reads them. Fails with transfer_coding where one is used.
[[nodiscard]] Result<std::optional<ResponseHead>> parse_response_head(std::string_view wire);

// The first header `name`, whatever its case.
[[nodiscard]] std::optional<std::string_view> find_header(const std::vector<Header>& headers,
                                                          std::string_view name);

}  // namespace slipway::http

template <>
struct std::is_error_code_enum<slipway::http::Errc> : std::true_type {};
