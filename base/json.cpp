#include "base/json.hpp"

#include <boost/json/parse.hpp>

namespace slipway {

namespace json = boost::json;

Fallible<json::value> parse_json(std::string_view text) {
  json::error_code error;
  json::parse_options options;
  options.max_depth = 32;
  auto value = json::parse(json::string_view(text.data(), text.size()), error, {}, options);
  if (error) return fail("not valid JSON: " + error.message());
  return value;
}

std::unexpected<Error> JsonView::wrong(std::string_view expected) const {
  return fail((path_.empty() ? "document" : path_) + ": expected " + std::string(expected));
}

Fallible<JsonView> JsonView::member(std::string_view name) const {
  auto found = find(name);
  if (found) return *found;
  return JsonView(*value_, path_.empty() ? std::string(name) : path_ + "." + std::string(name))
      .wrong("a value, found none");
}

std::optional<JsonView> JsonView::find(std::string_view name) const {
  const auto* object = value_->if_object();
  if (object == nullptr) return std::nullopt;
  const auto* found = object->if_contains(json::string_view(name.data(), name.size()));
  if (found == nullptr || found->is_null()) return std::nullopt;
  return JsonView(*found, path_.empty() ? std::string(name) : path_ + "." + std::string(name));
}

Fallible<std::vector<JsonView>> JsonView::elements() const {
  const auto* array = value_->if_array();
  if (array == nullptr) return wrong("a list");
  std::vector<JsonView> views;
  for (std::size_t i = 0; i < array->size(); ++i) {
    views.emplace_back((*array)[i], path_ + "[" + std::to_string(i) + "]");
  }
  return views;
}

Fallible<std::string> JsonView::text() const {
  const auto* text = value_->if_string();
  if (text == nullptr) return wrong("a string");
  return std::string(text->data(), text->size());
}

Fallible<std::uint64_t> JsonView::number() const {
  json::error_code error;
  const auto number = value_->to_number<std::uint64_t>(error);
  if (error) return wrong("a whole number that is not negative");
  return number;
}

Fallible<bool> JsonView::boolean() const {
  const auto* flag = value_->if_bool();
  if (flag == nullptr) return wrong("true or false");
  return *flag;
}

Fallible<std::string> JsonView::text(std::string_view name) const {
  const auto found = member(name);
  if (!found) return std::unexpected(found.error());
  return found->text();
}

Fallible<std::uint64_t> JsonView::number(std::string_view name) const {
  const auto found = member(name);
  if (!found) return std::unexpected(found.error());
  return found->number();
}

std::string JsonView::text_or(std::string_view name, std::string_view otherwise) const {
  const auto found = find(name);
  if (!found) return std::string(otherwise);
  return found->text().value_or(std::string(otherwise));
}

std::uint64_t JsonView::number_or(std::string_view name, std::uint64_t otherwise) const {
  const auto found = find(name);
  if (!found) return otherwise;
  return found->number().value_or(otherwise);
}

}  // namespace slipway
