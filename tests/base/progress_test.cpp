#include "base/progress.hpp"

#include "tests/support/catch.hpp"

using namespace slipway;
using std::chrono::milliseconds;

namespace {

constexpr std::uint64_t kMib = 1 << 20;

}  // namespace

TEST_CASE("the progress line shows share, sizes, rate and time left", "[base][progress]") {
  CHECK(progress_line({"write", 52 * kMib, 100 * kMib, 12 * kMib}, 79) ==
        "write    [#######-------]  52 %  52.0 MiB of 100.0 MiB  12.0 MiB/s  0:04 left");
  CHECK(progress_line({"verify", 0, 100 * kMib, 0}, 79) ==
        "verify   [--------------]   0 %  0 B of 100.0 MiB  0 B/s");
  CHECK(progress_line({"write", 100 * kMib, 100 * kMib, kMib}, 79) ==
        "write    [##############] 100 %  100.0 MiB of 100.0 MiB  1.0 MiB/s  0:00 left");
  CHECK(progress_line({"checks", 0, 0, 0}, 79) == "checks ...");
}

TEST_CASE("the longest progress line fits 79 columns", "[base][progress]") {
  const auto line = progress_line({"write", 999 * kMib - 600'000, 999 * kMib, kMib / 2}, 200);
  INFO(line);
  CHECK(line.size() <= 79);
  CHECK(progress_line({"write", 1, 2, 1}, 10).size() == 10);
}

TEST_CASE("the time left is rounded up, and unknown when nothing moves", "[base][progress]") {
  CHECK(seconds_left({"write", 0, 10, 0}) == std::nullopt);
  CHECK(seconds_left({"write", 0, 10, 3}) == 4);
  CHECK(seconds_left({"write", 10, 10, 3}) == 0);
  CHECK(seconds_left({"write", 11, 10, 3}) == std::nullopt);
}

TEST_CASE("the rate follows what is measured and starts afresh with a step", "[base][progress]") {
  RateMeter meter;
  TimePoint now{};
  CHECK(meter.update("write", 0, now) == 0);
  now += milliseconds(500);
  CHECK(meter.update("write", 50 * kMib, now) == 100 * kMib);
  now += milliseconds(10);  // too short to measure
  CHECK(meter.update("write", 60 * kMib, now) == 100 * kMib);
  now += milliseconds(10'000);  // the network stood still for five half-lives
  CHECK(meter.update("write", 60 * kMib, now) < 5 * kMib);
  now += milliseconds(500);
  CHECK(meter.update("verify", 0, now) == 0);
}

TEST_CASE("sizes are shown with at most three digits before the point", "[base]") {
  CHECK(human_octets(0) == "0 B");
  CHECK(human_octets(999) == "999 B");
  CHECK(human_octets(1000) == "1.0 KiB");
  CHECK(human_octets(20 * (1024 * kMib)) == "20.0 GiB");
  CHECK(human_octets(2048 * (1024 * kMib)) == "2.0 TiB");
}
