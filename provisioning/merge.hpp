// provisioning/merge.hpp -- one tree of settings over another.
//
// Maps merge deeply; lists of scalars are united, other lists concatenated; a scalar replaces; null
// clears; a clash of kinds is a mistake that names both places. For the folder's own use.
#pragma once

#include <expected>

#include "provisioning/userdata.hpp"

namespace slipway::provisioning {

// Merges `over` into `base`. Marks stay with the values. On a mistake `base` is half merged.
[[nodiscard]] std::expected<void, Mistake> merge_into(Value& base, const Value& over);

// What is merged for this host, in order; none is null, and all are the subject's own.
[[nodiscard]] std::vector<const Value*> sources_of(const Subject& subject);

// merge_user_data() with the place of a clash.
[[nodiscard]] std::expected<Value, Mistake> merge_sources(const Subject& subject);

}  // namespace slipway::provisioning
