#include "http/access_log.hpp"

#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::http;
using namespace std::chrono_literals;

namespace {

Access answer(int status) {
  Access access;
  access.method = "GET";
  access.path = "/boot.ipxe";
  access.status = status;
  return access;
}

}  // namespace

TEST_CASE("what an answer is worth in the log", "[http][access_log]") {
  using enum log::Level;
  struct Row {
    int status;
    log::Level usual, everything;
  };
  for (const auto& row : {Row{200, debug, info}, Row{206, debug, info}, Row{304, debug, info},
                          Row{404, debug, info}, Row{400, info, info}, Row{403, info, info},
                          Row{410, info, info}, Row{500, warn, warn}, Row{503, warn, warn}}) {
    CAPTURE(row.status);
    CHECK(level_of(answer(row.status), false) == row.usual);
    CHECK(level_of(answer(row.status), true) == row.everything);
  }
}

TEST_CASE("a second's worth of lines, refusals apart from the rest", "[http][access_log]") {
  AccessLog log(true);
  const std::chrono::steady_clock::time_point now{1h};
  for (std::uint32_t i = 0; i < AccessLog::kLinesASecond; ++i) log.note(answer(200), now);
  CHECK(log.unlogged() == 0);
  log.note(answer(200), now + 999ms);
  log.note(answer(404), now + 999ms);
  CHECK(log.unlogged() == 2);
  log.note(answer(403), now + 999ms);  // is written, and says so
  CHECK(log.unlogged() == 0);
  log.note(answer(200), now + 999ms);
  CHECK(log.unlogged() == 1);
  log.note(answer(200), now + 1s);
  CHECK(log.unlogged() == 0);
}

TEST_CASE("without the setting only refusals count", "[http][access_log]") {
  AccessLog log(false);
  const std::chrono::steady_clock::time_point now{1h};
  for (std::uint32_t i = 0; i < 2 * AccessLog::kLinesASecond; ++i) log.note(answer(200), now);
  CHECK(log.unlogged() == 0);
  for (std::uint32_t i = 0; i < AccessLog::kLinesASecond; ++i) log.note(answer(403), now);
  CHECK(log.unlogged() == 0);
  log.note(answer(403), now);
  CHECK(log.unlogged() == 1);
}
