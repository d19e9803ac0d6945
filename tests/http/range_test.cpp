#include "http/range.hpp"

#include <string>

#include "tests/support/catch.hpp"

using namespace slipway::http;

TEST_CASE("1d.39 a range header selects octets", "[http][range][rfc9110]") {
  struct Row {
    const char* range;
    std::uint64_t size;
    int status;
    std::vector<Range> ranges;
  };
  const auto row = GENERATE(
      Row{"bytes=0-0", 10, 206, {{0, 1}}}, Row{"bytes=0-9", 10, 206, {{0, 10}}},
      Row{"bytes=9-9", 10, 206, {{9, 1}}}, Row{"bytes=2-", 10, 206, {{2, 8}}},
      Row{"bytes=0-", 10, 206, {{0, 10}}}, Row{"bytes=5-99", 10, 206, {{5, 5}}},
      Row{"bytes=-3", 10, 206, {{7, 3}}}, Row{"bytes=-99", 10, 206, {{0, 10}}},
      Row{"BYTES=1-1", 10, 206, {{1, 1}}}, Row{"bytes= 1-1 , 3-4", 10, 206, {{1, 1}, {3, 2}}},
      Row{"bytes=7-,0-1", 10, 206, {{7, 3}, {0, 2}}}, Row{"bytes=0-1,20-30", 10, 206, {{0, 2}}},
      Row{"bytes=10-", 10, 416, {}}, Row{"bytes=10-12", 10, 416, {}}, Row{"bytes=-0", 10, 416, {}},
      Row{"bytes=0-", 0, 416, {}}, Row{"bytes=-1", 0, 416, {}},
      Row{"bytes=20-30,40-50", 10, 416, {}}, Row{"bytes=3-2", 10, 200, {}},
      Row{"bytes=-", 10, 200, {}}, Row{"bytes=", 10, 200, {}}, Row{"bytes=a-b", 10, 200, {}},
      Row{"bytes=1", 10, 200, {}}, Row{"lines=1-2", 10, 200, {}}, Row{"0-1", 10, 200, {}},
      Row{"bytes=0-1,x", 10, 200, {}}, Row{"bytes=0-1,,2-3", 10, 200, {}},
      Row{"bytes=+1-2", 10, 200, {}}, Row{"bytes=0x1-2", 10, 200, {}},
      Row{"bytes=0-9,0-9", 10, 200, {}},  // more than the file has
      Row{"bytes=0-999999999999999999999999", 10, 200, {}},
      Row{"bytes=0-999999999999999999", 10, 206, {{0, 10}}},
      Row{"bytes=4294967296-4294967296", 1ULL << 40U, 206, {{4294967296, 1}}});
  INFO(row.range << " of " << row.size);
  const auto selection = select_ranges(row.range, row.size);
  CHECK(selection.status == row.status);
  CHECK((selection.ranges == row.ranges));
}

TEST_CASE("more than 32 ranges are ignored", "[http][range]") {
  std::string list = "bytes=0-0";
  for (int i = 1; i < 32; ++i) list += "," + std::to_string(2 * i) + "-" + std::to_string(2 * i);
  CHECK(select_ranges(list, 1000).ranges.size() == 32);
  CHECK(select_ranges(list + ",900-901", 1000).status == 200);
}

TEST_CASE("1d.39 preconditions come before ranges", "[http][range][rfc9110]") {
  struct Row {
    const char* why;
    const char* etag;
    std::vector<Header> headers;
    int status;
  };
  constexpr std::time_t kModified = 784111777;
  const auto* const kThen = "Sun, 06 Nov 1994 08:49:37 GMT";
  const auto* const kBefore = "Sun, 06 Nov 1994 08:49:36 GMT";
  const auto* const kAfter = "Mon, 07 Nov 1994 08:49:37 GMT";
  const Header range{"Range", "bytes=1-2"};
  const std::vector<Row> rows{
      {"range alone", "\"a\"", {range}, 206},
      {"If-Range matches", "\"a\"", {range, {"If-Range", "\"a\""}}, 206},
      {"If-Range differs", "\"a\"", {range, {"If-Range", "\"b\""}}, 200},
      {"If-Range, our date", "\"a\"", {range, {"If-Range", kThen}}, 206},
      {"If-Range, another date", "\"a\"", {range, {"If-Range", kAfter}}, 200},
      {"If-Range, weak", "W/\"a\"", {range, {"If-Range", "W/\"a\""}}, 200},
      {"If-Range, no etag", "", {range, {"If-Range", "\"a\""}}, 200},
      {"If-None-Match matches", "\"a\"", {range, {"If-None-Match", "\"b\", \"a\""}}, 304},
      {"If-None-Match star", "\"a\"", {{"If-None-Match", "*"}}, 304},
      {"If-None-Match weakly", "\"a\"", {{"If-None-Match", "W/\"a\""}}, 304},
      {"If-None-Match differs", "\"a\"", {{"If-None-Match", "\"b\""}}, 200},
      {"If-None-Match, no etag", "", {{"If-None-Match", "\"a\""}}, 200},
      {"If-None-Match before a date",
       "\"a\"",
       {{"If-None-Match", "\"b\""}, {"If-Modified-Since", kThen}},
       200},
      {"If-Modified-Since, same", "\"a\"", {{"If-Modified-Since", kThen}}, 304},
      {"If-Modified-Since, changed", "\"a\"", {{"If-Modified-Since", kBefore}}, 200},
      {"If-Modified-Since, no date", "\"a\"", {{"If-Modified-Since", "yesterday"}}, 200},
      {"EDK2 resumes: same file", "\"a\"", {range, {"If-Match", "\"a\""}}, 206},
      {"EDK2 resumes: other file", "\"a\"", {range, {"If-Match", "\"b\""}}, 412},
      {"EDK2 resumes: same date", "", {range, {"If-Unmodified-Since", kThen}}, 206},
      {"EDK2 resumes: changed since", "", {range, {"If-Unmodified-Since", kBefore}}, 412},
      {"If-Unmodified-Since, no date", "", {{"If-Unmodified-Since", "0"}}, 200},
      {"If-Match before a date",
       "\"a\"",
       {range, {"If-Match", "\"a\""}, {"If-Unmodified-Since", kBefore}},
       206},
      {"If-Match star", "\"a\"", {{"If-Match", "*"}}, 200},
      {"If-Match is strong", "W/\"a\"", {{"If-Match", "W/\"a\""}}, 412},
      {"412 goes before 304", "\"a\"", {{"If-Match", "\"b\""}, {"If-None-Match", "\"a\""}}, 412}};
  for (const auto& row : rows) {
    INFO(row.why);
    Request request;
    request.headers = row.headers;
    CHECK(select(request, {row.etag, kModified}, 10).status == row.status);
  }
}

TEST_CASE("conditions on a date do not count for a file without one", "[http][range][rfc9110]") {
  Request request;
  request.headers = {{"Range", "bytes=1-2"},
                     {"If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"},
                     {"If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}};
  CHECK(select(request, {"\"a\"", std::nullopt}, 10).status == 206);
  request.headers = {{"Range", "bytes=1-2"}, {"If-Range", "Thu, 01 Jan 1970 00:00:00 GMT"}};
  CHECK(select(request, {"\"a\"", std::nullopt}, 10).status == 200);
}

TEST_CASE("HEAD ignores Range but not conditions", "[http][range][rfc9110]") {
  Request request;
  request.method = Method::head;
  request.headers = {{"Range", "bytes=0-1"}};
  CHECK(select(request, {"\"a\"", {}}, 10).status == 200);
  request.headers.push_back({"If-None-Match", "\"a\""});
  CHECK(select(request, {"\"a\"", {}}, 10).status == 304);
}
