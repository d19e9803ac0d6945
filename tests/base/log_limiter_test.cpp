#include "base/log_limiter.hpp"

#include "base/net.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using std::chrono::milliseconds;

TEST_CASE("a repeated event is let through once an interval", "[base][log]") {
  LogLimiter limiter(milliseconds(1'000));
  const LogLimiter::TimePoint start = std::chrono::steady_clock::now();
  const auto mac = *Mac::parse("52:54:00:aa:00:01");
  const auto other = *Mac::parse("52:54:00:aa:00:02");
  CHECK(limiter.allow(mac.octets, 1, start));
  CHECK_FALSE(limiter.allow(mac.octets, 1, start + milliseconds(999)));
  CHECK(limiter.allow(mac.octets, 2, start));
  CHECK(limiter.allow(other.octets, 1, start));
  CHECK(limiter.allow(mac.octets, 1, start + milliseconds(1'000)));
  CHECK_FALSE(limiter.allow(mac.octets, 1, start + milliseconds(1'001)));
}

TEST_CASE("neighbours do not push each other out", "[base][log]") {
  LogLimiter limiter(milliseconds(1'000));
  const LogLimiter::TimePoint start = std::chrono::steady_clock::now();
  auto mac = *Mac::parse("52:54:00:aa:00:00");
  unsigned again = 0;
  for (int round = 0; round < 2; ++round) {
    for (unsigned last = 0; last < 100; ++last) {
      mac.octets[5] = static_cast<std::uint8_t>(last);
      again += limiter.allow(mac.octets, 1, start) && round == 1 ? 1 : 0;
    }
  }
  CHECK(again < 25);  // of 100 in 1024 slots; neighbours in a few slots would all be let through
}

TEST_CASE("only some lines of a kind are let through in a second", "[base][log]") {
  LogQuota quota(2);
  const LogQuota::TimePoint start = std::chrono::steady_clock::now();
  CHECK(quota.allow(1, start));
  CHECK(quota.allow(1, start + milliseconds(500)));
  CHECK_FALSE(quota.allow(1, start + milliseconds(999)));
  CHECK(quota.allow(2, start + milliseconds(999)));
  CHECK(quota.allow(1, start + milliseconds(1'000)));
  CHECK(quota.allow(1, start + milliseconds(1'999)));
  CHECK_FALSE(quota.allow(1, start + milliseconds(1'999)));
}
