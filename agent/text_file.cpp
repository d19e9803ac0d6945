#include "agent/text_file.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>

namespace slipway::agent {

std::string read_text(const std::filesystem::path& path) {
  constexpr std::streamsize kMaxOctets = 1 << 20;
  std::ifstream file(path, std::ios::binary);
  if (!file) return {};
  std::string text(kMaxOctets, '\0');
  file.read(text.data(), kMaxOctets);
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

std::string trimmed(std::string_view text) {
  constexpr std::string_view kBlank(" \t\r\n\0", 5);
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(kBlank) - first + 1));
}

std::string printable(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

std::string read_line(const std::filesystem::path& path) {
  const std::string text = read_text(path);
  return trimmed(std::string_view(text).substr(0, text.find('\n')));
}

std::uint64_t read_number(const std::filesystem::path& path) {
  const std::string line = read_line(path);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
  return error == std::errc{} && end == line.data() + line.size() ? number : 0;
}

}  // namespace slipway::agent
