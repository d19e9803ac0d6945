#include <yaml-cpp/binary.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "base/bytes.hpp"
#include "provisioning/yaml.hpp"

namespace slipway::provisioning {
namespace {

// The longest key that yaml-cpp takes without `? ` is 1024 octets, quotes included.
constexpr std::size_t kMaxSimpleKey = 1000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::size_t skip_digits(std::string_view text, std::size_t at) {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

// One code point and the octets that it took; 0 octets when they are not UTF-8 (RFC 3629 s.4).
struct CodePoint {
  std::uint32_t value = 0;
  std::size_t octets = 0;
};

CodePoint next_code_point(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const std::size_t octets = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  constexpr std::array<std::uint32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  if (lead < 0xC2 || lead > 0xF4 || text.size() < octets) return {};
  std::uint32_t value = lead & (0x7FU >> octets);
  for (std::size_t i = 1; i < octets; ++i) {
    const auto octet = static_cast<unsigned char>(text[i]);
    if ((octet & 0xC0U) != 0x80) return {};
    value = value << 6U | (octet & 0x3FU);
  }
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < kSmallest[octets] || value > 0x10FFFF || surrogate) return {};
  return {value, octets};
}

// Whether every reader takes the code point as it stands: YAML 1.1's printable set, without the
// line breaks and the byte order mark.
bool is_printable(std::uint32_t c) {
  if (c < 0xA0) return c >= 0x20 && c < 0x7F;
  return c != 0x2028 && c != 0x2029 && c != 0xFEFF && c != 0xFFFE && c != 0xFFFF;
}

// Words that YAML 1.1 or 1.2 reads as something else than text, in lower case.
bool is_reserved(std::string_view text) {
  constexpr std::array<std::string_view, 9> kReserved{"y",   "n",    "yes",   "no",  "on",
                                                      "off", "true", "false", "null"};
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return std::ranges::find(kReserved, lower) != kReserved.end();
}

bool is_plain(std::string_view text) {
  constexpr std::string_view kInside = "_./@+-";
  if (text.empty() || !(is_letter(text[0]) || text[0] == '_' || text[0] == '/')) return false;
  const bool simple = std::ranges::all_of(text, [&](char c) {
    return is_letter(c) || is_digit(c) || kInside.find(c) != std::string_view::npos;
  });
  return simple && !is_reserved(text);
}

// Whether a literal block gives exactly this text back in every reader that we know: several
// printable lines, none with blanks at its end, at most one line end last.
bool is_literal(std::string_view text) {
  if (text.find('\n') == std::string_view::npos) return false;
  if (text[0] == ' ' || text[0] == '\n' || text.ends_with("\n\n")) return false;
  if (text.find(" \n") != std::string_view::npos || text.ends_with(' ')) return false;
  while (!text.empty()) {
    const auto [value, octets] = next_code_point(text);
    if (octets == 0 || !(is_printable(value) || value == '\n')) return false;
    text.remove_prefix(octets);
  }
  return true;
}

std::string hexadecimal(std::uint32_t value, int digits) {
  std::string out;
  for (int i = digits - 1; i >= 0; --i) out += "0123456789ABCDEF"[value >> (4 * i) & 0xFU];
  return out;
}

std::string escaped(std::uint32_t c) {
  switch (c) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\n': return "\\n";
    case '\t': return "\\t";
    case '\r': return "\\r";
    default: return c < 0x100 ? "\\x" + hexadecimal(c, 2) : "\\u" + hexadecimal(c, 4);
  }
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const auto [value, octets] = next_code_point(text);
    const bool as_is = is_printable(value) && value != '"' && value != '\\';
    out += as_is ? std::string(text.substr(0, octets)) : escaped(value);
    text.remove_prefix(octets);
  }
  return out + "\"";
}

std::string text_scalar(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  if (is_utf8(text)) return quoted(text);
  const auto octets = as_bytes(text);
  return "!!binary \"" + YAML::EncodeBase64(octets.data(), octets.size()) + "\"";
}

// The shortest digits that give the same double; PyYAML wants a point before an exponent.
std::string real_scalar(double value) {
  if (std::isnan(value)) return ".nan";
  if (std::isinf(value)) return value < 0 ? "-.inf" : ".inf";
  std::array<char, 64> digits{};
  const auto end = std::to_chars(digits.begin(), digits.end(), value).ptr;
  std::string text(digits.begin(), end);
  if (text.find('.') != std::string::npos) return text;
  const auto exponent = text.find('e');
  return text.insert(std::min(exponent, text.size()), ".0");
}

std::string flow_text(std::string_view text) {
  return is_utf8(text) ? quoted(text) : text_scalar(text);
}

// What is neither text nor a collection with something in it.
std::string scalar_of(const Value& value) {
  if (value.map() != nullptr) return "{}";
  if (value.list() != nullptr) return "[]";
  if (const auto* flag = std::get_if<bool>(&value.data)) return *flag ? "true" : "false";
  if (const auto* real = std::get_if<double>(&value.data)) return real_scalar(*real);
  if (const auto* number = std::get_if<std::int64_t>(&value.data)) return std::to_string(*number);
  return "null";
}

std::string flow(const Value& value) {
  if (const auto* text = value.revealed()) return flow_text(*text);
  std::string out;
  if (const auto* list = value.list()) {
    for (const auto& element : *list) out += (out.empty() ? "" : ", ") + flow(element);
    return "[" + out + "]";
  }
  if (const auto* map = value.map()) {
    for (const auto& [key, element] : *map) {
      const auto name = flow_text(key);
      const auto* sign = name.size() > kMaxSimpleKey ? "? " : "";
      out += (out.empty() ? "" : ", ") + std::string(sign) + name + ": " + flow(element);
    }
    return "{" + out + "}";
  }
  return scalar_of(value);
}

class Emitter {
 public:
  // An empty `secret_file`: secrets are written in the clear.
  explicit Emitter(SecretFile secret_file) : secret_file_(std::move(secret_file)) {}

  std::string take() { return std::move(out_); }

  // Writes `value` where the cursor stands after "key:" or "-" of the level `indent` (a level is
  // two spaces; -1 is the document).
  void after_indicator(const Value& value, int indent) {
    const auto* map = value.map();
    const auto* list = value.list();
    if (map != nullptr && !map->empty()) {
      out_ += "\n";
      entries(*map, indent + 1, false);
    } else if (list != nullptr && !list->empty()) {
      out_ += "\n";
      elements(*list, indent + 1, false);
    } else {
      out_ += " ";
      scalar(value, indent);
    }
  }

  void document(const Value& value) {
    const auto* map = value.map();
    const auto* list = value.list();
    if (map != nullptr && !map->empty()) return entries(*map, 0, false);
    if (list != nullptr && !list->empty()) return elements(*list, 0, false);
    scalar(value, -1);
  }

 private:
  void pad(int indent) { out_.append(2 * static_cast<std::size_t>(indent), ' '); }

  // `in_line`: the first entry continues a line that began with "- ".
  void entries(const Map& map, int indent, bool in_line) {
    for (const auto& [key, value] : map) {
      if (!in_line) pad(indent);
      in_line = false;
      const auto text = text_scalar(key);
      if (text.size() > kMaxSimpleKey) {
        out_ += "? " + text + "\n";
        pad(indent);
        out_ += ":";
      } else {
        out_ += text + ":";
      }
      const auto outer = std::exchange(key_, key);
      after_indicator(value, indent);
      key_ = outer;
    }
  }

  void elements(const List& list, int indent, bool in_line) {
    for (const auto& value : list) {
      if (!in_line) pad(indent);
      in_line = false;
      out_ += "- ";
      element(value, indent);
    }
  }

  void element(const Value& value, int indent) {
    const auto* map = value.map();
    const auto* list = value.list();
    if (map != nullptr && !map->empty()) return entries(*map, indent + 1, true);
    if (list != nullptr && !list->empty()) return elements(*list, indent + 1, true);
    scalar(value, indent);
  }

  void scalar(const Value& value, int indent) {
    if (const auto* secret = std::get_if<Secret>(&value.data); secret && secret_file_) {
      out_ += "!secret " + text_scalar(secret_file_(*secret, key_)) + "\n";
      return;
    }
    const auto* text = value.revealed();
    if (text != nullptr && is_literal(*text)) return literal(*text, indent + 1);
    out_ += text != nullptr ? text_scalar(*text) : scalar_of(value);
    out_ += "\n";
  }

  void literal(std::string_view text, int indent) {
    out_ += text.ends_with('\n') ? "|\n" : "|-\n";
    while (!text.empty()) {
      const auto end = std::min(text.find('\n'), text.size());
      if (end > 0) pad(std::max(indent, 1));
      out_ += std::string(text.substr(0, end)) + "\n";
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

  SecretFile secret_file_;
  std::string_view key_;  // of the innermost map entry that is being written
  std::string out_;
};

std::optional<std::int64_t> based(std::string_view digits, int base, bool negative) {
  std::uint64_t value = 0;
  const auto [stop, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  const bool whole = error == std::errc{} && stop == digits.data() + digits.size();
  if (digits.empty() || !whole) return std::nullopt;
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (value > kMax + (negative ? 1 : 0)) return std::nullopt;
  return static_cast<std::int64_t>(negative ? ~value + 1 : value);  // two's complement
}

std::optional<std::int64_t> integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.starts_with("0x")) return based(text.substr(2), 16, negative);
  if (text.starts_with("0o")) return based(text.substr(2), 8, negative);
  if (text.size() > 1 && text[0] == '0') return based(text, 8, negative);
  return based(text, 10, negative);
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?  of YAML 1.2 s.10.3.2, but a
// point is required: without one PyYAML reads text.
bool is_real(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  const auto whole = skip_digits(text, 0);
  if (whole >= text.size() || text[whole] != '.') return false;
  auto at = skip_digits(text, whole + 1);
  if (at == 1) return false;
  if (at == text.size()) return true;
  if (text[at] != 'e' && text[at] != 'E') return false;
  ++at;
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  return at < text.size() && skip_digits(text, at) == text.size();
}

double real(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto infinity = std::numeric_limits<double>::infinity();
  if (error == std::errc::result_out_of_range && text.find("e-") == std::string_view::npos &&
      text.find("E-") == std::string_view::npos) {
    return text.starts_with('-') ? -infinity : infinity;
  }
  return value;
}

std::optional<double> special_real(std::string_view text) {
  const auto infinity = std::numeric_limits<double>::infinity();
  if (text == ".nan" || text == ".NaN" || text == ".NAN") {
    return std::numeric_limits<double>::quiet_NaN();
  }
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text != ".inf" && text != ".Inf" && text != ".INF") return std::nullopt;
  return negative ? -infinity : infinity;
}

}  // namespace

std::string emit_flow_yaml(const Value& value) { return flow(value); }

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto octets = next_code_point(text).octets;
    if (octets == 0) return false;
    text.remove_prefix(octets);
  }
  return true;
}

Value plain_scalar(std::string_view text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return Value(nullptr);
  }
  if (text == "true" || text == "True" || text == "TRUE") return make_flag(true);
  if (text == "false" || text == "False" || text == "FALSE") return make_flag(false);
  if (const auto number = integer(text)) return make_number(*number);
  if (is_real(text)) return Value(real(text));
  if (const auto number = special_real(text)) return Value(*number);
  return make_text(std::string(text));
}

std::string emit_yaml(const Value& value) { return emit_yaml(value, {}); }

std::string emit_yaml(const Value& value, const SecretFile& secret_file) {
  Emitter emitter(secret_file);
  emitter.document(value);
  return emitter.take();
}

}  // namespace slipway::provisioning
