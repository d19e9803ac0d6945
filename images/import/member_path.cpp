#include "images/import/member_path.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace slipway::images {
namespace {

// The parts between the slashes, without empty ones and ".".
std::vector<std::string_view> parts_of(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const auto part = path.substr(0, path.find('/'));
    if (!part.empty() && part != ".") parts.push_back(part);
    path.remove_prefix(std::min(path.size(), part.size() + 1));
  }
  return parts;
}

std::string joined(const std::vector<std::string_view>& parts) {
  std::string path;
  for (const auto part : parts) {
    if (!path.empty()) path += '/';
    path += part;
  }
  return path;
}

Fallible<std::string> within_limits(const std::vector<std::string_view>& parts,
                                    const PathLimits& limits) {
  auto path = joined(parts);
  if (path.size() > limits.max_octets) {
    return fail("member \"" + shown(path) + "\": its name is longer than " +
                std::to_string(limits.max_octets) + " octets");
  }
  if (parts.size() > limits.max_parts) {
    return fail("member \"" + shown(path) + "\": deeper than " + std::to_string(limits.max_parts) +
                " folders");
  }
  return path;
}

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

std::string level_1_text(std::string_view text, std::size_t max_octets) {
  std::string out;
  for (const char c : text.substr(0, max_octets)) {
    const char u = upper(c);
    const bool is_kept = (u >= 'A' && u <= 'Z') || (u >= '0' && u <= '9') || u == '*';
    out += is_kept ? u : '_';
  }
  return out;
}

}  // namespace

std::string shown(std::string_view name) {
  constexpr std::size_t kMost = 200;
  std::string text;
  for (const char c : name.substr(0, kMost)) {
    const auto octet = static_cast<std::uint8_t>(c);
    text += octet < 0x20 || octet == 0x7f ? '?' : c;
  }
  if (name.size() > kMost) text += "...";
  return text;
}

std::string upper(std::string_view text) {
  std::string out;
  for (const char c : text) out += upper(c);
  return out;
}

Fallible<std::string> member_path(std::string_view name, const PathLimits& limits) {
  if (name.starts_with('/')) {
    return fail("member \"" + shown(name) + "\": an absolute name, which no archive may have");
  }
  if (name.find('\0') != std::string_view::npos) {
    return fail("member \"" + shown(name) + "\": a NUL within its name");
  }
  const auto parts = parts_of(name);
  if (std::ranges::find(parts, "..") != parts.end()) {
    return fail("member \"" + shown(name) + "\": \"..\" in its name, which no archive may have");
  }
  return within_limits(parts, limits);
}

Fallible<std::string> link_target(std::string_view link, std::string_view target,
                                  const PathLimits& limits) {
  auto parts = parts_of(link);
  if (!parts.empty()) parts.pop_back();
  if (target.starts_with('/')) parts.clear();
  for (const auto part : parts_of(target)) {
    if (part != "..") {
      parts.push_back(part);
    } else if (parts.empty()) {
      return fail("member \"" + shown(link) + "\": a link out of the archive, to \"" +
                  shown(target) + "\"");
    } else {
      parts.pop_back();
    }
  }
  return within_limits(parts, limits);
}

bool fits(std::string_view path, std::string_view pattern) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return path == pattern;
  const auto before = pattern.substr(0, star);
  const auto after = pattern.substr(star + 1);
  if (!path.starts_with(before)) return false;
  path.remove_prefix(before.size());
  for (std::size_t taken = 0; taken <= path.size(); ++taken) {
    if (taken > 0 && path[taken - 1] == '/') return false;
    if (fits(path.substr(taken), after)) return true;
  }
  return false;
}

std::string level_1_path(std::string_view path) {
  std::string out;
  for (const auto part : parts_of(path)) {
    if (!out.empty()) out += '/';
    const auto dot = part.rfind('.');
    if (dot == std::string_view::npos) {
      out += level_1_text(part, 8);
    } else {
      out += level_1_text(part.substr(0, dot), 8) + "." + level_1_text(part.substr(dot + 1), 3);
    }
  }
  return out;
}

}  // namespace slipway::images
