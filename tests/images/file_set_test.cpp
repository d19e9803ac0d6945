#include "images/file_set.hpp"

#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::images;

namespace {

FileSet sample() {
  return {.name = {"kairos", "3.2"},
          .type = FileSetType::installer,
          .kind = "kairos",
          .source = {"kairos.iso", Sha256::of("iso")},
          .cmdline = "rd.neednet=1 \"x\"",
          .files = {{"kernel", 5, Sha256::of("a")}, {"images/install.img", 0, Sha256::of("b")}},
          .found = {"kernel /boot/kernel"}};
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

}  // namespace

TEST_CASE("a file set's JSON is fixed, and read again as it was", "[images][file_set]") {
  const auto json = to_json(sample());
  CHECK(json == R"({"type":"installer","format":1,"name":"kairos","version":"3.2","kind":"kairos",)"
                R"("source":{"name":"kairos.iso",)"
                R"("sha256":"e0e4548df88a35d5854d052281c5deedad16f286f82cb2c23f2f9dea494834ac"},)"
                R"("cmdline":"rd.neednet=1 \"x\"","files":[{"name":"kernel","octets":5,)"
                R"("sha256":"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"},)"
                R"({"name":"images/install.img","octets":0,)"
                R"("sha256":"3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"}],)"
                R"("found":["kernel /boot/kernel"]})"
                "\n");
  const auto again = parse_file_set(json);
  INFO((again ? "" : again.error().text()));
  REQUIRE(again);
  CHECK(*again == sample());
  CHECK(is_file_set_json(json));
  CHECK_FALSE(is_file_set_json(R"({"name":"a"})"));
  CHECK(again->octets() == 5);
  REQUIRE(again->find("kernel") != nullptr);
  CHECK(again->find("kernel")->sha256 == Sha256::of("a"));
  CHECK(again->find("initrd") == nullptr);
}

TEST_CASE("a hostile file set is refused with the place", "[images][file_set]") {
  struct Row {
    const char *what, *with, *complaint;
  };
  const auto row = GENERATE(values<Row>({
      {R"("installer")", R"("disk")", "type: expected installer or content"},
      {R"("installer")", R"("content")", "kind: \"kairos\" is none of content"},
      {R"("kind":"kairos")", R"("kind":"windows")", "kind: \"windows\""},
      {R"("format":1)", R"("format":2)", "too old"},
      {R"("name":"kairos")", R"("name":"../x")", "name: expected"},
      {R"("version":"3.2")", R"("version":"")", "version: expected"},
      {R"("name":"kairos.iso")", R"("name":"a/b")", "source.name"},
      {R"(rd.neednet=1)", R"(a\nb)", "cmdline: expected one line"},
      {R"("name":"kernel")", R"("name":"/kernel")", "files[0].name: expected a relative path"},
      {R"("name":"kernel")", R"("name":"a/../b")", "files[0].name"},
      {R"("name":"kernel")", R"("name":"a//b")", "files[0].name"},
      {R"("name":"kernel")", R"("name":"")", "files[0].name"},
      {R"("name":"kernel")", R"("name":"a\u0000b")", "files[0].name"},
      {R"("name":"kernel")", R"("name":"images/install.img")", "stands there twice"},
      {R"("octets":5)", R"("octets":-5)", "octets: expected"},
      {R"("octets":5)", R"("octets":18446744073709551615)", "files[0].octets"},
      {"ca978112ca1bbdca", "xx978112ca1bbdca", "files[0].sha256"},
      {R"(kernel /boot/kernel)", R"(\u001b[2J)", "found: not a line"},
      {R"("found":[)", R"("found":[1,)", "found[0]: expected a string"},
  }));
  CAPTURE(row.what, row.with);
  const auto parsed = parse_file_set(replaced(to_json(sample()), row.what, row.with));
  REQUIRE_FALSE(parsed);
  CHECK_THAT(parsed.error().text(), ContainsSubstring(row.complaint));
}

TEST_CASE("a file set has files, and not without bound", "[images][file_set]") {
  auto set = sample();
  set.files.clear();
  CHECK_FALSE(check_file_set(set));
  for (std::size_t i = 0; i <= kMaxSetFiles; ++i)
    set.files.push_back({"f" + std::to_string(i), 1, {}});
  CHECK_FALSE(check_file_set(set));
  set.files.pop_back();
  CHECK(check_file_set(set));
}

TEST_CASE("an image name is NAME@VERSION", "[images][store]") {
  const auto name = ImageName::parse("debian-edge@12.5");
  REQUIRE(name);
  CHECK(name->name == "debian-edge");
  CHECK(name->version == "12.5");
  for (const auto* bad : {"", "@", "a", "a@", "@1", "a@b@c", "../a@1", "a@../1", "A@1"}) {
    CHECK_FALSE(ImageName::parse(bad));
  }
}
