#include "provisioning/merge.hpp"

#include <algorithm>

#include "provisioning/schema.hpp"

namespace slipway::provisioning {
namespace {

bool is_scalar(const Value& value) { return value.map() == nullptr && value.list() == nullptr; }

// A copy without the entries that are null: there was nothing to clear.
Value without_nulls(const Value& value) {
  if (value.map() == nullptr) return value;
  Value out = value;
  std::erase_if(*out.map(), [](const auto& entry) { return entry.value.is_null(); });
  for (auto& [key, entry] : *out.map()) entry = without_nulls(entry);
  return out;
}

std::expected<void, Mistake> clash(const Value& base, const Value& over) {
  return std::unexpected(Mistake{
      over.mark, std::string(kind_name(over)) + " cannot be merged with " +
                     std::string(kind_name(base)) + ", which stands at " + base.mark.text()});
}

void merge_lists(List& base, const List& over) {
  const bool unite = std::ranges::all_of(base, is_scalar) && std::ranges::all_of(over, is_scalar);
  for (const auto& element : over) {
    const auto same = [&element](const Value& other) { return other.same_as(element); };
    if (!unite || std::ranges::none_of(base, same)) base.push_back(element);
  }
}

std::expected<void, Mistake> merge_maps(Value& base, const Map& over) {
  for (const auto& [key, value] : over) {
    auto* existing = base.find(key);
    if (value.is_null()) {
      (void)base.take(key);  // may not be there: clearing nothing is no mistake
    } else if (existing == nullptr) {
      base.set(key, without_nulls(value));
    } else if (auto merged = merge_into(*existing, value); !merged) {
      return merged;
    }
  }
  return {};
}

}  // namespace

std::expected<void, Mistake> merge_into(Value& base, const Value& over) {
  if (over.is_null()) return {};
  if (base.is_null()) {
    base = without_nulls(over);
    return {};
  }
  if (base.map() != nullptr && over.map() != nullptr) return merge_maps(base, *over.map());
  if (base.list() != nullptr && over.list() != nullptr) {
    merge_lists(*base.list(), *over.list());
    return {};
  }
  if (!is_scalar(base) || !is_scalar(over)) return clash(base, over);
  base = over;
  return {};
}

std::vector<const Value*> sources_of(const Subject& subject) {
  std::vector<const Value*> sources;
  sources.reserve(subject.profile.layers.size() + 3);
  for (const auto& layer : subject.profile.layers) sources.push_back(&layer.user_data);
  sources.push_back(&subject.profile.user_data);
  if (subject.site != nullptr) sources.push_back(&subject.site->user_data);
  sources.push_back(&subject.host.user_data);
  return sources;
}

std::expected<Value, Mistake> merge_sources(const Subject& subject) {
  // No built-in defaults yet: what is not said stays with the dialect's own default.
  Value merged = make_map({}, subject.host.mark);
  for (const auto* source : sources_of(subject)) {
    if (auto done = merge_into(merged, *source); !done) return std::unexpected(done.error());
  }
  // Our own note, not for the host (token_expiry.hpp).
  auto* stylus = merged.find("stylus");
  auto* site = stylus != nullptr ? stylus->find("site") : nullptr;
  if (site != nullptr) (void)site->take(kTokenExpires.substr(kTokenExpires.rfind('.') + 1));
  return merged;
}

}  // namespace slipway::provisioning
