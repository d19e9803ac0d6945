#include "provisioning/yaml.hpp"

#include <cmath>
#include <limits>
#include <random>

#include "tests/provisioning/folder.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

using Lines = std::vector<std::string>;

Lines mistakes_of(std::string_view text) {
  Lines lines;
  for (const auto& mistake : parse_yaml(text, "f.yaml").mistakes) lines.push_back(mistake.line());
  return lines;
}

Value parsed(std::string_view text) {
  auto out = parse_yaml(text, "f.yaml");
  for (const auto& mistake : out.mistakes) FAIL_CHECK(mistake.line());
  return std::move(out.value);
}

// One code point of every kind that a reader or a quoting rule could stumble over.
std::string random_text(std::mt19937& random) {
  static const std::vector<std::string> kPieces{
      "a",          "Z",      "0",      " ",      "\n",     "\t",
      "\r",         "\"",     "'",      "\\",     ":",      ": ",
      "#",          " #",     "%",      "{{",     "}}",     "[",
      "]",          "{",      "}",      ",",      "&",      "*",
      "!",          "|",      ">",      "-",      "- ",     "? ",
      "---",        "...",    "@",      "`",      "~",      std::string(1, '\0'),
      "\x01",       "\x04",   "\x1B",   "\x7F",   "\u0085", "\u00A0",
      "\u2028",     "\u2029", "\uFEFF", "\uFFFE", "\u00E9", "\u4E2D",
      "\U0001F600", "yes",    "null",   "0x1F",   "1e5",    "=",
      "<<"};
  std::string text;
  const auto length = random() % 8;
  for (std::size_t i = 0; i < length; ++i) text += kPieces[random() % kPieces.size()];
  return text;
}

}  // namespace

TEST_CASE("plain scalars mean what the core schema says", "[provisioning][yaml]") {
  struct Row {
    const char* text;
    Value::Data data;
  };
  const std::vector<Row> rows{
      {"true", true},
      {"False", false},
      {"yes", std::string("yes")},
      {"on", std::string("on")},
      {"No", std::string("No")},
      {"~", nullptr},
      {"null", nullptr},
      {"", nullptr},
      {"0", std::int64_t{0}},
      {"-17", std::int64_t{-17}},
      {"+5", std::int64_t{5}},
      {"0x1F", std::int64_t{31}},
      {"0o17", std::int64_t{15}},
      {"0644", std::int64_t{420}},  // octal for PyYAML and for Go alike
      {"0689", std::string("0689")},
      {"9223372036854775807", std::int64_t{9223372036854775807}},
      {"-9223372036854775808", std::numeric_limits<std::int64_t>::min()},
      {"9223372036854775808", std::string("9223372036854775808")},
      {"1.5", 1.5},
      {".5", 0.5},
      {"1.", 1.0},
      {"1.5e+3", 1500.0},
      {"1e5", std::string("1e5")},
      {"1.2.3", std::string("1.2.3")},
      {".inf", std::numeric_limits<double>::infinity()},
      {"-.inf", -std::numeric_limits<double>::infinity()},
      {"52:54:00", std::string("52:54:00")},
      {"2024-01-01", std::string("2024-01-01")},
      {"-", std::string("-")},
      {".", std::string(".")},
      {"+", std::string("+")},
      {"0x", std::string("0x")},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    CHECK(plain_scalar(row.text).same_as(Value(row.data)));
  }
}

TEST_CASE("quoted scalars are text", "[provisioning][yaml]") {
  CHECK(parsed("a: \"5\"\nb: 'true'\nc: !!str 7\n")
            .same_as(make_map(
                {{"a", make_text("5")}, {"b", make_text("true")}, {"c", make_text("7")}})));
}

TEST_CASE("every value and every key knows its place", "[provisioning][yaml]") {
  const auto value = parsed("a: 1\nb:\n  - x\n  - {c: y}\n");
  CHECK(value.find("a")->mark.text() == "f.yaml:1:4");
  CHECK(value.find("a")->key_mark().text() == "f.yaml:1:1");
  const auto& list = *value.find("b")->list();
  CHECK(list[0].mark.text() == "f.yaml:3:5");
  CHECK(list[1].find("c")->key_mark().text() == "f.yaml:4:6");
  CHECK(list[1].find("c")->mark.text() == "f.yaml:4:9");
}

TEST_CASE("aliases give copies, bounded", "[provisioning][yaml]") {
  CHECK(parsed("a: &x {k: [1]}\nb: *x\n").find("b")->same_as(*parsed("a: {k: [1]}\n").find("a")));

  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const auto last = std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j > 0 ? ", *a" : "*a") + last;
    bomb += "]\n";
  }
  CHECK(mistakes_of(bomb) == Lines{"f.yaml:6:25: not YAML: more than 500000 values"});
  CHECK(mistakes_of("a: &x [*x]\n") ==
        Lines{"f.yaml:1:8: not YAML: an alias must not stand inside its own anchor"});
}

TEST_CASE("depth and size are bounded", "[provisioning][yaml]") {
  CHECK(mistakes_of(std::string(1000, '[') + std::string(1000, ']')) ==
        Lines{"f.yaml:1:64: not YAML: nested deeper than 64"});
  CHECK(mistakes_of(std::string((8 << 20) + 1, ' ')) == Lines{"f.yaml:1:1: larger than 8 MiB"});
  std::string nested = "a: &a " + std::string(40, '[') + std::string(40, ']') + "\n";
  nested += "b: " + std::string(40, '[') + "*a" + std::string(40, ']') + "\n";
  CHECK(mistakes_of(nested) == Lines{"f.yaml:2:44: not YAML: nested deeper than 64"});
}

TEST_CASE("octets that YAML has no use for are refused with their line", "[provisioning][yaml]") {
  CHECK(mistakes_of("a: 1\nb: \x04\nc: ]\n") ==
        Lines{"f.yaml:2:1: this line is not UTF-8 text, or has control characters"});
  CHECK(mistakes_of(std::string_view("a: \0", 4)) ==
        Lines{"f.yaml:1:1: this line is not UTF-8 text, or has control characters"});
}

TEST_CASE("what is not base64 is refused before it is decoded", "[provisioning][yaml]") {
  CHECK(mistakes_of("a: !!binary \"\\u2280\"\n") == Lines{"f.yaml:1:4: !!binary must be base64"});
}

TEST_CASE("a key must be text", "[provisioning][yaml]") {
  CHECK(mistakes_of("? [a]\n: b\n") == Lines{"f.yaml:1:3: not YAML: a key must be text"});
  CHECK(mistakes_of("? {a: b}\n: b\n") == Lines{"f.yaml:1:3: not YAML: a key must be text"});
  CHECK(mistakes_of("~: b\n") == Lines{"f.yaml:1:1: not YAML: a key must be text"});
}

TEST_CASE("a merge key is refused, with what to write", "[provisioning][yaml]") {
  CHECK(mistakes_of("a: &x {k: 1}\nb:\n  <<: *x\n") ==
        Lines{"f.yaml:3:3: not YAML: merge keys (<<) are not understood; write the keys out"});
}

TEST_CASE("a file that cannot be read is a mistake with its name", "[provisioning][yaml]") {
  Folder folder;
  folder.write("large.yaml", std::string((8 << 20) + 1, '#'));
  folder.write("folder/in_it.yaml", "a: 1\n");
  struct Row {
    const char* file;
    const char* mistake;
  };
  for (const auto& [file, mistake] :
       {Row{"absent.yaml", "absent.yaml: No such file or directory"},
        Row{"folder", "folder: not a file"},
        Row{"large.yaml", "large.yaml: larger than 8388608 octets"}}) {
    INFO(file);
    const auto out = read_yaml(folder.path() / file);
    CHECK(out.value.is_null());
    CHECK(folder.lines(out.mistakes, false) == Lines{mistake});
  }
}

TEST_CASE("what is written is stable, and quoted where a reader could stumble",
          "[provisioning][yaml]") {
  const auto value = make_map({
      {"plain", make_text("debian-edge@12.5")},
      {"flag", make_text("yes")},
      {"number", make_text("017")},
      {"colon", make_text("a: b")},
      {"empty", make_text("")},
      {"script", make_text("#!/bin/sh\necho \"hi\"\n")},
      {"two", make_text("a\nb")},
      {"blank at the end", make_text("a \nb\n")},
      {"nested", make_list({make_map({{"a", make_number(1)}, {"b", make_list({})}}),
                            make_list({make_flag(true), Value()}), make_map({})})},
      {"real", Value(1e21)},
      {"octets", make_text("\xFF\xFE")},
  });
  CHECK(emit_yaml(value) == R"(plain: debian-edge@12.5
flag: "yes"
number: "017"
colon: "a: b"
empty: ""
script: |
  #!/bin/sh
  echo "hi"
two: |-
  a
  b
"blank at the end": "a \nb\n"
nested:
  - a: 1
    b: []
  - - true
    - null
  - {}
real: 1.0e+21
octets: !!binary "//4="
)");
}

TEST_CASE("any text survives writing and reading, as value and as key",
          "[provisioning][yaml][property]") {
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  INFO("seed " << seed);
  for (int i = 0; i < 20'000; ++i) {
    const auto text = random_text(random);
    const auto tree =
        make_map({{"k" + random_text(random), make_text(text)},
                  {"list", make_list({make_text(text), make_list({make_text(text)})})}});
    const auto written = emit_yaml(tree);
    INFO(written);
    const auto read = parse_yaml(written, "f.yaml");
    REQUIRE(read.mistakes.empty());
    REQUIRE(read.value.same_as(tree));
  }
}

TEST_CASE("any octets survive writing and reading", "[provisioning][yaml][property]") {
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  INFO("seed " << seed);
  for (int i = 0; i < 5'000; ++i) {
    std::string text;
    const auto length = random() % 12;
    for (std::size_t j = 0; j < length; ++j) text += static_cast<char>(random());
    const auto read = parse_yaml(emit_yaml(make_text(text)), "f.yaml");
    REQUIRE(read.mistakes.empty());
    REQUIRE(read.value.same_as(make_text(text)));
  }
}

TEST_CASE("long keys survive writing and reading", "[provisioning][yaml]") {
  const auto tree = make_map({{std::string(5000, 'k'), make_map({{"a", make_number(1)}})},
                              {std::string(5000, '"'), make_text("v")}});
  CHECK(parsed(emit_yaml(tree)).same_as(tree));
}

TEST_CASE("numbers survive writing and reading", "[provisioning][yaml]") {
  for (const double real : {0.0, -0.0, 1.0, 0.1, 1e-300, 1e300, 123456789.125, -1e21}) {
    const auto read = parsed(emit_yaml(Value(real)));
    REQUIRE(std::holds_alternative<double>(read.data));
    CHECK(std::get<double>(read.data) == real);
  }
  CHECK(std::isnan(std::get<double>(parsed(".nan").data)));
}

TEST_CASE("a secret is read from its file and never shown as text", "[provisioning][yaml]") {
  Folder folder;
  folder.write("tokens/a", "s3cret: #1\n", 0600);
  const auto out = parse_yaml("token: !secret tokens/a\n", "f.yaml", folder.path());
  REQUIRE(out.mistakes.empty());
  const auto* token = out.value.find("token");
  CHECK(token->string() == nullptr);
  REQUIRE(std::holds_alternative<Secret>(token->data));
  CHECK(std::get<Secret>(token->data).reveal() == "s3cret: #1");
  CHECK(emit_yaml(out.value) == "token: \"s3cret: #1\"\n");
}

TEST_CASE("a secret that cannot be one is refused, its content never shown",
          "[provisioning][yaml]") {
  Folder folder;
  folder.write("empty", "\n", 0600);
  folder.write("open", "hunter2", 0644);
  folder.write("folder/in_it", "hunter2", 0600);
  folder.write("octets", "\xFFhunter2", 0600);
  folder.write("large", std::string(65537, 'h'), 0600);
  struct Row {
    const char* file;
    const char* mistake;
  };
  for (const auto& [file, mistake] :
       {Row{"absent", "secret absent: No such file or directory"},
        Row{"empty", "secret empty is empty"},
        Row{"open", "secret open must be a file of mode 0600 or 0640"},
        Row{"folder", "secret folder must be a file of mode 0600 or 0640"},
        Row{"octets", "secret octets is not UTF-8 text"},
        Row{"large", "secret: large: larger than 65536 octets"}}) {
    INFO(file);
    const auto out = parse_yaml(std::string("a: !secret ") + file + "\n", "f.yaml", folder.path());
    CHECK(folder.lines(out.mistakes, false) == Lines{std::string("f.yaml:1:4: ") + mistake});
    CHECK(std::holds_alternative<Secret>(out.value.find("a")->data));
  }
}

TEST_CASE("a secret is written as the file that its owner names", "[provisioning][yaml]") {
  const auto tree = make_map(
      {{"token", Value(Secret("a"))},
       {"users", make_list({make_map({{"passwd", Value(Secret("b"))}}), Value(Secret("c"))})},
       {"plain", make_text("d")}});
  std::vector<std::string> asked;
  const auto written = emit_yaml(tree, [&](const Secret& secret, std::string_view key) {
    asked.push_back(std::string(key) + "=" + secret.reveal());
    return "secrets/" + std::to_string(asked.size()) + (asked.size() == 3 ? " x" : "");
  });
  CHECK(written == R"(token: !secret secrets/1
users:
  - passwd: !secret secrets/2
  - !secret "secrets/3 x"
plain: d
)");
  CHECK(asked == std::vector<std::string>{"token=a", "passwd=b", "users=c"});

  Folder folder;
  folder.write("secrets/1", "a\n", 0600);
  folder.write("secrets/2", "b\n", 0600);
  folder.write("secrets/3 x", "c\n", 0600);
  const auto read = parse_yaml(written, "f.yaml", folder.path());
  REQUIRE(read.mistakes.empty());
  CHECK(read.value.same_as(tree));
}

TEST_CASE("a text may hold several documents where it is asked for", "[provisioning][yaml]") {
  const auto out = parse_yaml_documents("---\na: &x 1\n---\n---\n# nothing\n---\n- b\n...\n", "f");
  CHECK(out.mistakes.empty());
  REQUIRE(out.documents.size() == 2);
  CHECK(out.documents[0].same_as(make_map({{"a", make_number(1)}})));
  CHECK(out.documents[0].find("a")->key_mark().text() == "f:2:1");
  CHECK(out.documents[1].same_as(make_list({make_text("b")})));
  CHECK(out.documents[1].mark.text() == "f:7:1");
  CHECK(parse_yaml_documents("", "f").documents.empty());
  CHECK(mistakes_of("a: 1\n---\nb: 2\n") ==
        Lines{"f.yaml:2:1: not YAML: only one document may stand in a file"});
}

TEST_CASE("anchors end with their document, and documents before a broken one are kept",
          "[provisioning][yaml]") {
  const auto alias = parse_yaml_documents("a: &x 1\n---\nb: *x\n", "f");
  REQUIRE(alias.mistakes.size() == 1);
  CHECK(alias.is_broken);
  CHECK(alias.mistakes[0].line().starts_with("f:3:4: not YAML: "));
  const auto broken = parse_yaml_documents("a: 1\na: 2\n---\nb: [\n", "f");
  CHECK(broken.is_broken);
  REQUIRE(broken.documents.size() == 1);
  REQUIRE(broken.mistakes.size() == 2);
  CHECK(broken.mistakes[0].line() == "f:2:1: `a` stands twice; first in line 1");
  CHECK(broken.mistakes[1].line().starts_with("f:5:1: not YAML: "));
}

}  // namespace slipway::provisioning
