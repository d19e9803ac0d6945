#include "base/progress.hpp"

#include "tests/support/catch.hpp"

using namespace slipway;
using std::chrono::seconds;

TEST_CASE("sizes have three significant digits", "[base][progress]") {
  struct Row {
    std::uint64_t octets;
    const char* text;
  };
  const auto row = GENERATE(Row{0, "0 B"}, Row{1'023, "1023 B"}, Row{1'024, "1.00 KiB"},
                            Row{10'240, "10.0 KiB"}, Row{104'857'600, "100 MiB"},
                            Row{1'610'612'736, "1.50 GiB"}, Row{1ULL << 50U, "1024 TiB"});
  CHECK(human_octets(row.octets) == row.text);
}

TEST_CASE("durations name their two largest units", "[base][progress]") {
  CHECK(human_duration(seconds(0)) == "0 s");
  CHECK(human_duration(seconds(59)) == "59 s");
  CHECK(human_duration(seconds(200)) == "3 min 20 s");
  CHECK(human_duration(seconds(7'500)) == "2 h 5 min");
}

TEST_CASE("a rate is that of the last ten seconds", "[base][progress]") {
  const TimePoint start = std::chrono::steady_clock::now();
  RateMeter meter;
  CHECK(meter.octets_per_second() == 0);
  meter.add(0, start);
  CHECK(meter.octets_per_second() == 0);
  meter.add(0, start + seconds(100));  // a long stall
  for (int i = 1; i <= 20; ++i) {
    meter.add(static_cast<std::uint64_t>(i) * 1'000, start + seconds(100 + i));
  }
  CHECK(meter.octets_per_second() == 1'000);
}

TEST_CASE("a progress line leaves out what is not known", "[base][progress]") {
  CHECK(progress_line("write", 512, 1'024, 256) ==
        "write    [############............]  50 %  512 B of 1.00 KiB  256 B/s  2 s left");
  CHECK(progress_line("write", 0, 1'024, 0) ==
        "write    [........................]   0 %  0 B of 1.00 KiB");
  CHECK(progress_line("wipe", 2'048, 0, 5) == "wipe     2.00 KiB");
  CHECK(progress_line("verify", 2'048, 1'024, 5) ==
        "verify   [########################] 100 %  2.00 KiB of 1.00 KiB  5 B/s  0 s left");
}
