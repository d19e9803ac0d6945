// provisioning/token_expiry.hpp -- when an edge-host token ends, as the inventory notes it.
//
// `stylus.site.edgeHostTokenExpires: 2026-12-31` beside the token is for us alone: it is never
// served. A host that is staged with a token that has ended can never register at its site, and
// nobody would notice before it is there.
#pragma once

#include <cstdint>
#include <optional>

#include "provisioning/userdata.hpp"

namespace slipway::provisioning {

inline constexpr int kExpiryWarningDays = 14;

// What is to be said on the day of `unix_ms` of the token that this host would get: nothing, a
// warning within kExpiryWarningDays of the end, a mistake after it. The last day still counts.
[[nodiscard]] std::optional<Mistake> check_token_expiry(const Subject& subject,
                                                        std::int64_t unix_ms);
// The same of the token in one source, such as a site that has no host yet.
[[nodiscard]] std::optional<Mistake> check_token_expiry(const Value& user_data,
                                                        std::int64_t unix_ms);

}  // namespace slipway::provisioning
