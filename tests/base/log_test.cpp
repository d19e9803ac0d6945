#include "base/log.hpp"

#include "tests/support/catch.hpp"

using namespace slipway;

TEST_CASE("an event is one line of key=value", "[base][log]") {
  CHECK(
      log::format("tftp.sent", {{"mac", "52:54:00:aa:00:01"}, {"octets", 1058304}, {"ok", true}}) ==
      "event=tftp.sent mac=52:54:00:aa:00:01 octets=1058304 ok=true");
  CHECK(log::format("a.b", {}) == "event=a.b");
  CHECK(log::format("a.b", {{"rate", 1.5}, {"delta", -3}}) == "event=a.b rate=1.500 delta=-3");
}

TEST_CASE("a hostile value cannot forge a line or a field", "[base][log][SG9]") {
  struct Row {
    std::string value;
    const char* shown;
  };
  const auto row = GENERATE(
      Row{"a\nevent=forged", R"("a\x0aevent=forged")"}, Row{"a b=c", R"("a b=c")"},
      Row{"say \"x\"\\", R"("say \"x\"\\")"}, Row{"", R"("")"}, Row{"\x1b[31m", R"("\x1b[31m")"},
      Row{"\xc3\xa4", R"("\xc3\xa4")"}, Row{std::string("a\0b", 3), R"("a\x00b")"});
  CHECK(log::format("e", {{"k", row.value}}) == "event=e k=" + std::string(row.shown));
}

TEST_CASE("levels below the set one are off", "[base][log]") {
  log::set_level(log::Level::warn);
  CHECK_FALSE(log::enabled(log::Level::debug));
  CHECK_FALSE(log::enabled(log::Level::info));
  CHECK(log::enabled(log::Level::warn));
  CHECK(log::enabled(log::Level::error));
  log::set_level(log::Level::info);
  CHECK(log::enabled(log::Level::info));
  CHECK_FALSE(log::enabled(log::Level::debug));
}
