#include "http/head.hpp"

#include <algorithm>
#include <array>

#include "http/target.hpp"
#include "http/text.hpp"

namespace slipway::http {
namespace {

struct Refusal {
  Errc code;
  int status;
  const char* text;
};

constexpr std::array<Refusal, 10> kRefusals{{
    {Errc::malformed, 400, "the message head is malformed"},
    {Errc::tls, 400, "plain HTTP is expected here, and TLS came"},
    {Errc::bad_target, 400, "the request target is not an acceptable path"},
    {Errc::head_too_large, 431, "the message head is too large"},
    {Errc::target_too_long, 414, "the request target is too long"},
    {Errc::conflicting_length, 400, "the length of the message is ambiguous"},
    {Errc::length_required, 411, "chunked bodies are not accepted: send Content-Length"},
    {Errc::transfer_coding, 501, "the transfer coding is not supported"},
    {Errc::version, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here"},
    {Errc::expectation, 417, "only the expectation 100-continue can be met"},
}};

const Refusal* find_refusal(int code) {
  const auto* found = std::ranges::find(
      kRefusals, code, [](const Refusal& row) { return static_cast<int>(row.code); });
  return found == kRefusals.end() ? nullptr : found;
}

class Category : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "http"; }
  [[nodiscard]] std::string message(int code) const override {
    const auto* refusal = find_refusal(code);
    return refusal == nullptr ? "unknown HTTP error" : refusal->text;
  }
};

const Category& category() {
  static const Category instance;
  return instance;
}

std::unexpected<std::error_code> refuse(Errc code) {
  return std::unexpected(make_error_code(code));
}

constexpr std::string_view kLineEnd = "\r\n";

// Cuts the next line off `text`, whose lines all end in CR LF.
std::string_view take_line(std::string_view& text) {
  const auto end = text.find(kLineEnd);
  const auto line = text.substr(0, end);
  text.remove_prefix(end + kLineEnd.size());
  return line;
}

// Visible ASCII, spaces, tabs and octets of other alphabets. CR, LF and NUL must never get through:
// each ends a line for some reader.
bool is_field_text(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return c == '\t' || (octet >= 0x20 && octet != 0x7F);
  });
}

Result<Header> parse_header(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return refuse(Errc::malformed);
  const auto name = line.substr(0, colon);  // a space before the colon makes it no token
  const auto value = trimmed(line.substr(colon + 1));
  if (!is_token(name) || !is_field_text(value)) return refuse(Errc::malformed);
  return Header{std::string(name), std::string(value)};
}

// `text`: lines up to the empty one, which is left out.
Result<std::vector<Header>> parse_headers(std::string_view text) {
  std::vector<Header> headers;
  headers.reserve(8);
  while (!text.empty()) {
    if (headers.size() == kMaxHeaders) return refuse(Errc::head_too_large);
    auto header = parse_header(take_line(text));
    if (!header) return std::unexpected(header.error());
    headers.push_back(*std::move(header));
  }
  return headers;
}

std::size_t count_headers(const std::vector<Header>& headers, std::string_view name) {
  return static_cast<std::size_t>(std::ranges::count_if(
      headers, [&](const Header& header) { return equal_ignoring_case(header.name, name); }));
}

// The length that both ends must agree on; nullopt when none is given (RFC 9112 s.6.3). Two
// Content-Length are refused even if equal: no client that we serve sends them.
Result<std::optional<std::uint64_t>> parse_length(const std::vector<Header>& headers) {
  const auto lengths = count_headers(headers, "Content-Length");
  if (const auto coding = find_header(headers, "Transfer-Encoding")) {
    if (lengths > 0) return refuse(Errc::conflicting_length);
    return refuse(equal_ignoring_case(*coding, "chunked") ? Errc::length_required
                                                          : Errc::transfer_coding);
  }
  if (lengths == 0) return std::nullopt;
  const auto length = parse_decimal(*find_header(headers, "Content-Length"));
  if (lengths > 1 || !length) return refuse(Errc::conflicting_length);
  return length;
}

bool wants_keep_alive(const std::vector<Header>& headers, bool is_http_1_0) {
  const auto connection = find_header(headers, "Connection").value_or("");
  return is_http_1_0 ? has_member(connection, "keep-alive") : !has_member(connection, "close");
}

bool has_bare_line_feed(std::string_view text) {
  for (auto at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    if (at == 0 || text[at - 1] != '\r') return true;
  }
  return false;
}

// The head in `wire` without its last, empty line; nullopt when that line has not come yet.
Result<std::optional<std::string_view>> cut_head(std::string_view wire) {
  const auto window = wire.substr(0, kMaxHeadOctets);
  const auto end = window.find("\r\n\r\n");
  if (end != std::string_view::npos) return window.substr(0, end + kLineEnd.size());
  if (wire.size() >= kMaxHeadOctets) return refuse(Errc::head_too_large);
  // What a record of a handshake begins with: no method does.
  constexpr char kTlsHandshake = 0x16;
  if (wire.starts_with(kTlsHandshake)) return refuse(Errc::tls);
  // Noise, or lines that end in LF alone, would sit out the header timeout.
  const bool is_noise =
      !wire.empty() && !is_token(wire.substr(0, 1)) && !kLineEnd.starts_with(wire);
  if (is_noise || has_bare_line_feed(wire)) return refuse(Errc::malformed);
  return std::nullopt;
}

struct MethodName {
  std::string_view name;
  Method method;
};

constexpr std::array<MethodName, 5> kMethods{{{"GET", Method::get},
                                              {"HEAD", Method::head},
                                              {"POST", Method::post},
                                              {"PUT", Method::put},
                                              {"DELETE", Method::del}}};

Method method_of(std::string_view name) {
  const auto* found = std::ranges::find(kMethods, name, &MethodName::name);
  return found == kMethods.end() ? Method::other : found->method;
}

// "HTTP/1.0" and "HTTP/1.1"; whether it is 1.0.
Result<bool> parse_version(std::string_view text) {
  if (text == "HTTP/1.1") return false;
  if (text == "HTTP/1.0") return true;
  const bool is_version = text.size() == 8 && text.starts_with("HTTP/") && text[6] == '.' &&
                          parse_decimal(text.substr(5, 1)) && parse_decimal(text.substr(7, 1));
  return refuse(is_version ? Errc::version : Errc::malformed);
}

// "GET /boot.ipxe HTTP/1.1": exactly two spaces.
Result<RequestHead> parse_request_line(std::string_view line) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return refuse(Errc::malformed);
  const auto name = line.substr(0, first);
  const auto raw_target = line.substr(first + 1, last - first - 1);
  if (!is_token(name) || !is_field_text(raw_target)) return refuse(Errc::malformed);
  if (raw_target.find_first_of(" \t") != std::string_view::npos) return refuse(Errc::malformed);
  const auto is_http_1_0 = parse_version(line.substr(last + 1));
  if (!is_http_1_0) return std::unexpected(is_http_1_0.error());
  if (raw_target.size() > kMaxTargetOctets) return refuse(Errc::target_too_long);
  auto target = parse_target(raw_target);
  if (!target) return std::unexpected(target.error());
  RequestHead head;
  head.method = method_of(name);
  head.method_name = name;
  head.path = std::move(target->path);
  head.query = std::move(target->query);
  head.is_http_1_0 = *is_http_1_0;
  return head;
}

// HTTP/1.1 demands exactly one Host (RFC 9112 s.3.2); 1.0 may leave it out.
bool has_right_hosts(const RequestHead& head) {
  const auto hosts = count_headers(head.headers, "Host");
  return hosts == 1 || (hosts == 0 && head.is_http_1_0);
}

// What the headers say of the message itself.
Result<RequestHead> with_framing(RequestHead head) {
  if (!has_right_hosts(head)) return refuse(Errc::malformed);
  const auto length = parse_length(head.headers);
  if (!length) return std::unexpected(length.error());
  head.content_length = length->value_or(0);
  head.keep_alive = wants_keep_alive(head.headers, head.is_http_1_0);
  const auto expectation = find_header(head.headers, "Expect");
  if (expectation && !equal_ignoring_case(*expectation, "100-continue")) {
    return refuse(Errc::expectation);
  }
  head.expects_continue = expectation.has_value() && !head.is_http_1_0;
  return head;
}

// "HTTP/1.1 206 Partial Content"; the reason may be missing with its space.
Result<ResponseHead> parse_status_line(std::string_view line) {
  const auto is_http_1_0 = parse_version(line.substr(0, 8));
  if (!is_http_1_0) return std::unexpected(is_http_1_0.error());
  const auto rest = line.substr(8);
  if (rest.size() < 4 || rest[0] != ' ' || (rest.size() > 4 && rest[4] != ' ')) {
    return refuse(Errc::malformed);
  }
  const auto status = parse_decimal(rest.substr(1, 3));
  if (!status || *status < 100 || *status > 599) return refuse(Errc::malformed);
  ResponseHead head;
  head.status = static_cast<int>(*status);
  head.keep_alive = !*is_http_1_0;
  return head;
}

}  // namespace

std::error_code make_error_code(Errc code) { return {static_cast<int>(code), category()}; }

int status_of(std::error_code error) {
  const auto* refusal = error.category() == category() ? find_refusal(error.value()) : nullptr;
  return refusal == nullptr ? 400 : refusal->status;
}

std::optional<std::string_view> find_header(const std::vector<Header>& headers,
                                            std::string_view name) {
  const auto found = std::ranges::find_if(
      headers, [&](const Header& header) { return equal_ignoring_case(header.name, name); });
  if (found == headers.end()) return std::nullopt;
  return found->value;
}

Result<std::optional<RequestHead>> parse_request_head(std::string_view wire) {
  const std::size_t skipped = wire.starts_with(kLineEnd) ? kLineEnd.size() : 0;
  wire.remove_prefix(skipped);
  const auto text = cut_head(wire);
  if (!text) return std::unexpected(text.error());
  if (!*text) return std::nullopt;
  auto rest = **text;
  auto head = parse_request_line(take_line(rest));
  if (!head) return std::unexpected(head.error());
  auto headers = parse_headers(rest);
  if (!headers) return std::unexpected(headers.error());
  head->headers = *std::move(headers);
  head->octets = skipped + (*text)->size() + kLineEnd.size();
  return with_framing(*std::move(head));
}

Result<std::optional<ResponseHead>> parse_response_head(std::string_view wire) {
  const auto text = cut_head(wire);
  if (!text) return std::unexpected(text.error());
  if (!*text) return std::nullopt;
  auto rest = **text;
  auto head = parse_status_line(take_line(rest));
  if (!head) return std::unexpected(head.error());
  auto headers = parse_headers(rest);
  if (!headers) return std::unexpected(headers.error());
  if (find_header(*headers, "Transfer-Encoding")) return refuse(Errc::transfer_coding);
  const auto length = parse_length(*headers);
  if (!length) return std::unexpected(length.error());
  head->content_length = *length;
  head->keep_alive = wants_keep_alive(*headers, !head->keep_alive);
  head->headers = *std::move(headers);
  head->octets = (*text)->size() + kLineEnd.size();
  return head;
}

}  // namespace slipway::http
