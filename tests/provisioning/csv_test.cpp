#include "provisioning/csv.hpp"

#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

std::string shown_rows(std::string_view text) {
  Mistakes mistakes;
  std::string out;
  for (const auto& row : read_csv(text, "list.csv", mistakes)) {
    out += std::to_string(row.front().mark.line) + ":";
    for (const auto& cell : row) out += "[" + cell.text + "]";
  }
  for (const auto& mistake : mistakes) out += " " + mistake.line();
  return out;
}

}  // namespace

TEST_CASE("CSV is read line by line, with places", "[provisioning][csv]") {
  const auto [text, expected] = GENERATE(table<std::string, std::string>({
      {"", ""},
      {"a", "1:[a]"},
      {"a,b\nc,d\n", "1:[a][b]2:[c][d]"},
      {"\xEF\xBB\xBF"
       "a, b \r\n\r\n,\r\n",
       "1:[a][b]3:[][]"},
      {"\"a,\"\"b\"\"\",c", "1:[a,\"b\"][c]"},
      {"\" a \"", "1:[ a ]"},
      {"a\n\"b\nc",
       "1:[a]3:[c] list.csv:2:1: a quoted field must end with a quote before the next "
       "comma"},
      {"a\x01\nb", "2:[b] list.csv:1:1: this line is not UTF-8 text, or has control characters"},
  }));
  CHECK(shown_rows(text) == expected);
}

TEST_CASE("CSV is written so that nothing is read as something else", "[provisioning][csv]") {
  const auto [field, expected] = GENERATE(table<std::string, std::string>({
      {"", ""},
      {"plain text", "plain text"},
      {"a,b", "\"a,b\""},
      {"say \"x\"", "\"say \"\"x\"\"\""},
      {"two\nlines", "\"two\nlines\""},
      {" blank", "\" blank\""},
      {"=1+1", "'=1+1"},
      {"+1", "'+1"},
      {"-1", "'-1"},
      {"@SUM(A1)", "'@SUM(A1)"},
      {"\t=1", "'\t=1"},
      {"\r=1", "\"'\r=1\""},
      {"=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""},
      {"a=1", "a=1"},
  }));
  const std::vector<std::string> fields{field, "end"};
  CHECK(csv_record(fields) == expected + ",end\r\n");
}

}  // namespace slipway::provisioning
