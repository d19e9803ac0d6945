// provisioning/batch_view.hpp -- a batch for people's eyes, as JSON. Pure.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "provisioning/batch.hpp"
#include "provisioning/batch_progress.hpp"
#include "provisioning/box.hpp"
#include "provisioning/host.hpp"

namespace slipway::provisioning {

// What is known beside the records. All of it outlives the call.
struct BatchSurroundings {
  std::function<const Host*(std::string_view id)> host;          // null: not here
  std::function<std::string(std::string_view host)> refusal_of;  // why it could not be armed
  Now now;
};

// The members as progress_of() takes them: the records, and the step of whoever is at work.
[[nodiscard]] std::vector<Member> members_of(std::span<const BoxRecord> records,
                                             const BatchSurroundings& around);

// Head and counts; `eta_ms` is null while there is no pace.
[[nodiscard]] boost::json::object batch_summary(const Batch& batch, const BatchProgress& progress);

// The same with `members` and `stragglers`.
[[nodiscard]] boost::json::object batch_view(const Batch& batch, std::span<const BoxRecord> records,
                                             const BatchSurroundings& around);

}  // namespace slipway::provisioning
