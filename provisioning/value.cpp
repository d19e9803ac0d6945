#include "provisioning/value.hpp"

#include <algorithm>
#include <array>

namespace slipway::provisioning {
namespace {

bool same_maps(const Map& a, const Map& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) {
    return x.key == y.key && x.value.same_as(y.value);
  });
}

bool same_lists(const List& a, const List& b) {
  return std::ranges::equal(a, b, [](const Value& x, const Value& y) { return x.same_as(y); });
}

}  // namespace

Value::Value() = default;
Value::Value(Data what, Mark where) : data(std::move(what)), mark(std::move(where)) {}
Value::Value(const Value&) = default;
Value::Value(Value&&) noexcept = default;
Value& Value::operator=(const Value&) = default;
Value& Value::operator=(Value&&) noexcept = default;
Value::~Value() = default;

std::string Mark::text() const {
  if (line == 0) return file;
  return file + ":" + std::to_string(line) + ":" + std::to_string(column);
}

std::string Mistake::line() const {
  const auto where = mark.text();
  return (where.empty() ? "" : where + ": ") + (is_warning ? "warning: " : "") + text;
}

const std::string* Value::revealed() const {
  if (const auto* secret = std::get_if<Secret>(&data)) return &secret->reveal();
  return string();
}

const Value* Value::find(std::string_view key) const {
  const auto* entries = map();
  if (entries == nullptr) return nullptr;
  const auto found = std::ranges::find(*entries, key, &Entry::key);
  return found == entries->end() ? nullptr : &found->value;
}

Value* Value::find(std::string_view key) {
  auto* entries = map();
  if (entries == nullptr) return nullptr;
  const auto found = std::ranges::find(*entries, key, &Entry::key);
  return found == entries->end() ? nullptr : &found->value;
}

const Value* Value::at(std::string_view path) const {
  const Value* value = this;
  while (value != nullptr && !path.empty()) {
    const auto dot = std::min(path.find('.'), path.size());
    value = value->find(path.substr(0, dot));
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return value;
}

Value& Value::set(std::string_view key, Value value) {
  if (map() == nullptr) data = Map{};
  if (auto* old = find(key)) return *old = std::move(value);
  return map()->emplace_back(std::string(key), std::move(value)).value;
}

std::optional<Value> Value::take(std::string_view key) {
  auto* entries = map();
  if (entries == nullptr) return std::nullopt;
  const auto found = std::ranges::find(*entries, key, &Entry::key);
  if (found == entries->end()) return std::nullopt;
  auto taken = std::move(found->value);
  entries->erase(found);
  return taken;
}

Mark Value::key_mark() const {
  return key_line == 0 ? mark : Mark{mark.file, key_line, key_column};
}

bool Value::same_as(const Value& other) const {
  if (data.index() != other.data.index()) return false;
  if (const auto* entries = map()) return same_maps(*entries, *other.map());
  if (const auto* elements = list()) return same_lists(*elements, *other.list());
  if (const auto* text = revealed()) return *text == *other.revealed();
  if (const auto* flag = std::get_if<bool>(&data)) return *flag == std::get<bool>(other.data);
  if (const auto* number = std::get_if<std::int64_t>(&data)) {
    return *number == std::get<std::int64_t>(other.data);
  }
  if (const auto* real = std::get_if<double>(&data)) {
    const double theirs = std::get<double>(other.data);
    return *real == theirs || (*real != *real && theirs != theirs);  // NaN is the same as NaN
  }
  return true;
}

Value make_text(std::string text, Mark mark) { return Value(std::move(text), std::move(mark)); }
Value make_flag(bool flag, Mark mark) { return Value(flag, std::move(mark)); }
Value make_number(std::int64_t number, Mark mark) { return Value(number, std::move(mark)); }
Value make_map(Map entries, Mark mark) { return Value(std::move(entries), std::move(mark)); }
Value make_list(List elements, Mark mark) { return Value(std::move(elements), std::move(mark)); }

std::string_view kind_name(const Value& value) {
  // In the order of the alternatives of Value::data.
  constexpr std::array<std::string_view, 8> kNames{
      "nothing", "true or false", "a number", "a number", "text", "a secret", "a list", "a map"};
  return kNames[value.data.index()];
}

}  // namespace slipway::provisioning
