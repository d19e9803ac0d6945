#include "base/json.hpp"

#include "tests/support/catch.hpp"

using namespace slipway;

TEST_CASE("members are read by type", "[base][json]") {
  const auto document = parse_json(
      R"({"name":"h1","octets":18446744073709551615,"ok":true,"none":null,"list":[{"n":1},{"n":2}]})");
  REQUIRE(document);
  const JsonView view(*document);
  CHECK(view.text("name") == "h1");
  CHECK(view.number("octets") == 18446744073709551615ULL);
  CHECK(view.member("ok")->boolean() == true);
  CHECK_FALSE(view.find("none"));
  CHECK(view.text_or("absent", "otherwise") == "otherwise");
  CHECK(view.text_or("octets", "otherwise") == "otherwise");
  CHECK(view.number_or("absent", 7) == 7);
  const auto list = view.member("list")->elements();
  REQUIRE(list);
  CHECK(list->at(1).number("n") == 2);
}

TEST_CASE("a wrong member is named with its path", "[base][json]") {
  const auto document =
      parse_json(R"({"plan":{"image":{"url":5,"octets":-1,"parts":[{"n":"x"}]}}})");
  const JsonView image = JsonView(*document).member("plan").value().member("image").value();
  CHECK(image.text("url").error().text() == "plan.image.url: expected a string");
  CHECK(image.number("octets").error().text() ==
        "plan.image.octets: expected a whole number that is not negative");
  CHECK(image.text("name").error().text() == "plan.image.name: expected a value, found none");
  CHECK(image.member("parts")->elements()->at(0).number("n").error().text() ==
        "plan.image.parts[0].n: expected a whole number that is not negative");
  CHECK(image.elements().error().text() == "plan.image: expected a list");
  CHECK(JsonView(*document).boolean().error().text() == "document: expected true or false");
}

TEST_CASE("what is not one JSON document is refused", "[base][json]") {
  const auto text = GENERATE(as<std::string>{}, "", "{", "{} x", "{'a':1}", "[1,]", "\xff",
                             std::string(40, '[') + std::string(40, ']'));
  const auto document = parse_json(text);
  REQUIRE_FALSE(document);
  CHECK_THAT(document.error().text(), ContainsSubstring("not valid JSON: "));
}

TEST_CASE("numbers with a fraction are no whole numbers", "[base][json]") {
  const auto document = parse_json(R"({"a":1.5,"b":1e3,"c":18446744073709551616})");
  REQUIRE(document);
  CHECK_FALSE(JsonView(*document).number("a"));
  CHECK_FALSE(JsonView(*document).number("c"));
}
