// provisioning/plan.hpp -- what the agent is told to do, and the seed it writes.
#pragma once

#include "base/result.hpp"
#include "provisioning/artifacts.hpp"
#include "provisioning/recipe.hpp"

namespace slipway::provisioning {

// The recipe that `host` was armed with. A server that was restarted since has only `current`; it
// fails when that makes another profile of it, or none.
[[nodiscard]] Fallible<Recipe> armed_recipe_of(const Host& host,
                                               const std::shared_ptr<const Inventory>& current);

// One file of the profile's content, and where it goes.
struct PlannedContent {
  ContentPart part;
  std::string path;       // of the file
  std::string partition;  // label, or empty
};
inline constexpr std::size_t kMaxContentFiles = 1000;  // the agent takes no more

// Fails when the store lacks one of the contents, two files would be one, or they are too many.
[[nodiscard]] Fallible<std::vector<PlannedContent>> planned_content(const Profile& profile,
                                                                    Artifacts& artifacts);

// The plan of `attempt`, as protocol JSON with the digest of the seed. The same arguments give
// the same octets, so a plan outlives a restart of the server.
[[nodiscard]] Fallible<Plan> make_plan(const Recipe& recipe, const Host& host, std::int64_t attempt,
                                       Artifacts& artifacts);

// What is kept of `host` for reports: by this recipe, and with what the machine said of itself.
[[nodiscard]] Box box_of(const Recipe& recipe, const Host& host, const ImageFiles& image);

// The instance-id of the seed: changes with each attempt, so that cloud-init runs anew.
[[nodiscard]] std::string instance_id(const Recipe& recipe, std::int64_t attempt);

}  // namespace slipway::provisioning
