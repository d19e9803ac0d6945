#include "provisioning/batch.hpp"

#include "provisioning/batch_file.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

std::vector<AllowRule> rules_of(const std::vector<std::string>& texts) {
  std::vector<AllowRule> rules;
  for (const auto& text : texts) {
    const auto rule = parse_allow_rule(text);
    REQUIRE(rule);
    rules.push_back(*rule);
  }
  return rules;
}

std::string shown_list(BatchKind kind, std::string_view text) {
  Mistakes mistakes;
  std::string out;
  for (const auto& line : read_batch_file(text, "f", kind, mistakes)) {
    out += line.mark.text() + "=" + line.host + "/" + line.site + " ";
  }
  for (const auto& mistake : mistakes) out += mistake.line() + ";";
  return out;
}

}  // namespace

TEST_CASE("an allow-rule is read and written", "[provisioning][batch]") {
  const auto [text, expected] = GENERATE(table<std::string, std::string>({
      {"any", "any"},
      {"mac=52:54:00", "mac=52:54:00"},
      {"mac=AA-bb", "mac=aa:bb"},
      {"mac=52:54:00:aa:00:01", "mac=52:54:00:aa:00:01"},
      {"vendor=ACME Inc.", "vendor=ACME Inc."},
      {"product=Edge*", "product=Edge*"},
      {"product=a=b", "product=a=b"},
      {"mac=52:5", ""},
      {"mac=52:54:", ""},
      {"mac=52:54:00:aa:00:01:02", ""},
      {"mac=5z", ""},
      {"mac=5254", ""},
      {"mac=", ""},
      {"vendor=", ""},
      {"vendor=*", ""},
      {"product=*", ""},
      {"vendor", ""},
      {"colour=red", ""},
      {"ANY", ""},
      {"", ""},
  }));
  const auto rule = parse_allow_rule(text);
  INFO(text);
  CHECK((rule ? text_of(*rule) : "") == expected);
  if (!rule) {
    CHECK(rule.error().text() == "\"" + text +
                                     "\" is no allow-rule: expected any, mac=PREFIX (whole "
                                     "octets), vendor=TEXT or product=TEXT");
  }
}

TEST_CASE("allow-rules: one of each kind that is named must hold", "[provisioning][batch]") {
  using Rules = std::vector<std::string>;
  const auto [rules, expected] = GENERATE(table<Rules, bool>({
      {{}, false},
      {{"any"}, true},
      {{"mac=52:54:00"}, true},
      {{"mac=52:54:00:aa:00:02"}, true},  // its second card
      {{"mac=52:54:01"}, false},
      {{"mac=52:54:01", "mac=52"}, true},
      {{"vendor=ACME"}, true},
      {{"vendor=ACM"}, false},
      {{"vendor=acme"}, false},
      {{"vendor=ACM*"}, true},
      {{"product=Edge 3000"}, true},
      {{"product=Edge*"}, true},
      {{"product=Edge 4*"}, false},
      {{"mac=52:54:00", "vendor=Other"}, false},
      {{"mac=52:54:00", "vendor=Other", "vendor=ACME"}, true},
      {{"any", "vendor=Other"}, false},
  }));
  const std::vector macs{*Mac::parse("52:54:00:aa:00:01"), *Mac::parse("52:54:00:aa:00:02")};
  const Candidate candidate{.macs = macs, .manufacturer = "ACME", .product = "Edge 3000"};
  CAPTURE(rules);
  CHECK(allows(rules_of(rules), candidate) == expected);
}

TEST_CASE("a machine that says nothing fits no text", "[provisioning][batch]") {
  CHECK_FALSE(allows(rules_of({"vendor=ACME"}), {}));
  CHECK_FALSE(allows(rules_of({"mac=52"}), {}));
  CHECK(allows(rules_of({"any"}), {}));
}

TEST_CASE("the list of a batch", "[provisioning][batch]") {
  using enum BatchKind;
  const auto [kind, text, expected] = GENERATE(table<BatchKind, std::string, std::string>({
      {sites, "store-1\n# next week\nstore-2\n", "f:1:1=/store-1 f:3:1=/store-2 "},
      {sites, "order,site\n17,store-1\n18,store-2\n", "f:2:1=/store-1 f:3:1=/store-2 "},
      {sites, "site\nstore-1", "f:2:1=/store-1 "},
      {hosts, "h1\n52:54:00:aa:00:02\n", "f:1:1=h1/ f:2:1=52:54:00:aa:00:02/ "},
      {hosts, "host,site\nh1,store-1\nh2,\n", "f:2:1=h1/store-1 f:3:1=h2/ "},
      {hosts, "serial,mac\nX,52:54:00:aa:00:02\n", "f:2:1=52:54:00:aa:00:02/ "},
      {sites, "", "f:1:1: the list is empty; expected one site a line;"},
      {sites, "site\n", "f:1:1: the list is empty; expected one site a line;"},
      {sites, "a,b\n", "f:1:1: the first row names no column `site`;"},
      {hosts, "a,b\n", "f:1:1: the first row names no column `host`;"},
      {sites, "site,x\n,1\n",
       "f:2:1: `site` is empty in this row;"
       "f:1:1: the list is empty; expected one site a line;"},
      {sites, "s\nt\ns\n", "f:1:1=/s f:2:1=/t f:3:1=/s f:3:1: s stands twice, first at f:1:1;"},
      {hosts, "host,site\nh1,s\nh1,t\n",
       "f:2:1=h1/s f:3:1=h1/t f:3:1: h1 stands twice, first at f:2:1;"},
  }));
  INFO(text);
  CHECK(shown_list(kind, text) == expected);
}

}  // namespace slipway::provisioning
