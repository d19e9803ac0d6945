#include "provisioning/template.hpp"

#include "provisioning/facts.hpp"
#include "provisioning/yaml.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

constexpr auto kFacts = R"(
host: {name: h1, macs: ["52:54:00:aa:00:01", "52:54:00:aa:00:02"], mac: "52:54:00:aa:00:01",
       uuid: ~, serial: "S 1", edge_id: ~}
site: {name: s1, tags: {region: north, "odd key": "a b"}}
finish: poweroff
report_url: http://10.0.0.1:8080/h/TOKEN/report
user_data:
  packages: [vim, less]
  users: [{name: ann}, {name: bob}]
  empty: ""
  none: []
  three: 3
  real: 1.5
  yes: true
  no: false
  odd: {"a.b": dotted}
  quote: it's
  dquote: 'say "hi"'
  dollar: "$HOME `id`"
  line: "a\nb"
  tab: "a\tb"
  nul: "a\0b"
  word: no
  octal: "0644"
  blank: " x"
  back: 'x\'
  hash: "#x"
  percent: "%end"
  eof: EOF
  separator: "a\L"
  latin: "ä"
  octets: !!binary "/w=="
)";

// The text that `text` renders to, or its first mistake as "line:column: what".
std::string rendered(std::string text, UserDataFormat format = UserDataFormat::generic) {
  Mistakes mistakes;
  const auto parsed = parse_template(std::move(text), "t", mistakes);
  if (!mistakes.empty()) return mistakes.front().line();
  const auto facts = parse_yaml(kFacts, "facts");
  REQUIRE(facts.mistakes.empty());
  const auto out = render_template(parsed, facts.value, format);
  return out ? *out : out.error().line();
}

struct Row {
  const char* text;
  const char* rendered;
};

void check(UserDataFormat format, const std::vector<Row>& rows) {
  for (const auto& row : rows) {
    INFO(row.text);
    CHECK(rendered(row.text, format) == row.rendered);
  }
}

}  // namespace

TEST_CASE("templates have variables, conditions and loops", "[provisioning][template]") {
  check(UserDataFormat::generic,
        {
            {"", ""},
            {"plain { text } % #\n", "plain { text } % #\n"},
            {"{{host.name}} {{ site.tags.region }}", "h1 north"},
            {"{{ host.macs[1] }} {{ site.tags[\"odd key\"] }}", "52:54:00:aa:00:02 a b"},
            {"{{ user_data.odd[\"a.b\"] }}", "dotted"},
            {"{{ user_data.three }} {{ user_data.real }} {{ user_data.yes }}", "3 1.5 true"},
            {"{{ \"{{\" }}{{ '}}' }}", "{{}}"},
            {"{% if host.uuid %}u{% elif host.serial %}s{% else %}n{% end %}", "s"},
            {"{% if user_data.no_such.thing %}a{% else %}b{% end %}", "b"},
            {"{% if not user_data.none and user_data.three == 3 %}a{% end %}", "a"},
            {"{% if finish != \"poweroff\" or (user_data.no) %}a{% else %}b{% end %}", "b"},
            {"{% if user_data.three == \"3\" %}a{% else %}kinds differ{% end %}", "kinds differ"},
            {"{{ host.uuid or host.serial }} {{ user_data.empty or \"none\" }}", "S 1 none"},
            {"{% for u in user_data.users %}{{ loop.index }}{{ u.name }}"
             "{% if not loop.last %},{% end %}{% end %}",
             "1ann,2bob"},
            {"{% for t in site.tags %}{{ t.key }}={{ t.value }};{% end %}",
             "region=north;odd key=a b;"},
            {"{% for p in user_data.none %}x{% end %}-", "-"},
            {"{% for a in host.macs %}{% for a in user_data.packages %}{{ a }} {% end %}{% end %}",
             "vim less vim less "},
            {"a{# {{ no.such }} it's #}b", "ab"},
            {"a\n  {% if true %}  \nb\n{% end %}\n{# gone #}\nc {% if true %}d{% end %}\n",
             "a\nb\nc d\n"},
        });
}

TEST_CASE("mistakes of templates name line, column and what is allowed",
          "[provisioning][template]") {
  check(
      UserDataFormat::generic,
      {
          {"a\n{{ host.nam }}", "t:2:4: `host` has no `nam`; did you mean `name`?"},
          {"{{ hots.name }}", "t:1:4: nothing is named `hots`; did you mean `host`?"},
          {"{{ x }}",
           "t:1:4: nothing is named `x`; known: host, site, profile, network, disk, user_data, "
           "report_url or finish"},
          {"{{ user_data.package }}",
           "t:1:4: there is no `user_data.package`; did you mean `packages`?"},
          {"{{ host.uuid }}",
           "t:1:4: `host.uuid` is not known for this host; guard it with {% if %}"},
          {"{% for u in user_data.users %}{{ u.nmae }}{% end %}",
           "t:1:34: there is no `u.nmae`; did you mean `name`?"},
          {"{{ host.macs[7] }}", "t:1:4: there is no `host.macs[7]`; guard it with {% if %}"},
          {"\n {{ host.macs }}",
           "t:2:4: `host.macs` is a list or a map, which has no text form here; loop over it"},
          {"{% for c in host.name %}{% end %}", "t:1:13: `host.name` is text, not a list"},
          {"{{ host.name", "t:1:1: `{{` has no `}}`"},
          {"{{ }}", "t:1:4: a name or a value is missing"},
          {"{{ in }}", "t:1:6: a name or a value is missing before `in`"},
          {"{{ host.macs[x] }}", "t:1:14: a key in quotes or a number is expected in [ ]"},
          {"{{ host.name | raw }}", "t:1:14: unexpected `| raw `"},
          {"{{ host.name|raw }}", "t:1:13: there are no filters: values are escaped by the format"},
          {"{{ host.name host.mac }}", "t:1:14: unexpected `host.mac `"},
          {"{{ \"a }}", "t:1:1: `{{` has no `}}`"},
          {"{% if true %}", "t:1:3: this block has no {% end %}"},
          {"{% end %}", "t:1:3: `end` without an open block"},
          {"{% if true %}{% else %}{% else %}{% end %}", "t:1:26: `else` must be the last branch"},
          {"{% for a in host.macs %}{% else %}{% end %}",
           "t:1:27: `else` does not belong to a `for`"},
          {"{% for host.macs %}{% end %}", "t:1:12: `for` needs `in`: {% for item in LIST %}"},
          {"{% include \"x\" %}", "t:1:3: unknown tag `include`; known: if, elif, else, for, end"},
          {"{% end of %}", "t:1:3: `end` without an open block"},
          {"{% if true %}{% end of %}", "t:1:16: nothing may stand behind `end`"},
      });
}

TEST_CASE("templates are bounded", "[provisioning][template]") {
  const auto times = [](std::size_t count, const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += text;
    return out;
  };
  CHECK(rendered(times(16, "{% if true %}") + "x" + times(16, "{% end %}")) == "x");
  CHECK(rendered(times(17, "{% if true %}") + "x" + times(17, "{% end %}")) ==
        "t:1:211: nested deeper than 16");
  CHECK(rendered("{{ " + times(16, "(") + "1" + times(16, ")") + " }}") == "1");
  CHECK(rendered("{{ " + times(17, "(") + "1" + times(17, ")") + " }}") ==
        "t:1:21: nested deeper than 16");
  CHECK(
      rendered("{% if " + times(100, "not ") + "1 %}{% end %}").ends_with("nested deeper than 16"));
  CHECK(rendered(std::string((1U << 20U) + 1, 'x')) == "t:1:1: the template is larger than 1 MiB");
  const auto loops = [&](std::size_t depth, const std::string& body) {
    return times(depth, "{% for a in host.macs %}") + body + times(depth, "{% end %}");
  };
  CHECK(rendered(loops(10, std::string(10'000, 'x'))).ends_with("the output is larger than 8 MiB"));
  std::string wide;
  for (int i = 0; i < 16; ++i) wide += "{% for a in user_data.odd %}";
  CHECK(rendered(loops(16, times(100, "{# #}"))).size() == 0);
  CHECK(rendered(loops(16, times(30, "{% if 1 %}{% end %}"))) == "t:1:387: nested deeper than 16");
  CHECK(rendered(loops(15, times(60, "{% if 1 %}{% end %}")))
            .ends_with("too many steps: loops over loops"));
}

TEST_CASE("plain text carries one line or nothing", "[provisioning][template]") {
  constexpr auto kRefused =
      " has a line end, a control character or octets that are not UTF-8, which this format cannot "
      "carry";
  for (const std::string name : {"line", "tab", "nul", "separator", "octets"}) {
    for (const auto format :
         {UserDataFormat::generic, UserDataFormat::preseed, UserDataFormat::kickstart}) {
      INFO(name);
      CHECK(rendered("d-i a/b string {{ user_data." + name + " }}\n", format) ==
            "t:1:18: `user_data." + name + "`" + kRefused);
    }
  }
  CHECK(rendered("{{ user_data.dollar }}|{{ user_data.latin }}") == "$HOME `id`|ä");
}

TEST_CASE("values in a preseed", "[provisioning][template]") {
  check(UserDataFormat::preseed,
        {
            {"d-i a/b string {{ user_data.dollar }} {{ user_data.quote }}\n",
             "d-i a/b string $HOME `id` it's\n"},
            {"d-i a/b string {{ user_data.blank }}\n",
             "t:1:18: `user_data.blank` begins or ends with a blank, which the installer would cut "
             "off"},
            {"d-i a/b string {{ user_data.back }}\n",
             "t:1:18: `user_data.back` ends in a backslash, which would join two lines"},
            {"d-i a/{{ user_data.dollar }} string x\n",
             "t:1:9: `user_data.dollar` must be one word here, before a question's value"},
            {"{{ user_data.hash }} a string x\n",
             "t:1:3: `user_data.hash` would begin a comment here"},
            {"d-i preseed/late_command string echo {{ user_data.dollar }}; \\\n"
             "  echo \"<{{ user_data.quote }}>\"\n"
             "d-i a/b string {{ user_data.dollar }}\n",
             "d-i preseed/late_command string echo '$HOME `id`'; \\\n"
             "  echo \"<\"'it'\"'\"'s'\">\"\n"
             "d-i a/b string $HOME `id`\n"},
            {"d-i preseed/late_command string echo $(echo {{ user_data.dollar }})\n",
             "t:1:47: `user_data.dollar` cannot be quoted at this place of a shell command; put it "
             "outside of substitutions"},
            {"d-i preseed/late_command string echo $(echo {{ host.name }})\n",
             "d-i preseed/late_command string echo $(echo h1)\n"},
            {"# for {{ host.serial }}\n", "# for S 1\n"},
        });
}

TEST_CASE("values in a kickstart", "[provisioning][template]") {
  constexpr auto kRefused =
      " cannot be quoted at this place; put it outside of substitutions and here-documents";
  check(UserDataFormat::kickstart,
        {
            {"network --hostname={{ host.name }}\n", "network --hostname=h1\n"},
            {"rootpw {{ user_data.dollar }}\n", "rootpw '$HOME `id`'\n"},
            {"rootpw \"{{ user_data.dollar }}\" '{{ user_data.quote }}'\n",
             "rootpw \"\"'$HOME `id`'\"\" 'it'\"'\"'s'\n"},
            {"rootpw {{ user_data.empty }}\n", "rootpw ''\n"},
            {"{{ user_data.percent }}\n", "'%end'\n"},
            {"# {{ user_data.dollar }}\n", "# $HOME `id`\n"},
            {"%packages\n{{ user_data.packages[0] }}\n%end\nrootpw {{ host.serial }}\n",
             "%packages\nvim\n%end\nrootpw 'S 1'\n"},
        });
  const std::vector<std::pair<std::string, std::string>> scripts{
      {"echo {{ user_data.dollar }}", "echo '$HOME `id`'"},
      {"echo \"$(hostname) {{ user_data.dollar }}\"", "echo \"$(hostname) \"'$HOME `id`'\"\""},
      {"echo \"$(echo \"{{ user_data.dollar }}\")\"", ""},
      {"echo `echo {{ host.serial }}`", ""},
      {"echo \"${A:-{{ host.serial }}}\"", ""},
      {"echo $H{{ host.name }}", "echo $H'h1'"},
      {"echo \"$H{{ host.name }}\"", "echo \"$H\"'h1'\"\""},
      {"echo ${{ host.name }}", ""},
      {"echo \\{{ host.name }}", ""},
      {"echo x # {{ host.serial }}", ""},
      {"# it's\necho {{ host.serial }}", "# it's\necho 'S 1'"},
      {"cat <<EOF\n{{ host.serial }}\nEOF", ""},
      {"cat <<EOF\n{{ user_data.eof }}\nEOF", ""},
      {"cat <<-'EOF'\n{{ host.name }}\n\tEOF\necho {{ host.serial }}",
       "cat <<-'EOF'\nh1\n\tEOF\necho 'S 1'"},
      {"cat <<< {{ host.serial }}\necho {{ host.serial }}", "cat <<< 'S 1'\necho 'S 1'"},
      {"echo $(case x in a) echo {{ host.serial }};; esac)", ""},
      {"echo '\n{{ user_data.percent }}'", ""},
  };
  for (const auto& [script, wanted] : scripts) {
    INFO(script);
    const auto text = rendered("%post\n" + script + "\n%end\n", UserDataFormat::kickstart);
    if (wanted.empty()) {
      CHECK(text.ends_with(kRefused));
    } else {
      CHECK(text == "%post\n" + wanted + "\n%end\n");
    }
  }
}

TEST_CASE("values in a YAML document", "[provisioning][template]") {
  constexpr auto kQuote = " stands beside other text: put the whole into double quotes";
  check(
      UserDataFormat::yaml,
      {
          {"a: {{ host.name }}\n", "a: \"h1\"\n"},
          {"a: {{ user_data.word }} # {{ host.name }}\n", "a: \"no\" # h1\n"},
          {"a: [{{ user_data.octal }}, {{ user_data.three }}, {{ user_data.real }}]\n",
           "a: [\"0644\", 3, 1.5]\n"},
          {"a: {{ user_data.users }}\n", "a: [{\"name\": \"ann\"}, {\"name\": \"bob\"}]\n"},
          {"a: {{ user_data.line }}\n", "a: \"a\\nb\"\n"},
          {"a: {{ user_data.octets }}\n", "a: !!binary \"/w==\"\n"},
          {"a: \"<{{ user_data.dquote }}{{ user_data.nul }}>\"\n",
           "a: \"<say \\\"hi\\\"a\\x00b>\"\n"},
          {"a: '<{{ user_data.quote }}>'\n", "a: '<it''s>'\n"},
          {"a: |\n  <{{ user_data.dquote }}>\n", "a: |\n  <say \"hi\">\n"},
          {"{{ host.name }}: 1\n", "\"h1\": 1\n"},
          {"a: yes\nb: 0644\n", "a: yes\nb: 0644\n"},
          {"a: {{ user_data.empty }}\n", "a: \"\"\n"},
          {"a: '{{ user_data.line }}'\n",
           "t:1:7: `user_data.line` has a line end or a control character: put it into double "
           "quotes"},
          {"a: \"{{ user_data.octets }}\"\n",
           "t:1:7: `user_data.octets` holds octets that are not UTF-8; let the value stand alone, "
           "without quotes"},
          {"a: \"{{ user_data.users }}\"\n",
           "t:1:7: `user_data.users` is a list or a map, which cannot stand inside a text"},
          {"a: 1\nb: [\n", "t:3:1: not YAML: end of sequence flow not found"},
          {"a: |\n  {{ user_data.blank }}\n",
           "t:2:5: `user_data.blank` (or a value behind it) would not read back as it was meant: "
           "put it into double quotes"},
      });
  CHECK(rendered("a: x-{{ host.name }}\n", UserDataFormat::yaml) ==
        std::string("t:1:8: `host.name`") + kQuote);
  CHECK(rendered("a: {{ host.name }}{{ host.name }}\n", UserDataFormat::yaml) ==
        std::string("t:1:6: `host.name`") + kQuote);
  CHECK(rendered("a: {{ host.name }}\n", UserDataFormat::autoinstall) ==
        "t:1:1: the first line must be #cloud-config");
}

TEST_CASE("values in a JSON document", "[provisioning][template]") {
  check(
      UserDataFormat::ignition,
      {
          {"{\"a\": {{ host.name }}}", "{\"a\": \"h1\"}"},
          {"{\"a\": [{{ user_data.users }}, {{ user_data.three }}, {{ user_data.no }}]}",
           "{\"a\": [[{\"name\":\"ann\"},{\"name\":\"bob\"}], 3, false]}"},
          {"{\"a\": \"<{{ user_data.dquote }}{{ user_data.line }}>\"}",
           "{\"a\": \"<say \\\"hi\\\"a\\nb>\"}"},
          {"{\"a\\\"b{{ host.name }}\": \"\\\\{{ host.name }}\"}", "{\"a\\\"bh1\": \"\\\\h1\"}"},
          {"{\"a\": x{{ host.name }}}", "t:1:10: `host.name` must stand alone, or inside quotes"},
          {"{\"a\": {{ user_data.three }}4}", "t:1:30: a value outside of quotes must stand alone"},
          {"{\"a\": \"\\{{ host.name }}\"}", "t:1:11: `host.name` stands behind a backslash"},
          {"{\"a\": \"{{ user_data.users }}\"}",
           "t:1:10: `user_data.users` is a list or a map, which cannot stand inside a string"},
          {"{\"a\": {{ user_data.octets }}}",
           "t:1:9: `user_data.octets` holds octets that are not UTF-8, or infinity, which JSON "
           "cannot carry"},
          {"{\"a\": \n1,}", "t:2:3: the document is not JSON: syntax error"},
      });
}

TEST_CASE("a masked rendering shows no secret", "[provisioning][template]") {
  Mistakes mistakes;
  const auto parsed = parse_template(
      "%post\necho {{ user_data.passwd }} {{ user_data.proxy }} `echo {{ user_data.passwd }}`\n"
      "%end\n",
      "t", mistakes);
  REQUIRE(mistakes.empty());
  const Value facts =
      make_map({{"user_data", make_map({{"passwd", Value(Secret("hunter2"))},
                                        {"proxy", make_text("http://u:hunter2@proxy:3128")}})}});
  const auto text = render_template(parsed, facts, UserDataFormat::kickstart, true);
  REQUIRE(text);
  CHECK(*text == "%post\necho '********' 'http://********@proxy:3128' `echo ********`\n%end\n");
}

}  // namespace slipway::provisioning
