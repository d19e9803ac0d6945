#include "provisioning/fields.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "provisioning/yaml.hpp"

namespace slipway::provisioning {
namespace {

constexpr std::size_t kMaxShown = 60;
constexpr std::string_view kSizePattern = "^[0-9]+(B|KiB|MiB|GiB|TiB|KB|MB|GB|TB)$";
constexpr std::string_view kDurationPattern = "^0*[1-9][0-9]*[smh]$";

// Damerau-Levenshtein distance (adjacent swaps count one), letters compared without case.
std::size_t distance(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  const auto same = [&](std::size_t i, std::size_t j) { return lower(a[i]) == lower(b[j]); };
  const std::size_t width = b.size() + 1;
  std::vector<std::size_t> d((a.size() + 1) * width);
  for (std::size_t i = 0; i <= a.size(); ++i) d[i * width] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t at = i * width + j;
      const std::size_t change = same(i - 1, j - 1) ? 0 : 1;
      d[at] = std::min({d[at - width] + 1, d[at - 1] + 1, d[at - width - 1] + change});
      const bool swapped = i > 1 && j > 1 && same(i - 1, j - 2) && same(i - 2, j - 1);
      if (swapped) d[at] = std::min(d[at], d[at - 2 * width - 2] + 1);
    }
  }
  return d.back();
}

const Field* field_named(const std::vector<Field>& fields, std::string_view key) {
  const auto found = std::ranges::find(fields, key, &Field::key);
  return found == fields.end() ? nullptr : &*found;
}

void unknown_key(const Entry& entry, std::string_view what, const std::vector<Field>& fields,
                 Mistakes& mistakes) {
  std::vector<std::string_view> keys;
  for (const auto& field : fields) keys.push_back(field.key);
  const auto near = suggestion(entry.key, keys);
  mistakes.push_back({entry.value.key_mark(),
                      "unknown key " + shown(make_text(entry.key)) + " in " + std::string(what) +
                          (near.empty() ? "; known are " + listed(keys) : near)});
}

}  // namespace

Shape map_of(const std::vector<Field>& fields, std::vector<std::string_view> required) {
  auto shape = shape_of(Shape::Kind::map);
  for (const auto& [key, read] : fields) shape.keys.push_back({key, read.shape()});
  shape.required = std::move(required);
  return shape;
}

void read_fields(const Value& value, std::string_view what, const std::vector<Field>& fields,
                 Mistakes& mistakes) {
  if (value.is_null()) return;
  const auto* map = value.map();
  if (map == nullptr) {
    mistakes.push_back({value.mark, std::string(what) + " must be a map of keys, not " +
                                        std::string(kind_name(value))});
    return;
  }
  for (const auto& entry : *map) {
    const auto* field = field_named(fields, entry.key);
    if (field == nullptr) {
      unknown_key(entry, what, fields, mistakes);
    } else if (!entry.value.is_null()) {
      field->read(entry.value, mistakes);
    }
  }
}

FieldReader flag(bool& target) {
  return shaped(shape_of(Shape::Kind::flag), [&target](const Value& value, Mistakes& mistakes) {
    if (const auto* flag = std::get_if<bool>(&value.data)) {
      target = *flag;
    } else {
      mistakes.push_back({value.mark, "must be true or false, not " + shown(value)});
    }
  });
}

FieldReader text(std::string& target) {
  return shaped(shape_of(Shape::Kind::text), [&target](const Value& value, Mistakes& mistakes) {
    if (auto text = require_text(value, mistakes)) target = std::move(*text);
  });
}

FieldReader count(std::uint64_t& target) {
  return shaped(shape_of(Shape::Kind::count), [&target](const Value& value, Mistakes& mistakes) {
    const auto* number = std::get_if<std::int64_t>(&value.data);
    if (number != nullptr && *number >= 1) {
      target = static_cast<std::uint64_t>(*number);
    } else {
      mistakes.push_back({value.mark, "must be a whole number of at least 1, not " + shown(value)});
    }
  });
}

FieldReader size(std::uint64_t& target) {
  return shaped(text_like(kSizePattern), [&target](const Value& value, Mistakes& mistakes) {
    const auto octets = value.string() ? parse_size(*value.string()) : std::nullopt;
    if (octets) {
      target = *octets;
    } else {
      mistakes.push_back({value.mark, shown(value) + " is no size; write a whole number and a "
                                                     "unit, as in 4GiB, 512MiB or 500GB"});
    }
  });
}

FieldReader duration(std::chrono::seconds& target) {
  return shaped(text_like(kDurationPattern), [&target](const Value& value, Mistakes& mistakes) {
    const auto time = value.string() ? parse_duration(*value.string()) : std::nullopt;
    if (time) {
      target = *time;
    } else {
      mistakes.push_back({value.mark, shown(value) + " is no time; write a whole number and a "
                                                     "unit, as in 60s, 10m or 2h, at most 24h"});
    }
  });
}

std::optional<std::int64_t> require_number(const Value& value, const NumberRange& range,
                                           Mistakes& mistakes) {
  const auto* number = std::get_if<std::int64_t>(&value.data);
  if (number != nullptr && *number >= range.least && *number <= range.most) return *number;
  mistakes.push_back({value.mark, "must be " + std::string(range.what) + ", " +
                                      std::to_string(range.least) + " to " +
                                      std::to_string(range.most) + ", not " + shown(value)});
  return std::nullopt;
}

FieldReader port(std::uint16_t& target) { return number(target, {"a port", 1, 65535}); }

FieldReader keep(Value& target) {
  return [&target](const Value& value, Mistakes&) { target = value; };
}

FieldReader nested(std::string_view what, std::vector<Field> fields) {
  auto shape = map_of(fields);
  return shaped(std::move(shape),
                [what, fields = std::move(fields)](const Value& value, Mistakes& mistakes) {
                  read_fields(value, what, fields, mistakes);
                });
}

FieldReader texts_by_key(std::map<std::string, std::string>& target) {
  return shaped(shape_of(Shape::Kind::texts), [&target](const Value& value, Mistakes& mistakes) {
    if (value.map() == nullptr) {
      mistakes.push_back(
          {value.mark, "must be a map of texts, not " + std::string(kind_name(value))});
      return;
    }
    for (const auto& [key, entry] : *value.map()) {
      if (auto text = require_text(entry, mistakes)) target[key] = std::move(*text);
    }
  });
}

FieldReader each_of(FieldReader each) {
  auto shape = list_of(each.shape());
  return shaped(std::move(shape), [each = std::move(each)](const Value& value, Mistakes& mistakes) {
    if (value.list() == nullptr) return each(value, mistakes);
    for (const auto& element : *value.list()) each(element, mistakes);
  });
}

FieldReader not_built(std::string_view advice) {
  return shaped(shape_of(Shape::Kind::nothing), [advice](const Value& value, Mistakes& mistakes) {
    mistakes.push_back({value.key_mark(), "not built yet in this version; " + std::string(advice)});
  });
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 9> kUnits{{
      {"B", 1},
      {"KiB", 1ULL << 10U},
      {"MiB", 1ULL << 20U},
      {"GiB", 1ULL << 30U},
      {"TiB", 1ULL << 40U},
      {"KB", 1'000},
      {"MB", 1'000'000},
      {"GB", 1'000'000'000},
      {"TB", 1'000'000'000'000},
  }};
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  const auto unit = text.substr(static_cast<std::size_t>(stop - text.data()));
  const auto found =
      std::ranges::find(kUnits, unit, &std::pair<std::string_view, std::uint64_t>::first);
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  if (found == kUnits.end() || number > kMax / found->second) return std::nullopt;
  return number * found->second;
}

std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
  constexpr std::chrono::seconds kMost = std::chrono::hours(24);
  std::uint32_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  const auto unit = text.substr(static_cast<std::size_t>(stop - text.data()));
  const std::int64_t factor = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  const std::chrono::seconds time(number * factor);
  if (time.count() == 0 || time > kMost) return std::nullopt;
  return time;
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  std::string_view best;
  std::size_t least = word.size() / 3 + 1;   // one slip in a short word, more in a long one
  if (word.size() > kMaxShown) return best;  // the distance costs the product of both lengths
  for (const auto candidate : candidates) {
    if (candidate.size() > 2 * kMaxShown) continue;
    const std::size_t longer = std::max(word.size(), candidate.size());
    if (longer - std::min(word.size(), candidate.size()) > least) continue;  // needs more than that
    const auto d = distance(word, candidate);
    if (d < least || (d == least && best.empty())) {
      least = d;
      best = candidate;
    }
  }
  return best;
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates) {
  const auto near = nearest(word, candidates);
  return near.empty() ? "" : "; did you mean `" + std::string(near) + "`?";
}

std::string listed(const std::vector<std::string_view>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

namespace {

// A URL may carry a password before its `@`, as that of a proxy does.
std::string without_user_info(std::string text) {
  const auto scheme = text.find("://");
  if (scheme == std::string::npos) return text;
  const auto begin = scheme + 3;
  const auto at = text.rfind('@');
  if (at != std::string::npos && at > begin) text.replace(begin, at - begin, "***");
  return text;
}

}  // namespace

std::string shown(const Value& value) {
  const auto* text = value.string();
  if (std::holds_alternative<Secret>(value.data)) return "a secret";
  if (value.map() != nullptr || value.list() != nullptr) return std::string(kind_name(value));
  std::string out = text != nullptr ? without_user_info(*text) : emit_yaml(value);
  if (text == nullptr) out.pop_back();  // the line end
  if (out.size() > kMaxShown) out = out.substr(0, kMaxShown) + "...";
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  return "`" + out + "`";
}

bool has_control_characters(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet < 0x20 || octet == 0x7F;
  });
}

std::optional<std::string> require_text(const Value& value, Mistakes& mistakes) {
  const auto* text = value.string();
  if (text == nullptr) {
    const bool scalar = value.map() == nullptr && value.list() == nullptr;
    mistakes.push_back({value.mark, "must be text, not " + std::string(kind_name(value)) +
                                        (scalar ? "; write it in quotes" : "")});
    return std::nullopt;
  }
  if (text->empty() || has_control_characters(*text)) {
    mistakes.push_back({value.mark, "must be text of one line, not empty"});
    return std::nullopt;
  }
  return *text;
}

std::optional<std::size_t> require_word(const Value& value,
                                        const std::vector<std::string_view>& words,
                                        Mistakes& mistakes) {
  if (const auto* text = value.string()) {
    const auto found = std::ranges::find(words, *text);
    if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  }
  mistakes.push_back(
      {value.mark, shown(value) + " is not allowed here; allowed: " + listed(words)});
  return std::nullopt;
}

}  // namespace slipway::provisioning
