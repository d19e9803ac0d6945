#include "service/line_editor.hpp"

#include "service/prompt.hpp"
#include "tests/support/catch.hpp"

namespace slipway::service {
namespace {

using Status = LineEditor::Status;

struct Row {
  const char* why;
  std::string keys;
  const char* text;
  const char* before;  // the cursor
};

}  // namespace

TEST_CASE("keys edit the line", "[service][line_editor]") {
  const std::vector<Row> rows{
      {"text", "abc", "abc", "abc"},
      {"backspace", "abc\x7F", "ab", "ab"},
      {"backspace of an old terminal", "abc\x08", "ab", "ab"},
      {"backspace at the start",
       "\x7F"
       "a",
       "a", "a"},
      {"a whole character is erased", "a\u00E9\u4E2D\x7F", "a\u00E9", "a\u00E9"},
      {"left goes over a whole character", "\u00E9\U0001F600\x1B[D", "\u00E9\U0001F600", "\u00E9"},
      {"right too", "\u00E9x\x01\x1B[C", "\u00E9x", "\u00E9"},
      {"right at the end", "a\x1B[C", "a", "a"},
      {"arrows of application mode", "ab\x1BOD\x1BOD\x1BOC", "ab", "a"},
      {"insert in the middle", "ac\x1B[Db", "abc", "ab"},
      {"home, end", "b\x1B[Ha\x1B[Fc", "abc", "abc"},
      {"home, end of a console", "b\x1B[1~a\x1B[4~c", "abc", "abc"},
      {"^A ^E ^B ^F",
       "b\x01"
       "a\x05"
       "c\x02\x02\x06"
       "x",
       "abxc", "abx"},
      {"delete", "abc\x01\x1B[3~", "bc", ""},
      {"^D inside a line deletes", "ab\x01\x04", "b", ""},
      {"^D at the end of a line does nothing", "ab\x04", "ab", "ab"},
      {"kill word", "one two  \x17", "one ", "one "},
      {"kill word in the middle", "one two\x02\x17", "one o", "one "},
      {"kill word by Alt-Backspace", "one two\x1B\x7F", "one ", "one "},
      {"kill to the start", "one two\x02\x15", "o", ""},
      {"kill to the end",
       "one two\x01\x1B"
       "f\x0B",
       "one", "one"},
      {"by words",
       "one two\x1B"
       "b\x1B[1;5Dx",
       "xone two", "x"},
      {"unknown sequences are dropped",
       "a\x1B[15~\x1B[1;2Zb\x1B"
       "c",
       "ab", "ab"},
      {"unknown controls are dropped", std::string("a\t\x0E\0b", 5), "ab", "ab"},
      {"bad UTF-8 is dropped",
       "a\xFF\x80\xC3(\xE4\xB8"
       "b",
       "a(b", "a(b"},
      {"an over-long sequence ends", "\x1B[1;1;1;1;1;1;1;1;1;1mab", "1;1;1mab", "1;1;1mab"},
      {"a paste", "\x1B[200~10.4.2.1\x1B[201~", "10.4.2.1", "10.4.2.1"},
      {"a paste with its line end", "\x1B[200~10.4.2.1\r\n\x1B[201~", "10.4.2.1", "10.4.2.1"},
      {"a paste of lines", "\x1B[200~a\r\n\r\nb\tc\x1B[201~", "a b c", "a b c"},
      {"a paste has no keys in it", "\x1B[200~a\x03\x04\x1B[Db\x1B[201~", "ab", "ab"},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    LineEditor line;
    CHECK(line.feed(row.keys) == row.keys.size());
    CHECK(line.text() == row.text);
    CHECK(line.before_cursor() == row.before);
    CHECK(std::string(line.before_cursor()) + std::string(line.after_cursor()) == line.text());
    CHECK(line.status() == Status::editing);

    LineEditor slow;  // a slow line splits sequences and characters anywhere
    for (const char c : row.keys) CHECK(slow.feed({&c, 1}) == 1);
    CHECK(slow.text() == row.text);
    CHECK(slow.before_cursor() == row.before);
  }
}

TEST_CASE("what ends the editing leaves the rest unread", "[service][line_editor]") {
  struct End {
    std::string keys;
    Status status;
    std::size_t taken;
  };
  for (const auto& [keys, status, taken] : std::vector<End>{{"ab\rcd", Status::accepted, 3},
                                                            {"ab\ncd", Status::accepted, 3},
                                                            {"ab\x03"
                                                             "cd",
                                                             Status::cancelled, 3},
                                                            {"\x04"
                                                             "cd",
                                                             Status::ended, 1},
                                                            {"ab\x1B[Acd", Status::back, 5},
                                                            {"ab\x10"
                                                             "cd",
                                                             Status::back, 3}}) {
    LineEditor line;
    CHECK(line.feed(keys) == taken);
    CHECK(line.status() == status);
  }
}

TEST_CASE("after a refused Enter the line goes on as it was", "[service][line_editor]") {
  LineEditor line("10.4");
  CHECK(line.feed("\r") == 1);
  CHECK(line.status() == Status::accepted);
  line.go_on();
  CHECK(line.feed(".2.1\r") == 5);
  CHECK(line.text() == "10.4.2.1");
}

TEST_CASE("the line shows whether it is good, and never what is hidden", "[service][prompt]") {
  const Question question{.label = "gateway", .mistake = [](const std::string& text) {
                            return std::string(text == "10" ? "" : "no address");
                          }};
  LineEditor line;
  CHECK(line.feed("1") == 1);
  CHECK(drawn(question, line, 80) ==
        "\r\x1B[Kgateway: 1\x1B"
        "7\x1B[31m  <- no address\x1B[0m\x1B"
        "8");
  CHECK(line.feed("0\x1B[D") == 4);
  CHECK(drawn(question, line, 80) ==
        "\r\x1B[Kgateway: 1\x1B"
        "70\x1B[32m  ok\x1B[0m\x1B"
        "8");

  auto hidden = question;
  hidden.is_hidden = true;
  CHECK(drawn(hidden, LineEditor("s3cret"), 80).find("s3cret") == std::string::npos);
}

TEST_CASE("what does not fit in the terminal is cut, the cursor's end last", "[service][prompt]") {
  const Question question{.label = "name", .mistake = [](const std::string&) { return ""; }};
  const LineEditor line("0123456789\u00E9b");
  CHECK(drawn(question, line, 12) ==
        "\r\x1B[Kname: 789\u00E9b"
        "\x1B"
        "7\x1B[32m\x1B[0m\x1B"
        "8");
  CHECK(first_characters("\u00E9\u00E9x", 2) == "\u00E9\u00E9");
  CHECK(last_characters("x\u00E9\u00E9", 2) == "\u00E9\u00E9");
  CHECK(last_characters("ab", 5) == "ab");
}

}  // namespace slipway::service
