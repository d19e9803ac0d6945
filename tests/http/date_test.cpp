#include "http/date.hpp"

#include "tests/support/catch.hpp"

using namespace slipway::http;

TEST_CASE("dates are IMF-fixdate, both ways", "[http][date][rfc9110]") {
  struct Row {
    std::time_t time;
    const char* text;
  };
  const auto row = GENERATE(Row{784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
                            Row{0, "Thu, 01 Jan 1970 00:00:00 GMT"},
                            Row{1709251199, "Thu, 29 Feb 2024 23:59:59 GMT"});
  CHECK(http_date(row.time) == row.text);
  CHECK(parse_http_date(row.text) == row.time);
}

TEST_CASE("what is no IMF-fixdate is no date", "[http][date]") {
  const auto* text = GENERATE("", "0", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
                              "Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC",
                              "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT",
                              "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
                              "Sun, 06 Nov 1994 08.49.37 GMT", "Sun, +6 Nov 1994 08:49:37 GMT",
                              "Thu, 00 Jan 1970 00:00:00 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ");
  INFO(text);
  CHECK_FALSE(parse_http_date(text));
}
