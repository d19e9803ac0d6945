#include "base/metrics.hpp"

#include <limits>

#include "tests/support/catch.hpp"

namespace slipway::metrics {
namespace {

constexpr std::array<double, 3> kBounds{0.005, 0.1, 2};

TEST_CASE("a family has its help, its type and its samples", "[base][metrics]") {
  Text text;
  text.family("slipway_things_total", Kind::counter, "Things that were seen.");
  text.sample({{"kind", "good"}, {"place", "eth1"}}, std::uint64_t{18446744073709551615U});
  text.sample({{"kind", "bad"}, {"place", "eth1"}}, std::uint64_t{0});
  text.single("slipway_load", Kind::gauge, "How full it is.", 0.25);
  CHECK(std::move(text).take() ==
        "# HELP slipway_things_total Things that were seen.\n"
        "# TYPE slipway_things_total counter\n"
        "slipway_things_total{kind=\"good\",place=\"eth1\"} 18446744073709551615\n"
        "slipway_things_total{kind=\"bad\",place=\"eth1\"} 0\n"
        "# HELP slipway_load How full it is.\n"
        "# TYPE slipway_load gauge\n"
        "slipway_load 0.25\n");
}

TEST_CASE("help and label values are escaped", "[base][metrics]") {
  Text text;
  text.family("m", Kind::gauge, "a \\ and a\nline, \"quoted\"");
  text.sample({{"name", "C:\\x\n\"y\"\xc3\xa4"}}, 1.0);
  CHECK(std::move(text).take() ==
        "# HELP m a \\\\ and a\\nline, \"quoted\"\n"
        "# TYPE m gauge\n"
        "m{name=\"C:\\\\x\\n\\\"y\\\"\xc3\xa4\"} 1\n");
}

TEST_CASE("numbers that are none are spelled as the format wants", "[base][metrics]") {
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  Text text;
  text.family("m", Kind::gauge, "h");
  text.sample({}, kInfinite);
  text.sample({}, -kInfinite);
  text.sample({}, std::numeric_limits<double>::quiet_NaN());
  text.sample({}, 1.5e300);
  CHECK(std::move(text).take() ==
        "# HELP m h\n# TYPE m gauge\nm +Inf\nm -Inf\nm NaN\nm 1.5e+300\n");
}

TEST_CASE("a bucket of a histogram counts those below it, and its bound belongs to it",
          "[base][metrics]") {
  Histogram histogram(kBounds);
  for (const double seconds : {-1.0, 0.0, 0.005, 0.0051, 2.0, 2.5, 1000.0}) {
    histogram.observe(seconds);
  }
  histogram.observe(std::chrono::milliseconds(90));
  Text text;
  text.family("slipway_wait_seconds", Kind::histogram, "Waiting.");
  text.sample({{"stage", "offer"}}, histogram);
  CHECK(std::move(text).take() ==
        "# HELP slipway_wait_seconds Waiting.\n"
        "# TYPE slipway_wait_seconds histogram\n"
        "slipway_wait_seconds_bucket{stage=\"offer\",le=\"0.005\"} 3\n"
        "slipway_wait_seconds_bucket{stage=\"offer\",le=\"0.1\"} 5\n"
        "slipway_wait_seconds_bucket{stage=\"offer\",le=\"2\"} 6\n"
        "slipway_wait_seconds_bucket{stage=\"offer\",le=\"+Inf\"} 8\n"
        "slipway_wait_seconds_sum{stage=\"offer\"} 1004.6001\n"
        "slipway_wait_seconds_count{stage=\"offer\"} 8\n");
}

}  // namespace
}  // namespace slipway::metrics
