#include "provisioning/diagnostics.hpp"

#include <sys/stat.h>

#include <fstream>

#include "tests/provisioning/depot.hpp"
#include "tests/provisioning/folder.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

namespace fs = std::filesystem;
constexpr auto kMac = "52:54:00:aa:00:01";

unsigned mode_of(const fs::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777U : 0;
}

std::string content_of(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::size_t files_below(const fs::path& folder) {
  std::size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) ++count;
  }
  return count;
}

// What the store's thread has to do with comes after a fence.
http::Response answered(Depot& depot, const std::string& target, Ask ask) {
  const auto answer = depot.begin(target, std::move(ask));
  depot.fence();
  REQUIRE(answer->has_value());
  return **answer;
}

}  // namespace

TEST_CASE("a bundle is read as what we know, in clean lines", "[provisioning][diagnostics]") {
  const auto kept = read_bundle(
      R"({"bundle":{"reason":"silent","detail":"a\u001b[2Jb","host":"../../etc","user_data":"x",)"
      R"("sections":[{"title":"t\n","lines":["one\u0007",2,"two"],"more":1},{"title":"no lines"},7]}})");
  REQUIRE(kept);
  CHECK(*kept == R"({"reason":"silent","detail":"a [2Jb","sections":[{"title":"t ",)"
                 R"("lines":["one ","two"]}]})");
  for (const auto* bad : {"{}", R"({"bundle":[]})", "no JSON", R"({"lines":7})"}) {
    INFO(bad);
    CHECK_FALSE(read_bundle(bad));
  }
}

TEST_CASE("the newest three bundles of a host are kept, for nobody else to read",
          "[provisioning][diagnostics]") {
  const Folder folder;
  const auto place = [&](std::int64_t attempt) {
    return BundlePlace{
        .folder = folder.path() / "diagnostics", .host = "abcd1234", .attempt = attempt};
  };
  for (std::int64_t attempt = 8; attempt <= 12; ++attempt) {
    REQUIRE(keep_diagnostics(place(attempt), "{\"n\":" + std::to_string(attempt) + "}"));
  }
  REQUIRE(keep_diagnostics(place(12), "{\"n\":\"again\"}"));
  CHECK(files_below(place(1).folder) == 3);
  CHECK_FALSE(fs::exists(place(9).file()));
  CHECK(mode_of(place(12).file()) == 0600);
  CHECK(mode_of(place(12).folder) == 0700);
  CHECK(newest_diagnostics_file(place(1).folder, "abcd1234") == place(12).file());
  CHECK(newest_diagnostics(place(1).folder, "abcd1234").value() == "{\"n\":\"again\"}");
  CHECK_FALSE(newest_diagnostics(place(1).folder, "other"));
}

TEST_CASE("all bundles together are bounded, the oldest go first", "[provisioning][diagnostics]") {
  const Folder folder;
  for (int host = 0; host < 5; ++host) {
    const BundlePlace place{
        .folder = folder.path(), .host = "host" + std::to_string(host), .attempt = 1};
    REQUIRE(keep_diagnostics(place, std::string(100, 'x'), 350));
    fs::last_write_time(place.file(),
                        fs::file_time_type::clock::now() - std::chrono::hours(10 - host));
  }
  CHECK(files_below(folder.path()) == 3);
  CHECK_FALSE(newest_diagnostics_file(folder.path(), "host0"));
  CHECK(newest_diagnostics_file(folder.path(), "host4"));
}

TEST_CASE("what an agent tells after a failure is found by the operator",
          "[provisioning][diagnostics]") {
  Depot depot;
  depot.arm("h1");
  const auto session = depot.session_for(depot.token_for(kMac));
  REQUIRE(depot.ask("/agent/v1/plan", {.bearer = session}).status == 200);
  const auto attempt = std::to_string(depot.host("h1").attempt);
  CHECK(depot.order("/api/v1/hosts/h1/retry").status == 409);
  const auto none = answered(depot, "/api/v1/hosts/h1/diagnostics", {.operator_plane = true});
  CHECK(none.status == 404);
  CHECK(member(depot.show("/api/v1/hosts/h1"), "diagnostics").empty());
  const auto result =
      R"({"attempt":)" + attempt + R"(,"state":"failed","reason":"disk-read-error","detail":"x"})";
  REQUIRE(depot.post("/agent/v1/result", result, session).status == 200);
  // Names in it count for nothing: it is kept under its session's own attempt.
  const auto bundle = R"({"bundle":{"reason":"disk-read-error","attempt":"../../1","sections":[)"
                      R"({"title":"kernel messages","lines":["a line"]}]}})";
  const auto taken = answered(depot, "/agent/v1/log",
                              {.body = bundle, .bearer = session, .method = http::Method::post});
  REQUIRE(taken.status == 204);
  const auto shown = depot.show("/api/v1/hosts/h1");
  const auto file = depot.folder / "diagnostics" / depot.host("h1").id / (attempt + ".json");
  CHECK(member(shown, "diagnostics") == file.string());
  CHECK(mode_of(file) == 0600);
  CHECK(member(shown, "reason") == "disk-read-error");
  CHECK(member(shown, "meaning") == "The disk cannot be read.");
  CHECK(member(shown, "remedy") == "Check its cables, or replace it.");
  const auto told = answered(depot, "/api/v1/hosts/h1/diagnostics", {.operator_plane = true});
  CHECK(told.status == 200);
  CHECK(text_of(told) == content_of(file));
  CHECK_THAT(text_of(told), ContainsSubstring("a line"));
  CHECK(depot.post("/agent/v1/log", R"({"neither":1})", session).status == 400);
}

TEST_CASE("a host that only waits leaves no bundle", "[provisioning][diagnostics]") {
  Depot depot;
  const auto session = depot.session_for(depot.token_for("52:54:00:bb:00:07"));
  CHECK(depot.post("/agent/v1/log", R"({"bundle":{}})", session).status >= 400);
  CHECK_FALSE(fs::exists(depot.folder / "diagnostics"));
}

}  // namespace slipway::provisioning
