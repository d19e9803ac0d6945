#include "agent/install.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <csignal>
#include <thread>

#include "images/chunks.hpp"
#include "images/signature.hpp"
#include "tests/agent/fake_root.hpp"
#include "tests/agent/fake_server.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::agent;
using slipway::test::FakeNetwork;
using slipway::test::FakeRoot;
using slipway::test::FakeServer;
using slipway::test::FakeTransport;
using slipway::test::Naps;

namespace {

constexpr std::uint64_t kImageOctets = 9 << 20;
constexpr std::uint64_t kDiskOctets = 16 << 20;

// A host with one virtio disk, an image, and a server that has a plan for it.
class Depot {
 public:
  Depot() : raw_(kImageOctets, 0) {
    root_.file("proc/meminfo", "MemTotal: 524288 kB\n");
    root_.file("sys/class/tty/console/active", "tty0 ttyS0\n");
    root_.file("dev/tty0", "");
    root_.file("dev/ttyS0", "");
    add_disk("vda");
    for (std::size_t i = 1 << 20; i < raw_.size() / 2; ++i) {
      raw_[i] = static_cast<std::uint8_t>(i * 2654435761U >> 13U);
    }
    store_image();
    server_.answer = [this](const Call& call) { return answer(call); };
  }

  void add_disk(const std::string& name) {
    root_.disk(name, kDiskOctets);
    root_.file("dev/" + name, std::string(kDiskOctets, '\xEE'));
  }

  [[nodiscard]] Finish run() {
    Console console(root_.path());
    FakeNetwork network(server_);
    RescueShell shell(root_.path(), shell_);
    FakeTransport transport(server_);
    Session session(transport, Secret("tok"), naps_.waiting(), [](const std::string&) {});
    Install install(root_.path(), "http://10.0.0.2:8080",
                    {console, session, network, shell, naps_.waiting(),
                     [] { return std::string("[    0.1] a message of the kernel\n"); }});
    return install.run();
  }

  [[nodiscard]] bool disk_holds_image() const {
    return root_.text("dev/vda").starts_with(as_text(raw_));
  }
  [[nodiscard]] bool disk_is_untouched() const {
    return root_.text("dev/vda") == std::string(kDiskOctets, '\xEE');
  }
  [[nodiscard]] const std::string& manifest() const { return manifest_; }
  [[nodiscard]] std::vector<Call> results() const { return server_.calls("/agent/v1/result"); }

  std::vector<std::uint64_t> chunk_starts_;  // in the server's data
  FakeRoot root_;
  FakeServer server_;
  Naps naps_;
  std::string requirements_ = "{}";
  std::string more_;       // members of the plan
  std::string signature_;  // of the manifest
  int progress_status_ = 204, result_status_ = 200, plans_ = 1;
  std::vector<std::string> shell_ = {"/bin/cat"};
  int refuse_plan_with_ = 410;  // once the plans are used up

 private:
  void store_image() {
    std::size_t at = 0;
    const auto chunked = images::write_chunks(
        [&](std::span<std::uint8_t> out) -> Fallible<std::size_t> {
          const auto octets = std::min(out.size(), raw_.size() - at);
          std::copy_n(raw_.begin() + static_cast<std::ptrdiff_t>(at), octets, out.begin());
          at += octets;
          return octets;
        },
        [&](ByteView octets) -> Fallible<void> {
          server_.data.insert(server_.data.end(), octets.begin(), octets.end());
          return {};
        },
        {.threads = 1});
    REQUIRE(chunked);
    for (const auto& chunk : chunked->chunks) chunk_starts_.push_back(chunk.stored_offset);
    images::Manifest manifest;
    manifest.name = "test";
    manifest.version = "1";
    manifest.raw_size = kImageOctets;
    manifest.sector_size = 512;
    manifest.raw_sha256 = chunked->raw_sha256;
    manifest.source = {"test.raw", chunked->raw_sha256};
    manifest.chunks = chunked->chunks;
    manifest.zero = chunked->zero;
    manifest_ = images::to_json(manifest);
  }

  [[nodiscard]] std::string plan() const {
    return R"({"action":"write","attempt":1,"host":"h1","image":{"name":"test@1","manifest":"/m",)"
           R"("manifest_sha256":")" +
           Sha256::of(manifest_).text() + R"(","signature":)" +
           boost::json::serialize(boost::json::value(signature_)) +
           R"(,"data":"/d"},"requirements":)" + requirements_ +
           R"(,"disk":[{"type":"virtio"}],"finish":"poweroff")" + more_ + "}";
  }

  Fallible<Answer> answer(const Call& call) {
    if (call.target == "/agent/v1/session") return Answer{200, R"({"session":"s1","host":"H"})"};
    if (call.target == "/agent/v1/progress") return Answer{progress_status_, ""};
    if (call.target == "/agent/v1/result") return Answer{result_status_, "{}"};
    if (call.target == "/m") return Answer{200, manifest_};
    if (!call.target.starts_with("/agent/v1/plan")) return Answer{204, ""};
    return plans_-- > 0 ? Answer{200, plan()} : Answer{refuse_plan_with_, ""};
  }

  Bytes raw_;
  std::string manifest_;
};

}  // namespace

TEST_CASE("a host with a plan is written, reports, and leaves as the plan says",
          "[agent][install]") {
  Depot depot;
  CHECK(depot.run() == Finish::poweroff);
  CHECK(depot.disk_holds_image());
  REQUIRE(depot.results().size() == 1);
  CHECK_THAT(depot.results()[0].body, ContainsSubstring(R"("state":"installed")"));
  CHECK_THAT(depot.results()[0].body, ContainsSubstring(R"("disk":"/dev/vda")"));
  CHECK_THAT(depot.results()[0].body,
             ContainsSubstring(R"("taken":true,"why":"is the only one that fits"})"));
}

TEST_CASE("a boot entry that cannot be written is a remark on a success", "[agent][install]") {
  Depot depot;
  depot.root_.folder("sys/firmware/efi");
  CHECK(depot.run() == Finish::poweroff);
  REQUIRE(depot.results().size() == 1);
  CHECK_THAT(depot.results()[0].body, ContainsSubstring(R"("state":"installed")") &&
                                          ContainsSubstring("no EFI system partition"));
}

TEST_CASE("two disks that fit stop the attempt before anything is written", "[agent][install]") {
  Depot depot;
  depot.add_disk("vdb");
  CHECK(depot.run() == Finish::reboot);  // the server says 410 when it is asked again
  CHECK(depot.disk_is_untouched());
  REQUIRE(depot.results().size() == 1);
  CHECK_THAT(depot.results()[0].body, ContainsSubstring(R"("reason":"several-disks-match")"));
  CHECK_THAT(depot.results()[0].body,
             ContainsSubstring(R"("disks":[{"path":"/dev/vda","model":"","serial":"",)"
                               R"("size_octets":16777216,"taken":false,"why":"fits"},)"));
  for (const auto* console : {"dev/tty0", "dev/ttyS0"}) {
    CHECK_THAT(depot.root_.text(console), ContainsSubstring("NOT written: several-disks-match"));
  }
}

TEST_CASE("an installer with the depot's key takes what that key signed", "[agent][install]") {
  Depot depot;
  const auto key = images::SigningKey::make();
  depot.root_.file("etc/slipway/depot.pub", key.public_key().text());
  depot.signature_ = key.sign(as_bytes(depot.manifest()), "slipway test@1").text();
  CHECK(depot.run() == Finish::poweroff);
  CHECK(depot.disk_holds_image());
}

TEST_CASE("an installer with the depot's key takes nothing else", "[agent][install]") {
  Depot depot;
  const auto key = images::SigningKey::make();
  const auto other = images::SigningKey::make();
  depot.root_.file("etc/slipway/depot.pub", key.public_key().text());
  std::string why;
  SECTION("no signature") { why = "it is not signed"; }
  SECTION("another key") {
    depot.signature_ = other.sign(as_bytes(depot.manifest()), "c").text();
    why = "signed by another key";
  }
  SECTION("another manifest") {
    depot.signature_ = key.sign(as_bytes(depot.manifest() + " "), "c").text();
    why = "does not fit its content";
  }
  SECTION("another comment") {
    auto signature = key.sign(as_bytes(depot.manifest()), "c");
    signature.trusted_comment = "d";
    depot.signature_ = signature.text();
    why = "comment was changed";
  }
  SECTION("no signature at all") {
    depot.signature_ = "hello";
    why = "not a minisign signature";
  }
  SECTION("a damaged key") {
    depot.root_.file("etc/slipway/depot.pub", "damaged");
    why = "not a minisign public key";
  }
  CHECK(depot.run() == Finish::reboot);
  CHECK(depot.disk_is_untouched());
  REQUIRE(depot.results().size() == 1);
  CHECK_THAT(depot.results()[0].body, ContainsSubstring(R"("reason":"manifest-signature-bad")"));
  CHECK_THAT(depot.results()[0].body, ContainsSubstring(why));
}

TEST_CASE("a requirement that is not met stops the attempt before anything is written",
          "[agent][install]") {
  Depot depot;
  SECTION("memory") { depot.requirements_ = R"({"memory_octets":4294967296})"; }
  SECTION("disk") { depot.requirements_ = R"({"disk_octets":4294967296})"; }
  SECTION("firmware") { depot.requirements_ = R"({"firmware":"uefi"})"; }
  CHECK(depot.run() == Finish::reboot);
  CHECK(depot.disk_is_untouched());
  REQUIRE(depot.results().size() == 1);
  CHECK_THAT(depot.results()[0].body, ContainsSubstring(R"("state":"failed")"));
}

TEST_CASE("an image that does not suit is refused before the disk is erased", "[agent][install]") {
  Depot depot;
  depot.more_ = R"(,"erase":"discard","new_guids":true)";  // the image has no table with GUIDs
  CHECK(depot.run() == Finish::reboot);
  CHECK(depot.disk_is_untouched());
  REQUIRE(depot.results().size() == 1);
  CHECK_THAT(depot.results()[0].body, ContainsSubstring(R"("reason":"bad-partition-table")"));
}

TEST_CASE("a flipped bit in the stored image stops the write, and the disk cannot boot",
          "[agent][install]") {
  Depot depot;
  const auto chunk = GENERATE(std::size_t{0}, std::size_t{1});
  depot.server_.data[depot.chunk_starts_[chunk] + 100] ^= 1;
  CHECK(depot.run() == Finish::reboot);
  REQUIRE(depot.results().size() == 1);
  CHECK_THAT(depot.results()[0].body, ContainsSubstring(R"("reason":"chunk-digest-mismatch")"));
  CHECK_THAT(depot.results()[0].body, ContainsSubstring("chunk " + std::to_string(chunk)));
  // Chunk 0 holds the partition table, which is needed before anything is written.
  const bool is_wiped = depot.root_.text("dev/vda").starts_with(std::string(1024, '\0'));
  CHECK(is_wiped == (chunk == 1));
  CHECK(depot.disk_is_untouched() == (chunk == 0));
}

TEST_CASE("after a failure the host takes the next plan without a restart", "[agent][install]") {
  Depot depot;
  depot.plans_ = 2;
  depot.add_disk("vdb");
  const auto answer = depot.server_.answer;
  depot.server_.answer = [&depot, answer](const Call& call) {
    if (call.target == "/agent/v1/result") {  // somebody pulls the second disk
      std::filesystem::remove_all(depot.root_.path() / "sys/block/vdb");
    }
    return answer(call);
  };
  CHECK(depot.run() == Finish::poweroff);
  REQUIRE(depot.results().size() == 2);
  CHECK(depot.disk_holds_image());
}

TEST_CASE("a revoked attempt is not reported and the host asks again", "[agent][install]") {
  Depot depot;
  depot.progress_status_ = 409;
  CHECK(depot.run() == Finish::reboot);
  CHECK(depot.results().empty());
  CHECK_FALSE(depot.disk_holds_image());
}

TEST_CASE("a host whose success is not acknowledged does not switch off", "[agent][install]") {
  Depot depot;
  depot.result_status_ = 409;
  CHECK(depot.run() == Finish::reboot);  // by the 410 of the next plan
  CHECK(depot.results().size() == 1);
}

TEST_CASE("a dead token ends the host's stay after a pause for reading", "[agent][install]") {
  Depot depot;
  depot.plans_ = 0;
  depot.refuse_plan_with_ = GENERATE(403, 404, 410);
  CHECK(depot.run() == Finish::reboot);
  CHECK(depot.disk_is_untouched());
  CHECK(depot.naps_.taken.back() >= std::chrono::seconds(60));
}

TEST_CASE("the waiting screen is drawn again only when it says something new", "[agent][install]") {
  Depot depot;
  depot.plans_ = 0;
  const auto answer = depot.server_.answer;
  std::vector<std::string> asked;
  depot.server_.answer = [&](const Call& call) -> Fallible<Answer> {
    if (!call.target.starts_with("/agent/v1/plan")) return answer(call);
    asked.push_back(call.target.substr(call.target.find("&seen=") + 6));
    switch (asked.size()) {
      case 1:
      case 2:
        return Answer{200, R"({"action":"wait","name":"","state":"discovered","text":"One."})"};
      case 3: return Answer{204, ""};
      case 4:
        return Answer{200, R"({"action":"wait","name":"h1","state":"assigned","text":"Two."})"};
      default: return answer(call);
    }
  };
  CHECK(depot.run() == Finish::reboot);
  REQUIRE(asked.size() == 5);
  CHECK(asked[0].empty());
  CHECK(asked[1] == asked[2]);
  CHECK(asked[3] == asked[2]);
  CHECK(asked[4] != asked[3]);
  for (const auto* console : {"dev/tty0", "dev/ttyS0"}) {
    const auto text = depot.root_.text(console);
    const auto first = text.find("One."), second = text.find("Two.");
    CHECK(first < second);
    CHECK(text.find("One.", first + 1) == std::string::npos);
    CHECK(text.find("Two.", second + 1) == std::string::npos);
  }
}

TEST_CASE("the reason of a failure stays on the screen while the host is failed",
          "[agent][install]") {
  Depot depot;
  depot.add_disk("vdb");
  const auto answer = depot.server_.answer;
  int polls = 0;
  depot.server_.answer = [&](const Call& call) -> Fallible<Answer> {
    if (!call.target.starts_with("/agent/v1/plan")) return answer(call);
    switch (++polls) {
      case 2: return Answer{200, R"({"action":"wait","state":"failed","text":"Failed."})"};
      case 3: return Answer{200, R"({"action":"wait","state":"assigned","text":"Not armed."})"};
      default: return answer(call);
    }
  };
  CHECK(depot.run() == Finish::reboot);
  const auto text = depot.root_.text("dev/tty0");
  CHECK_THAT(text, ContainsSubstring("slipway host retry H"));
  CHECK_THAT(text, !ContainsSubstring("Failed."));
  CHECK_THAT(text, ContainsSubstring("Not armed."));
}

TEST_CASE("after a failure the host tells what it knows, once the result is acknowledged",
          "[agent][install][sg9]") {
  Depot depot;
  depot.add_disk("vdb");
  CHECK(depot.run() == Finish::reboot);
  const auto logs = depot.server_.calls("/agent/v1/log");
  REQUIRE(logs.size() == 2);  // which disks fit, and the bundle
  CHECK(logs[1].bearer.reveal() == "s1");
  CHECK_THAT(logs[1].body, ContainsSubstring(R"({"bundle":{"reason":"several-disks-match")"));
  CHECK_THAT(logs[1].body, ContainsSubstring("a message of the kernel"));
  CHECK_THAT(logs[1].body, ContainsSubstring("NOT written: several-disks-match"));
  CHECK_THAT(logs[1].body, !ContainsSubstring("\"tok\""));
  const auto calls = depot.server_.calls();
  const auto at = [&](const std::string& target) {
    return std::ranges::find(calls.rbegin(), calls.rend(), target, &Call::target) - calls.rbegin();
  };
  CHECK(at("/agent/v1/log") < at("/agent/v1/result"));  // counted from the end
}

TEST_CASE("a success leaves no bundle", "[agent][install]") {
  Depot depot;
  CHECK(depot.run() == Finish::poweroff);
  for (const auto& call : depot.server_.calls("/agent/v1/log")) {
    CHECK_THAT(call.body, !ContainsSubstring("bundle"));
  }
}

TEST_CASE("a bundle that the server does not take holds nothing up", "[agent][install]") {
  Depot depot;
  depot.plans_ = 2;
  depot.add_disk("vdb");
  const auto answer = depot.server_.answer;
  int bundles = 0;
  depot.server_.answer = [&](const Call& call) -> Fallible<Answer> {
    if (call.target == "/agent/v1/log" && call.body.find("bundle") != std::string::npos) {
      ++bundles;
      std::filesystem::remove_all(depot.root_.path() / "sys/block/vdb");
      return fail("unplugged");
    }
    return answer(call);
  };
  CHECK(depot.run() == Finish::poweroff);
  CHECK(bundles == 3);
  CHECK(depot.disk_holds_image());
}

TEST_CASE("a rescue shell is there while the server says so, and never while a disk is written",
          "[agent][install][rescue]") {
  Depot depot;
  const auto mark = depot.root_.path() / "shell-runs";
  depot.shell_ = {"/bin/sh", "-c", "echo $$ > " + mark.string() + "; exec sleep 1000"};
  const auto answer = depot.server_.answer;
  const auto shell = [&] {
    pid_t pid = 0;
    for (int look = 0; look < 500 && pid == 0; ++look) {  // 10 s for a process to start
      std::ifstream(mark) >> pid;
      if (pid == 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return pid;
  };
  pid_t first = 0, second = 0;
  int polls = 0;
  const bool by_arming = GENERATE(true, false);
  depot.server_.answer = [&](const Call& call) -> Fallible<Answer> {
    if (call.target == "/m") CHECK(::kill(second, 0) != 0);  // it is the first step of a write
    if (!call.target.starts_with("/agent/v1/plan")) return answer(call);
    switch (++polls) {
      case 1:
        CHECK_FALSE(std::filesystem::exists(mark));
        return Answer{200, R"({"action":"shell","state":"assigned","by":"ann","since":1})"};
      case 2:
        first = shell();
        CHECK(::kill(first, 0) == 0);
        std::filesystem::remove(mark);
        return Answer{200, R"({"action":"shell","state":"assigned","by":"ann","since":2})"};
      case 3:
        second = shell();
        CHECK(second != first);
        CHECK(::kill(first, 0) != 0);
        if (by_arming) return answer(call);
        return Answer{200, R"({"action":"wait","state":"assigned","text":"Not armed."})"};
      default: CHECK(::kill(second, 0) != 0); return answer(call);
    }
  };
  CHECK(depot.run() == Finish::poweroff);
  CHECK(second > 1);
  CHECK_THAT(depot.root_.text("dev/tty0"), ContainsSubstring("by order of ann"));
}
