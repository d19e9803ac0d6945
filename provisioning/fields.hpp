// provisioning/fields.hpp -- reading a map of known keys, with every mistake said at once.
//
//   read_fields(value, "dhcp", {{"port", port(config.dhcp_port)}, ...}, mistakes);
//
// A table names each key and what becomes of its value; an unknown key is a mistake that names the
// nearest known one. A null value counts as absent. Readers write to their target only when the
// value is good, so defaults survive mistakes.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "provisioning/shape.hpp"
#include "provisioning/value.hpp"

namespace slipway::provisioning {

using Mistakes = std::vector<Mistake>;

// Reads one value, and says by its shape what it takes. A plain function takes anything as far as
// its shape says; shaped() gives it one.
class FieldReader {
 public:
  template <class Read>
    requires std::is_invocable_v<const Read&, const Value&, Mistakes&>
  FieldReader(
      Read read)  // NOLINT(google-explicit-constructor): tables of fields are lists of these
      : read_(std::move(read)) {}
  template <class Read>
  FieldReader(Shape shape, Read read) : read_(std::move(read)), shape_(std::move(shape)) {}

  void operator()(const Value& value, Mistakes& mistakes) const { read_(value, mistakes); }
  [[nodiscard]] const Shape& shape() const { return shape_; }

 private:
  std::function<void(const Value&, Mistakes&)> read_;
  Shape shape_;
};

struct Field {
  std::string_view key;
  FieldReader read;
};

template <class Read>
[[nodiscard]] FieldReader shaped(Shape shape, Read read) {
  return {std::move(shape), std::move(read)};
}

// The shape of a map that `fields` read.
[[nodiscard]] Shape map_of(const std::vector<Field>& fields,
                           std::vector<std::string_view> required = {});

// Reads the map `value` by `fields`. `what` names the map in messages ("a profile").
void read_fields(const Value& value, std::string_view what, const std::vector<Field>& fields,
                 Mistakes& mistakes);

// Readers of one value. Their targets must outlive the call of read_fields().
[[nodiscard]] FieldReader flag(bool& target);
[[nodiscard]] FieldReader text(std::string& target);     // not empty, no control characters
[[nodiscard]] FieldReader count(std::uint64_t& target);  // an integer >= 1
[[nodiscard]] FieldReader size(std::uint64_t& target);   // 4GiB, 500MB; octets
// 60s, 10m, 2h; from one second to one day.
[[nodiscard]] FieldReader duration(std::chrono::seconds& target);
// What a number may be; `what` names it in messages ("a port").
struct NumberRange {
  std::string_view what;
  std::int64_t least = 0, most = 0;
};
// `range` fits into T.
template <std::unsigned_integral T>
[[nodiscard]] FieldReader number(T& target, NumberRange range);
[[nodiscard]] FieldReader port(std::uint16_t& target);  // 1..65535
// What `read` (size, duration) takes, if it is `least` to `most`; `allowed` says so in messages.
template <class T>
struct Bounds {
  T least, most;
  std::string_view allowed;
};
template <class T>
[[nodiscard]] FieldReader within(FieldReader (*read)(T&), T& target, Bounds<T> bounds);
[[nodiscard]] FieldReader keep(Value& target);  // the value as it stands
// A map with a table of its own; `what` names it in messages.
[[nodiscard]] FieldReader nested(std::string_view what, std::vector<Field> fields);
// A map of texts of one line.
[[nodiscard]] FieldReader texts_by_key(std::map<std::string, std::string>& target);
// Each element of a list by `each`; a single value that is no list counts as a list of one.
[[nodiscard]] FieldReader each_of(FieldReader each);
// A key that the design names and this version does not serve: a mistake that says so.
[[nodiscard]] FieldReader not_built(std::string_view advice);

// One of a few words.
template <class T>
[[nodiscard]] FieldReader one_of(T& target,
                                 std::initializer_list<std::pair<std::string_view, T>> words);

// Octets of "4GiB": a whole number and B, KiB, MiB, GiB, TiB, KB, MB, GB or TB; nullopt otherwise
// or beyond 2^63.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

// The time of "60s": a whole number and s, m or h; nullopt otherwise, for 0 and beyond one day.
[[nodiscard]] std::optional<std::chrono::seconds> parse_duration(std::string_view text);

// The candidate that `word` most probably means, or empty when none is near.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       const std::vector<std::string_view>& candidates);
// ", did you mean `NEAREST`?" or empty.
[[nodiscard]] std::string suggestion(std::string_view word,
                                     const std::vector<std::string_view>& candidates);

// "a, b or c", as messages list what is allowed.
[[nodiscard]] std::string listed(const std::vector<std::string_view>& words);

// What stands in a message for a value that a person wrote: text in backquotes, cut and escaped;
// never a secret.
[[nodiscard]] std::string shown(const Value& value);

[[nodiscard]] bool has_control_characters(std::string_view text);

// The text of `value`, or a mistake and nullopt.
[[nodiscard]] std::optional<std::string> require_text(const Value& value, Mistakes& mistakes);

// The half of one_of() that does not depend on T: the index of the word, or a mistake.
[[nodiscard]] std::optional<std::size_t> require_word(const Value& value,
                                                      const std::vector<std::string_view>& words,
                                                      Mistakes& mistakes);

// The half of number() that does not depend on T.
[[nodiscard]] std::optional<std::int64_t> require_number(const Value& value,
                                                         const NumberRange& range,
                                                         Mistakes& mistakes);

template <std::unsigned_integral T>
FieldReader number(T& target, NumberRange range) {
  return shaped(number_within(range.least, range.most),
                [&target, range](const Value& value, Mistakes& mistakes) {
                  const auto number = require_number(value, range, mistakes);
                  if (number) target = static_cast<T>(*number);
                });
}

template <class T>
FieldReader within(FieldReader (*read)(T&), T& target, Bounds<T> bounds) {
  auto shape = read(target).shape();
  return shaped(std::move(shape), [read, &target, bounds](const Value& value, Mistakes& mistakes) {
    auto found = target;
    const auto before = mistakes.size();
    read(found)(value, mistakes);
    if (mistakes.size() != before) return;
    if (found >= bounds.least && found <= bounds.most) {
      target = found;
    } else {
      mistakes.push_back(
          {value.mark, "must be " + std::string(bounds.allowed) + ", not " + shown(value)});
    }
  });
}

template <class T>
FieldReader one_of(T& target, std::initializer_list<std::pair<std::string_view, T>> words) {
  std::vector<std::string_view> names;
  std::vector<T> values;
  for (const auto& [name, value] : words) {
    names.push_back(name);
    values.push_back(value);
  }
  return shaped(word_of(names), [&target, names, values](const Value& value, Mistakes& mistakes) {
    if (const auto index = require_word(value, names, mistakes)) target = values[*index];
  });
}

}  // namespace slipway::provisioning
