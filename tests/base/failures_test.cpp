#include "base/failures.hpp"

#include <algorithm>

#include "tests/support/catch.hpp"

using namespace slipway;

TEST_CASE("a reason is found with its sentence and its remedy", "[base][failures]") {
  const auto* kind = find_failure_kind("disk-too-small");
  REQUIRE(kind != nullptr);
  CHECK(kind->sentence == "The disk is smaller than the profile asks for.");
  CHECK(kind->remedy == "Fit a larger disk, or assign another profile.");
  for (const auto& each : failure_kinds()) CHECK(find_failure_kind(each.reason) == &each);
}

TEST_CASE("an unknown reason is none", "[base][failures]") {
  CHECK(find_failure_kind("") == nullptr);
  CHECK(find_failure_kind("disk-too-smal") == nullptr);
  CHECK(find_failure_kind("zz") == nullptr);
}

TEST_CASE("the table is sorted, so that it can be searched", "[base][failures]") {
  CHECK(std::ranges::is_sorted(failure_kinds(), {}, &FailureKind::reason));
}
