// Any octets that an operator or a machine gives come through every renderer as they were, or are
// refused. Our own readers and, in one batch, the stock ones (tests/support/read_back.py) say so.
#include <cstdlib>
#include <random>

#include "base/json.hpp"
#include "provisioning/facts.hpp"
#include "provisioning/template.hpp"
#include "provisioning/userdata.hpp"
#include "provisioning/yaml.hpp"
#include "tests/provisioning/folder.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

std::string random_octets(std::mt19937& random) {
  static const std::vector<std::string> kPieces{
      "a",          "Z",      "0",    "7",    " ",     "\n",     "\t",     "\r",
      "\"",         "'",      "\\",   ":",    ": ",    "#",      " #",     "%end",
      "{{",         "}}",     "{%",   "[",    "]",     "{",      "}",      ",",
      "&",          "*",      "!",    "|",    ">",     "-",      "- ",     "? ",
      "---",        "@",      "`",    "~",    "$HOME", "$(x)",   ";",      "=",
      "no",         "yes",    "0644", "1e3",  "null",  "\u0085", "\u00A0", "\u2028",
      "\uFEFF",     "\u00E9", "\xFF", "\xC3", "\x01",  "\x7F",   "<<EOF",  std::string(1, '\0'),
      "\U0001F600", "EOF",    "0x1F", "."};
  std::string text;
  const auto length = random() % 7;
  for (std::size_t i = 0; i < length; ++i) text += kPieces[random() % kPieces.size()];
  return text;
}

std::string hexadecimal(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4U];
    out += "0123456789abcdef"[static_cast<unsigned char>(c) & 0xFU];
  }
  return out;
}

struct Document {
  const char* name;  // how read_back.py takes it apart
  UserDataFormat format;
  const char* text;
};

using enum UserDataFormat;
const std::vector<Document> kDocuments{
    {"generic", generic, "{{ user_data.x }}"},
    {"preseed", preseed, "d-i a/b string {{ user_data.x }}\n"},
    {"shell-preseed", preseed,
     "d-i preseed/late_command string w {{ host.serial }} \"{{ user_data.x }}\" '{{ user_data.x "
     "}}'\n"},
    {"shlex", kickstart, "c {{ host.serial }} \"{{ user_data.x }}\" '{{ user_data.x }}'\n"},
    {"shell", kickstart,
     "%post\nw {{ host.serial }} \"{{ user_data.x }}\" '{{ user_data.x }}'\n%end\n"},
    {"yaml", yaml, "a: {{ user_data.x }}\nb: [{{ host.manufacturer }}]\n"},
    {"yaml", yaml, "a: \"{{ user_data.x }}\"\nb: ['{{ user_data.x }}']\n"},
    {"yaml", yaml, "a: |-\n  {{ user_data.x }}\nb:\n  - >-\n    {{ user_data.x }}\n"},
    {"json", ignition, "{\"a\": {{ user_data.x }}, \"b\": [\"{{ host.manufacturer }}\"]}"},
};

// Whether a refusal of `text` is right: the format has no form for it.
bool may_refuse(const Document& document, const std::string& text) {
  const std::string_view form(document.text);
  if (document.format == yaml) return form.find('"') != form.npos || form.find('|') != form.npos;
  if (document.format == ignition) return !is_utf8(text);
  return true;  // the tables of template_test.cpp say when
}

// Our own reading of the structured formats.
void check_own_reader(const Document& document, const std::string& made, const std::string& text) {
  if (document.format == yaml) {
    const auto read = parse_yaml(made, "made");
    REQUIRE(read.mistakes.empty());
    CHECK(*read.value.find("a")->string() == text);
    CHECK(*read.value.find("b")->list()->front().string() == text);
  } else if (document.format == ignition) {
    const auto read = parse_json(made);
    REQUIRE(read);
    CHECK(JsonView(*read).text_or("a", "?") == text);
  }
}

std::size_t count() {
  const auto* scale = std::getenv("SLIPWAY_TEST_SCALE");
  return static_cast<std::size_t>(3000 * std::min(1.0, scale != nullptr ? std::atof(scale) : 0.1));
}

}  // namespace

TEST_CASE("any octets come through every renderer as they were, or are refused",
          "[provisioning][template][property]") {
  std::vector<Template> parsed;
  Mistakes mistakes;
  for (const auto& document : kDocuments) {
    parsed.push_back(parse_template(document.text, "t", mistakes));
  }
  REQUIRE(mistakes.empty());
  const Folder folder;
  std::ofstream batch(folder.path() / "batch");
  constexpr auto seed = 20240607U;
  std::mt19937 random(seed);
  std::size_t carried = 0;
  for (std::size_t i = 0; i < count(); ++i) {
    const auto text = random_octets(random);
    INFO("seed " << seed << ", octets " << hexadecimal(text));
    const Value facts = make_map(
        {{"host", make_map({{"serial", make_text(text)}, {"manufacturer", make_text(text)}})},
         {"user_data", make_map({{"x", make_text(text)}})}});
    for (std::size_t d = 0; d < kDocuments.size(); ++d) {
      INFO(kDocuments[d].text);
      const auto made = render_template(parsed[d], facts, kDocuments[d].format);
      if (!made) {
        CHECK(may_refuse(kDocuments[d], text));
        continue;
      }
      ++carried;
      check_own_reader(kDocuments[d], *made, text);
      batch << kDocuments[d].name << " " << hexadecimal(text) << " " << hexadecimal(*made) << "\n";
    }
  }
  batch.close();
  CHECK(carried > count());
  const auto command = std::string("/usr/bin/python3 ") + SLIPWAY_SOURCE_DIR +
                       "/tests/support/read_back.py " + (folder.path() / "batch").string();
  CHECK(std::system(command.c_str()) == 0);
}

TEST_CASE("tags and serial numbers of any octets come through both trees of settings",
          "[provisioning][userdata][property]") {
  const Folder folder;
  std::ofstream batch(folder.path() / "batch");
  constexpr auto seed = 20240607U;
  std::mt19937 random(seed);
  Profile profile;
  for (std::size_t i = 0; i < count(); ++i) {
    const auto text = random_octets(random);
    INFO("seed " << seed << ", octets " << hexadecimal(text));
    HostEntry host;
    host.name = "h1";
    host.serial = text;
    const auto tags = make_map({{"a", make_text(text)}});
    host.user_data = make_map(
        {{"a", make_text(text)},
         {"b", make_list({make_text(text)})},
         {"stylus",
          make_map({{"site", make_map({{"tags", tags},
                                       {"paletteEndpoint", make_text("api.example.com")}})}})}});
    const Inventory inventory;
    for (const auto format : {UserDataFormat::kairos, UserDataFormat::cloud_init}) {
      profile.format = format;
      const auto made = render_seed({inventory, host, profile, nullptr}, "i-1");
      REQUIRE(made);
      const auto read = parse_yaml(made->user_data, "made");
      REQUIRE(read.mistakes.empty());
      CHECK(*read.value.find("a")->string() == text);
      CHECK(*read.value.find("b")->list()->front().string() == text);
      if (format == UserDataFormat::kairos) {
        CHECK(*read.value.at("stylus.site.tags.a")->string() == text);
      }
      batch << "yaml " << hexadecimal(text) << " " << hexadecimal(made->user_data) << "\n";
    }
  }
  batch.close();
  const auto command = std::string("/usr/bin/python3 ") + SLIPWAY_SOURCE_DIR +
                       "/tests/support/read_back.py " + (folder.path() / "batch").string();
  CHECK(std::system(command.c_str()) == 0);
}

}  // namespace slipway::provisioning
