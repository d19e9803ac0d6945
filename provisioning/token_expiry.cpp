#include "provisioning/token_expiry.hpp"

#include <chrono>

#include "provisioning/merge.hpp"
#include "provisioning/schema.hpp"

namespace slipway::provisioning {
namespace {

using std::chrono::days;
using std::chrono::sys_days;

std::optional<Mistake> said_of(const Value* expires, std::int64_t unix_ms) {
  const auto last = expires != nullptr ? parse_date(*expires) : std::nullopt;
  if (!last) return std::nullopt;  // none, or no date, which was said where it stands
  const std::chrono::sys_time now{std::chrono::milliseconds(unix_ms)};
  const auto left = (sys_days(*last) - std::chrono::floor<days>(now)).count();
  if (left > kExpiryWarningDays) return std::nullopt;
  const auto date = *expires->string();
  if (left < 0) {
    return Mistake{expires->mark, "the edge-host token ended on " + date +
                                      "; a host with it cannot register; put in a new one"};
  }
  return Mistake{expires->mark,
                 "the edge-host token ends on " + date + ", in " + std::to_string(left) + " days",
                 true};
}

}  // namespace

std::optional<Mistake> check_token_expiry(const Subject& subject, std::int64_t unix_ms) {
  const Value* expires = nullptr;
  for (const auto* source : sources_of(subject)) {
    const auto* own = source->at(kTokenExpires);
    // A token of its own, without a date, does not end with the one that it replaces.
    if (own != nullptr || source->at("stylus.site.edgeHostToken") != nullptr) expires = own;
  }
  return said_of(expires, unix_ms);
}

std::optional<Mistake> check_token_expiry(const Value& user_data, std::int64_t unix_ms) {
  return said_of(user_data.at(kTokenExpires), unix_ms);
}

}  // namespace slipway::provisioning
