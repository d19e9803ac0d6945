// provisioning/value.hpp -- a tree of settings that remembers where each value was written.
//
// What YAML documents become at once; the library that parsed them stays in yaml.cpp. Map entries
// keep their order, so output is stable octet for octet.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/secret.hpp"

namespace slipway::provisioning {

// A place in a file, for messages. Lines and columns count from 1; line 0 means "not from a file".
struct Mark {
  std::string file;
  unsigned line = 0;
  unsigned column = 0;
  [[nodiscard]] std::string text() const;  // file:line:column
};

// A mistake in what an operator wrote: where, what, and what is allowed there.
struct Mistake {
  Mark mark;
  std::string text;
  bool is_warning = false;
  [[nodiscard]] std::string line() const;  // "file:3:7: text", warnings "file:3:7: warning: text"
};

struct Value;
struct Entry;
using List = std::vector<Value>;
using Map = std::vector<Entry>;

// The special members stand in value.cpp, where Entry is complete.
struct Value {
  using Data =
      std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Secret, List, Map>;

  Value();
  explicit Value(Data what, Mark where = {});
  Value(const Value&);
  Value(Value&&) noexcept;
  Value& operator=(const Value&);
  Value& operator=(Value&&) noexcept;
  ~Value();

  Data data;
  Mark mark;
  // Where the key of this map entry stands in mark.file; line 0 when the value is no map entry.
  unsigned key_line = 0;
  unsigned key_column = 0;

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::nullptr_t>(data); }
  [[nodiscard]] const Map* map() const { return std::get_if<Map>(&data); }
  [[nodiscard]] Map* map() { return std::get_if<Map>(&data); }
  [[nodiscard]] const List* list() const { return std::get_if<List>(&data); }
  [[nodiscard]] List* list() { return std::get_if<List>(&data); }
  [[nodiscard]] const std::string* string() const { return std::get_if<std::string>(&data); }
  // A string or a secret, in the clear; null for everything else. Never for a message.
  [[nodiscard]] const std::string* revealed() const;
  // The entry `key` of a map, or null.
  [[nodiscard]] const Value* find(std::string_view key) const;
  [[nodiscard]] Value* find(std::string_view key);
  // The value at `path`, keys joined by dots ("stylus.site.name"), or null. A key that itself
  // contains a dot cannot be named this way.
  [[nodiscard]] const Value* at(std::string_view path) const;
  // Sets the entry `key`, in its old place or last; a value that is no map becomes one first.
  Value& set(std::string_view key, Value value);
  // Removes the entry `key` and gives it, when there is one.
  std::optional<Value> take(std::string_view key);
  // The key's place for a map entry, else the value's.
  [[nodiscard]] Mark key_mark() const;
  // Equal content; marks do not count.
  [[nodiscard]] bool same_as(const Value& other) const;
};

// The values that our own code makes; `mark` may stay empty.
[[nodiscard]] Value make_text(std::string text, Mark mark = {});
[[nodiscard]] Value make_flag(bool flag, Mark mark = {});
[[nodiscard]] Value make_number(std::int64_t number, Mark mark = {});
[[nodiscard]] Value make_map(Map entries, Mark mark = {});
[[nodiscard]] Value make_list(List elements, Mark mark = {});

// What a value is, for messages: "a map", "a list", "text", "a number", "true or false", "nothing".
[[nodiscard]] std::string_view kind_name(const Value& value);

// One entry of a map, in the order in which they were written.
struct Entry {
  std::string key;
  Value value;
};

}  // namespace slipway::provisioning
