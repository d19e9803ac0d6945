// Content of a profile: looked up in the store, and named in the plan by digest.
#include "provisioning/plan.hpp"
#include "tests/provisioning/depot.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

constexpr auto kMac = "52:54:00:aa:00:01";

void give_content(Depot& depot, std::vector<ContentItem> items) {
  depot.inventory.profiles.front().content = std::move(items);
  depot.provisioning->use_inventory(std::make_shared<const Inventory>(depot.inventory));
  depot.settle();
}

ContentItem item(const char* image, const char* path, const char* partition = "") {
  return {.image = image, .path = path, .partition = partition, .mark = {}};
}

}  // namespace

TEST_CASE("the plan names each file of the content by digest and place",
          "[provisioning][content]") {
  Depot depot;
  depot.artifacts.content["bundle@1"] = {{"a.zst", 7, Sha256::of("a")},
                                         {"b.zst", 8, Sha256::of("b")}};
  depot.artifacts.content["spc@2"] = {{"spc.tgz", 9, Sha256::of("c")}};
  give_content(depot, {item("bundle@1", "/opt/content"), item("spc@2", "/cluster", "DATA")});
  depot.arm("h1");
  const auto session = depot.session_for(depot.token_for(kMac));
  const auto plan = text_of(depot.ask("/agent/v1/plan", {.bearer = session}));
  const auto a = Sha256::of("a").text(), c = Sha256::of("c").text();
  CHECK_THAT(plan, ContainsSubstring(R"("content":[{"url":"/artifacts/)" + a +
                                     R"(/a.zst","octets":7,"sha256":")" + a +
                                     R"(","path":"/opt/content/a.zst","partition":""})"));
  CHECK_THAT(plan, ContainsSubstring("/opt/content/b.zst"));
  CHECK_THAT(plan, ContainsSubstring(R"("octets":9,"sha256":")" + c +
                                     R"(","path":"/cluster/spc.tgz","partition":"DATA"})"));
}

TEST_CASE("a plan without content says nothing of it, for agents that do not know it",
          "[provisioning][content]") {
  Depot depot;
  depot.arm("h1");
  const auto session = depot.session_for(depot.token_for(kMac));
  CHECK_THAT(text_of(depot.ask("/agent/v1/plan", {.bearer = session})),
             !ContainsSubstring("content"));
}

TEST_CASE("no host is armed with content that the store cannot give", "[provisioning][content]") {
  Depot depot;
  depot.artifacts.content["one@1"] = {{"a", 1, Sha256::of("a")}};
  depot.artifacts.content["two@1"] = {{"a", 1, Sha256::of("b")}};
  depot.artifacts.content["many@1"].resize(kMaxContentFiles + 1);
  for (std::size_t i = 0; i <= kMaxContentFiles; ++i) {
    depot.artifacts.content["many@1"][i].name = std::to_string(i);
  }
  struct Row {
    std::vector<ContentItem> content;
    const char* says;
  };
  const auto row =
      GENERATE(values<Row>({{{item("none@1", "/opt")}, "there is no content none@1"},
                            {{item("one@1", "/opt"), item("two@1", "/opt")}, "two files"},
                            {{item("many@1", "/opt")}, "more than 1000 files"}}));
  give_content(depot, row.content);
  const auto refused = depot.order("/api/v1/hosts/h1/arm", R"({"why":"a test"})");
  CHECK(refused.status == 422);
  CHECK_THAT(text_of(refused), ContainsSubstring(row.says));
  CHECK(depot.state("h1") == "assigned");
}

TEST_CASE("other content makes another profile", "[provisioning][content]") {
  Profile profile;
  const auto plain = digest_of(profile);
  profile.content = {item("one@1", "/opt")};
  const auto with_one = digest_of(profile);
  CHECK(with_one != plain);
  for (const auto& other :
       {item("one@2", "/opt"), item("one@1", "/srv"), item("one@1", "/opt", "DATA")}) {
    profile.content = {other};
    CHECK(digest_of(profile) != with_one);
  }
}

}  // namespace slipway::provisioning
