// provisioning/shape.hpp -- what values a reader of settings takes, for the JSON Schemas.
//
// Every reader of fields.hpp carries one, so a schema that is made of them cannot say anything else
// than what the program reads.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::provisioning {

struct ShapedKey;

struct Shape {
  enum class Kind : std::uint8_t {
    any,
    nothing,  // a key that is known and not served
    flag,
    count,   // a whole number from 1 on
    number,  // a whole number, `least` to `most`
    text,
    texts,  // a map of texts
    list,   // or one element without the brackets
    map,
    user_data,      // the part of user-data that has the key's name
    all_user_data,  // a map of such parts, and of keys that pass untouched
  };
  Kind kind = Kind::any;
  std::string_view pattern;             // of a text, as ECMA-262 has it; empty: any line
  std::vector<std::string_view> words;  // of a text: one of these
  std::int64_t least = 0, most = 0;     // of a number
  std::vector<Shape> element;           // of a list: one
  std::vector<ShapedKey> keys;          // of a map
  std::vector<std::string_view> required;
};

struct ShapedKey {
  std::string_view key;
  Shape shape;
};

[[nodiscard]] inline Shape shape_of(Shape::Kind kind) {
  Shape shape;
  shape.kind = kind;
  return shape;
}

[[nodiscard]] inline Shape number_within(std::int64_t least, std::int64_t most) {
  auto shape = shape_of(Shape::Kind::number);
  shape.least = least;
  shape.most = most;
  return shape;
}

// Text of one line that `pattern` describes.
[[nodiscard]] inline Shape text_like(std::string_view pattern) {
  auto shape = shape_of(Shape::Kind::text);
  shape.pattern = pattern;
  return shape;
}

[[nodiscard]] inline Shape word_of(std::vector<std::string_view> words) {
  auto shape = shape_of(Shape::Kind::text);
  shape.words = std::move(words);
  return shape;
}

[[nodiscard]] inline Shape list_of(Shape element) {
  auto shape = shape_of(Shape::Kind::list);
  shape.element.push_back(std::move(element));
  return shape;
}

}  // namespace slipway::provisioning
