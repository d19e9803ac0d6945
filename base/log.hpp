// base/log.hpp -- one line per event: a name from docs/events.md, then key=value.
//
//   log::info("tftp.sent", {{"mac", mac.text()}, {"octets", sent}});
//   -> 2026-11-21T11:30:00.123Z info event=tftp.sent mac=52:54:00:12:34:56 octets=1058304
//
// Values with a space, a quote or a control character are quoted and escaped, so a hostile file
// name cannot forge a line. Servers, routes and programs log; libraries return. Never a secret:
// Secret has no way in here. Levels: error = a person must act; warn = refused or degraded;
// info = a dozen lines per boot of one host; debug = every packet.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace slipway::log {

enum class Level : std::uint8_t { debug, info, warn, error };

// Lines below `level` are dropped. Default: info. Output goes to stderr.
void set_level(Level level);
[[nodiscard]] bool enabled(Level level);

// A value as text, escaped when it is written.
struct Value {
  std::string text;
  Value(std::string value) : text(std::move(value)) {}
  Value(std::string_view value) : text(value) {}
  Value(const char* value) : text(value) {}
  Value(bool value) : text(value ? "true" : "false") {}
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Value(T value) : text(std::to_string(value)) {}
  Value(double value);
};

struct Field {
  std::string_view key;
  Value value;
};

void write(Level level, std::string_view event, std::initializer_list<Field> fields);

// How write() renders: `event=NAME key=value ...`. For tests and for the journey of a host.
[[nodiscard]] std::string format(std::string_view event, std::initializer_list<Field> fields);

inline void debug(std::string_view event, std::initializer_list<Field> fields = {}) {
  if (enabled(Level::debug)) write(Level::debug, event, fields);
}
inline void info(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::info, event, fields);
}
inline void warn(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::warn, event, fields);
}
inline void error(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::error, event, fields);
}

}  // namespace slipway::log
