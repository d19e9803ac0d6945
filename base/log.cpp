#include "base/log.hpp"

// spdlog and fmt are compiled here and nowhere else: a file that sees them takes seconds longer.
#define FMT_HEADER_ONLY
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace slipway::log {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warn: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = std::make_shared<spdlog::logger>("slipway",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *instance;
}

bool is_plain(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return c > ' ' && c < 0x7F && c != '"' && c != '\\' && c != '=';
  });
}

void append_escaped(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (octet < 0x20 || octet >= 0x7F) {
      std::array<char, 5> code{};
      (void)std::snprintf(code.data(), code.size(), "\\x%02x", octet);  // always 4 characters
      out += code.data();
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace

Value::Value(double value) {
  std::array<char, 32> buffer{};
  (void)std::snprintf(buffer.data(), buffer.size(), "%.3f", value);  // cut, never overrun
  text = buffer.data();
}

void set_level(Level level) { logger().set_level(to_spdlog(level)); }

bool enabled(Level level) { return logger().should_log(to_spdlog(level)); }

std::string format(std::string_view event, std::initializer_list<Field> fields) {
  std::string line = "event=";
  line += event;
  for (const auto& [key, value] : fields) {
    line += ' ';
    line += key;
    line += '=';
    if (is_plain(value.text)) {
      line += value.text;
    } else {
      append_escaped(line, value.text);
    }
  }
  return line;
}

void write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  if (enabled(level)) logger().log(to_spdlog(level), format(event, fields));
}

}  // namespace slipway::log
