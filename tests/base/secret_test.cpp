#include "base/secret.hpp"

#include <ostream>
#include <type_traits>

#include "base/log.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;

namespace {

template <class T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };

}  // namespace

TEST_CASE("a secret cannot be printed, logged or turned into a text", "[base][secret][SG9]") {
  STATIC_REQUIRE_FALSE(Printable<Secret>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<Secret, std::string>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<Secret, std::string_view>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<log::Value, Secret>);
}

TEST_CASE("a secret that was moved from holds nothing", "[base][secret]") {
  const auto length = GENERATE(3U, 200U);  // inside the object, and on the heap
  const std::string text(length, 's');
  Secret first{text};
  Secret second = std::move(first);
  CHECK(first.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
  CHECK(second.reveal() == text);
  Secret third{"other"};
  third = std::move(second);
  CHECK(second.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
  CHECK(third.reveal() == text);
  const Secret copy = third;
  CHECK((copy == third));
}
