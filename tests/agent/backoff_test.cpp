#include "agent/backoff.hpp"

#include "tests/support/catch.hpp"

using namespace slipway::agent;

TEST_CASE("retries wait 0.5 s doubling to 15 s, between half and whole of it", "[agent][backoff]") {
  struct Row {
    unsigned tries;
    int half_ms, whole_ms;
  };
  const auto row = GENERATE(values<Row>({{0, 250, 500},
                                         {1, 250, 500},
                                         {2, 500, 1'000},
                                         {3, 1'000, 2'000},
                                         {5, 4'000, 8'000},
                                         {6, 7'500, 15'000},
                                         {7, 7'500, 15'000},
                                         {4'000'000'000, 7'500, 15'000}}));
  CHECK(retry_delay(row.tries, 0.0).count() == row.half_ms);
  CHECK(retry_delay(row.tries, 1.0).count() == row.whole_ms);
}

TEST_CASE("the dice of real waiting stay between 0 and 1 and differ", "[agent][backoff]") {
  const auto waiting = Waiting::real();
  double least = 1, most = 0;
  for (int i = 0; i < 100; ++i) {
    const double value = waiting.dice();
    least = std::min(least, value);
    most = std::max(most, value);
  }
  CHECK(least >= 0);
  CHECK(most <= 1);
  CHECK(least < most);
}
