#include "http/target.hpp"

#include <optional>
#include <span>

#include "base/bytes.hpp"
#include "http/head.hpp"
#include "http/text.hpp"

namespace slipway::http {
namespace {

std::unexpected<std::error_code> bad_target() {
  return std::unexpected(make_error_code(Errc::bad_target));
}

// The octet of the escape at the start of `text` ("%41..").
std::optional<char> escaped_octet(std::string_view text) {
  std::uint8_t octet = 0;
  if (text.size() < 3 || !from_hex(text.substr(1, 2), {&octet, 1})) return std::nullopt;
  return static_cast<char>(octet);
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

// An escaped slash would make one segment look like two to a route, and a control octet has no
// honest use in a name: both are refused rather than passed on.
std::optional<std::string> decode_segment(std::string_view raw) {
  std::string decoded;
  decoded.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    char c = raw[i];
    if (c == '%') {
      const auto octet = escaped_octet(raw.substr(i));
      if (!octet || *octet == '/') return std::nullopt;
      c = *octet;
      i += 2;
    }
    if (is_control(c)) return std::nullopt;
    decoded += c;
  }
  return decoded;
}

// "http://host:port/path" -> "/path"
std::string_view without_authority(std::string_view raw) {
  constexpr std::string_view kScheme = "http://";
  if (!equal_ignoring_case(raw.substr(0, kScheme.size()), kScheme)) return raw;
  const auto rest = raw.substr(kScheme.size());
  const auto path = rest.find_first_of("/?");
  return path == std::string_view::npos ? "/" : rest.substr(path);
}

// Appends the segments of `raw`, each with a slash before it. Empty segments fold, the last one
// excepted: "/a/" and "/a" are different names.
bool append_path(std::string_view raw, std::string& path) {
  while (!raw.empty()) {
    raw.remove_prefix(1);  // the slash
    const auto end = std::min(raw.find('/'), raw.size());
    const auto segment = decode_segment(raw.substr(0, end));
    if (!segment || *segment == "..") return false;
    raw.remove_prefix(end);
    if (!segment->empty() && *segment != ".") path += "/" + *segment;
    if (raw.empty() && (segment->empty() || *segment == ".")) path += "/";
  }
  return true;
}

}  // namespace

Result<Target> parse_target(std::string_view raw) {
  raw = without_authority(raw);
  if (raw.find('#') != std::string_view::npos) return bad_target();
  Target target;
  const auto question = raw.find('?');
  if (question != std::string_view::npos) target.query = raw.substr(question + 1);
  const auto path = raw.substr(0, question);
  if (path.empty() || path[0] != '/' || !append_path(path, target.path)) return bad_target();
  return target;
}

std::string decode_query_text(std::string_view raw) {
  std::string decoded;
  decoded.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const auto octet = raw[i] == '%' ? escaped_octet(raw.substr(i)) : std::nullopt;
    decoded += octet.value_or(raw[i]);
    if (octet) i += 2;
  }
  return decoded;
}

std::string path_for_log(std::string_view path) {
  constexpr std::string_view kTokens = "/h/";
  constexpr std::size_t kShownCharacters = 6;
  if (!path.starts_with(kTokens)) return std::string(path);
  const auto token_and_rest = path.substr(kTokens.size());
  const auto end = std::min(token_and_rest.find('/'), token_and_rest.size());
  if (end <= kShownCharacters) return std::string(path);
  return std::string(kTokens) + std::string(token_and_rest.substr(0, kShownCharacters)) + "..." +
         std::string(token_and_rest.substr(end));
}

}  // namespace slipway::http
