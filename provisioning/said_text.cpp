#include "provisioning/said_text.hpp"

#include "provisioning/yaml.hpp"

namespace slipway::provisioning {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; }

// The longest prefix of at most `longest` octets that does not end inside a sequence.
std::string_view prefix_of(std::string_view text, std::size_t longest) {
  if (text.size() <= longest) return text;
  auto end = longest;
  while (end > 0 && is_continuation(text[end])) --end;
  return text.substr(0, end);
}

}  // namespace

std::string said_text(std::string_view text, std::size_t longest) {
  const bool good = is_utf8(text);
  std::string said(good ? prefix_of(text, longest) : text.substr(0, longest));
  for (char& c : said) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x20 || octet == 0x7f) {
      c = ' ';
    } else if (!good && octet >= 0x80) {
      c = '?';
    }
  }
  return said;
}

}  // namespace slipway::provisioning
