#include "agent/session.hpp"

#include <atomic>
#include <semaphore>

#include "agent/report.hpp"
#include "tests/agent/fake_server.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::agent;
using slipway::test::FakeServer;
using slipway::test::FakeTransport;
using slipway::test::Naps;

namespace {

const Answer kOpened{200, R"({"session":"s1","host":"ABCD1234","attempt":1})"};

struct Scene {
  FakeServer server;
  FakeTransport transport{server};
  Naps naps;
  std::vector<std::string> troubles;
  Session session{transport, Secret("tok"), naps.waiting(),
                  [this](const std::string& trouble) { troubles.push_back(trouble); }};
};

}  // namespace

TEST_CASE("the token is traded for a bearer that later requests carry", "[agent][session]") {
  Scene scene;
  scene.server.answer = [](const Call& call) -> Fallible<Answer> {
    return call.target == "/agent/v1/session" ? kOpened : Answer{204, ""};
  };
  REQUIRE(scene.session.open({}));
  CHECK(scene.session.registration().host == "ABCD1234");
  REQUIRE(scene.session.post_inventory({}));
  const auto calls = scene.server.calls();
  REQUIRE(calls.size() == 2);
  CHECK(calls[0].bearer.empty());
  CHECK_THAT(calls[0].body, ContainsSubstring(R"("token":"tok")"));
  CHECK(calls[1].bearer.reveal() == "s1");
}

TEST_CASE("the server's clock is heard once, before anything else", "[agent][session][clock]") {
  Scene scene;
  scene.server.answer = [](const Call& call) -> Fallible<Answer> {
    if (call.target != "/agent/v1/session") return Answer{401, ""};
    return Answer{200, R"({"session":"s1","host":"H","time":1795284291500})"};
  };
  std::vector<std::int64_t> heard;
  scene.session.on_server_time([&](std::int64_t unix_ms) { heard.push_back(unix_ms); });
  REQUIRE(scene.session.open({}));
  CHECK(heard == std::vector<std::int64_t>{1795284291500});
  CHECK_FALSE(scene.session.post_inventory({}));  // 401: the session is opened anew
  CHECK(scene.server.calls("/agent/v1/session").size() == 2);
  CHECK(heard.size() == 1);  // a write may be running by then
}

TEST_CASE("a request is repeated until the server answers", "[agent][session]") {
  Scene scene;
  int tries = 0;
  scene.server.answer = [&](const Call&) -> Fallible<Answer> {
    switch (++tries) {
      case 1: return fail("connection refused");
      case 2: return Answer{503, ""};
      case 3: return Answer{429, ""};
      case 4: return Answer{408, ""};
      default: return kOpened;
    }
  };
  REQUIRE(scene.session.open({}));
  using Pauses = std::vector<std::chrono::milliseconds>;
  CHECK(scene.naps.taken == Pauses{std::chrono::milliseconds(500), std::chrono::milliseconds(1000),
                                   std::chrono::milliseconds(2000),
                                   std::chrono::milliseconds(4000)});
  CHECK(scene.troubles == std::vector<std::string>{"connection refused", ""});
}

TEST_CASE("a refusal ends the request at once, with the server's words", "[agent][session]") {
  const int status = GENERATE(403, 404, 409, 410);
  Scene scene;
  scene.server.answer = [&](const Call&) -> Fallible<Answer> {
    return Answer{status, R"({"title":"Gone","detail":"it is over"})"};
  };
  const auto opened = scene.session.open({});
  REQUIRE_FALSE(opened);
  CHECK(opened.error().status == status);
  CHECK(opened.error().detail == "it is over");
  CHECK(scene.naps.taken.empty());
}

TEST_CASE("a session that the server forgot is opened again", "[agent][session]") {
  Scene scene;
  int sessions = 0;
  scene.server.answer = [&](const Call& call) -> Fallible<Answer> {
    if (call.target == "/agent/v1/session") {
      ++sessions;
      return Answer{200, R"({"session":"s)" + std::to_string(sessions) + R"("})"};
    }
    return Answer{call.bearer.reveal() == "s2" ? 204 : 401, ""};
  };
  REQUIRE(scene.session.open({}));
  const auto order = scene.session.order("");
  REQUIRE(order);
  CHECK(std::holds_alternative<NothingNew>(*order));
  CHECK(sessions == 2);
}

TEST_CASE("a session that stays refused is not opened for ever", "[agent][session]") {
  Scene scene;
  scene.server.answer = [&](const Call& call) -> Fallible<Answer> {
    return call.target == "/agent/v1/session" ? kOpened : Answer{401, ""};
  };
  REQUIRE(scene.session.open({}));
  const auto posted = scene.session.post_result({});
  REQUIRE_FALSE(posted);
  CHECK(posted.error().status == 401);
  CHECK(scene.server.calls().size() == 4);
}

TEST_CASE("what the server says of the host is kept for its screen", "[agent][session]") {
  Scene scene;
  scene.server.answer = [](const Call& call) -> Fallible<Answer> {
    if (call.target == "/agent/v1/session") {
      return Answer{200, R"({"session":"s1","host":"h1","id":"ABCD1234",)"
                         R"("url":"https://depot/r/ABCD1234","qr":["10","01"]})"};
    }
    return Answer{200, R"({"action":"wait","name":"h1","state":"assigned","text":"Not armed."})"};
  };
  REQUIRE(scene.session.open({}));
  CHECK(scene.session.registration() ==
        Registration{"h1", "ABCD1234", "https://depot/r/ABCD1234", {"10", "01"}});
  const auto order = scene.session.order("0123abcd");
  REQUIRE(order);
  // The tag is of the octets of the answer: the first 8 digits of their SHA-256.
  CHECK(std::get<Hold>(*order) == Hold{"h1", "assigned", "Not armed.", "b04e5a38", false, ""});
  CHECK(scene.server.calls().back().target == "/agent/v1/plan?wait=30&seen=0123abcd");
}

TEST_CASE("a plan that is not understood is refused with the reason", "[agent][session]") {
  Scene scene;
  scene.server.answer = [](const Call&) -> Fallible<Answer> { return Answer{200, "{}"}; };
  const auto order = scene.session.order("");
  REQUIRE_FALSE(order);
  CHECK(order.error().status == 200);
  CHECK_THAT(order.error().detail, ContainsSubstring("action"));
}

TEST_CASE("the bodies of result and progress are what the protocol says", "[agent][session]") {
  Outcome outcome;
  outcome.attempt = 2;
  outcome.installed = true;
  outcome.disk = "/dev/sda";
  outcome.raw_sha256 = "ab";
  outcome.seconds = {{"write", 1.5}};
  const std::string head =
      R"({"attempt":2,"state":"installed","reason":"","detail":"","disk":"/dev/sda",)"
      R"("raw_sha256":"ab","seconds":{"write":1.5E0},"disks":[)";
  CHECK(result_json(outcome) == head + "]}");
  outcome.disks = {{.path = "/dev/sda",
                    .model = "M",
                    .serial = "S",
                    .size_octets = 5,
                    .fits = true,
                    .taken = true,
                    .why = "is the only one that fits"}};
  outcome.health = Health{Health::Verdict::good, "SMART passed"};
  outcome.erase = EraseReport{"nvme-format", 2.5, true};
  CHECK(result_json(outcome) ==
        head + R"({"path":"/dev/sda","model":"M","serial":"S","size_octets":5,"taken":true,)"
               R"("why":"is the only one that fits"}],)"
               R"("health":{"verdict":"good","summary":"SMART passed"},)"
               R"("erase":{"method":"nvme-format","seconds":2.5E0,"verified":true}})");
  CHECK(progress_json(2, "write", 1, 4, 3) ==
        R"({"attempt":2,"step":"write","done_octets":1,"total_octets":4,"rate_octets":3})");
}

TEST_CASE("lost log lines hold nothing up", "[agent][session]") {
  Scene scene;
  scene.server.answer = [](const Call&) -> Fallible<Answer> { return fail("unplugged"); };
  scene.session.post_log({"a line"});
  CHECK(scene.server.calls().size() == 1);
  CHECK(scene.naps.taken.empty());
}

TEST_CASE("progress is revoked by 403, 409 and 410 and by nothing else", "[agent][report]") {
  struct Row {
    int status;
    bool revoked;
  };
  const auto row = GENERATE(values<Row>({{204, false},
                                         {401, false},
                                         {404, false},
                                         {500, false},
                                         {403, true},
                                         {409, true},
                                         {410, true}}));
  FakeServer server;
  server.answer = [&](const Call&) -> Fallible<Answer> { return Answer{row.status, ""}; };
  ProgressReport report(std::make_unique<FakeTransport>(server), Secret("s1"), 7);
  report.update({"write", 1, 2, 3});
  report.stop();
  INFO(row.status);
  CHECK(report.revoked() == row.revoked);
  REQUIRE_FALSE(server.calls().empty());
  CHECK(server.calls().front().bearer.reveal() == "s1");
}

TEST_CASE("progress is posted on and on while a step has nothing new to tell", "[agent][report]") {
  std::counting_semaphore<> posts(0);
  FakeServer server;
  server.answer = [&](const Call&) -> Fallible<Answer> {
    posts.release();
    return Answer{204, ""};
  };
  ProgressReport report(std::make_unique<FakeTransport>(server), Secret("s1"), 7);
  report.update({"write", 1, 2, 3});  // and now a flush that takes long
  for (int i = 0; i < 3; ++i) posts.acquire();
  report.stop();
  CHECK(server.calls("/agent/v1/progress").size() >= 3);
}

TEST_CASE("the last progress is posted before the report stops", "[agent][report]") {
  FakeServer server;
  server.answer = [](const Call&) -> Fallible<Answer> { return Answer{204, ""}; };
  ProgressReport report(std::make_unique<FakeTransport>(server), Secret("s1"), 7);
  report.update({"done", 2, 2, 0});
  report.stop();
  CHECK_THAT(server.calls().back().body, ContainsSubstring(R"("attempt":7,"step":"done")"));
}

TEST_CASE("while the server is away progress is posted ever more rarely", "[agent][report]") {
  std::counting_semaphore<> posts(0);
  std::atomic<int> asked = 0;
  int calls = 0;  // of one thread
  FakeServer server;
  server.answer = [&](const Call&) -> Fallible<Answer> {
    posts.release();
    if (++calls == 2) return fail("unplugged");
    return Answer{204, ""};
  };
  ProgressReport report(std::make_unique<FakeTransport>(server), Secret("s1"), 7, [&] {
    ++asked;
    return 0.0;
  });
  for (int i = 0; i < 4; ++i) posts.acquire();
  report.stop();
  CHECK(asked == 1);  // one pause was that of a retry
}
