#include "tftp/session.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/tftp_files.hpp"

using namespace slipway;
using namespace slipway::tftp;
using namespace std::chrono_literals;
using namespace std::string_literals;
using slipway::test::ack;
using slipway::test::datagram;
using slipway::test::MemorySource;
using slipway::test::pattern;

namespace {

const TimePoint kStart{};

// A session and what it has sent, as short texts: "DATA 1 512", "OACK ...", "ERROR 0 ...".
struct Talk {
  explicit Talk(std::size_t file_octets, std::string_view options = {})
      : source(std::make_shared<MemorySource>(pattern(file_octets))),
        session(source, agree(as_bytes(options)), kStart) {}

  std::vector<std::string> sent() {
    std::vector<std::string> all;
    for (auto burst = session.take(outbox); burst.datagrams > 0; burst = session.take(outbox)) {
      for (const auto& wire : test::datagrams_of(burst)) all.push_back(text(wire));
    }
    return all;
  }
  std::vector<std::string> hear(const Bytes& wire, std::chrono::milliseconds at = 0ms) {
    session.on_datagram(wire, kStart + at);
    return sent();
  }
  std::vector<std::string> wait_to(std::chrono::milliseconds at) {
    session.on_deadline(kStart + at);
    return sent();
  }
  static std::string text(ByteView wire) {
    Reader reader(wire);
    const auto opcode = reader.u16();
    if (opcode == 6) return "OACK";
    const auto number = std::to_string(reader.u16());
    if (opcode == 5) return "ERROR " + number;
    return "DATA " + number + " " + std::to_string(reader.left());
  }

  std::shared_ptr<MemorySource> source;
  Session session;
  Outbox outbox;
};

using Sent = std::vector<std::string>;
const auto kWindow4 =
    "windowsize\0"
    "4\0"s;

}  // namespace

TEST_CASE("1c.25 without options the first datagram is block 1", "[tftp][session][rfc1350]") {
  Talk talk(600);
  CHECK(talk.sent() == Sent{"DATA 1 512"});
  CHECK(talk.hear(ack(1)) == Sent{"DATA 2 88"});
  CHECK(talk.session.status() == Status::running);
  CHECK(talk.hear(ack(2)).empty());
  CHECK(talk.session.status() == Status::done);
}

TEST_CASE("1c.25 with options the first datagram is an OACK and block 1 follows its ACK",
          "[tftp][session][rfc2347]") {
  Talk talk(600,
            "blksize\0"
            "1468\0"s);
  CHECK(talk.sent() == Sent{"OACK"});
  CHECK(talk.hear(ack(1)).empty());
  CHECK(talk.hear(ack(0)) == Sent{"DATA 1 600"});
  CHECK(talk.hear(ack(1)).empty());
  CHECK(talk.session.status() == Status::done);
}

TEST_CASE("1c.30 a file ends with a short block, an empty one if need be", "[tftp][session]") {
  const auto [octets, last] = GENERATE(table<std::size_t, std::string>({{0, "DATA 1 0"},
                                                                        {1, "DATA 1 1"},
                                                                        {511, "DATA 1 511"},
                                                                        {512, "DATA 2 0"},
                                                                        {513, "DATA 2 1"},
                                                                        {1024, "DATA 3 0"}}));
  CAPTURE(octets);
  Talk talk(octets);
  Sent sent = talk.sent();
  for (int block = 1; talk.session.status() == Status::running; ++block) {
    REQUIRE(block < 5);
    const auto more = talk.hear(ack(block));
    if (!more.empty()) sent = more;
  }
  CHECK(sent == Sent{last});
  CHECK(talk.session.status() == Status::done);
}

TEST_CASE("1c.29 a duplicate ACK is not answered", "[tftp][session][rfc1123]") {
  Talk talk(5000);
  (void)talk.sent();
  CHECK(talk.hear(ack(1)) == Sent{"DATA 2 512"});
  CHECK(talk.hear(ack(1)).empty());
  CHECK(talk.hear(ack(0)).empty());
  CHECK(talk.hear(ack(2)) == Sent{"DATA 3 512"});
  CHECK(talk.hear(ack(1)).empty());
}

TEST_CASE("an ACK of a block that was not sent is passed over", "[tftp][session]") {
  Talk talk(5000);
  (void)talk.sent();
  CHECK(talk.hear(ack(2)).empty());
  CHECK(talk.hear(ack(40000)).empty());
  CHECK(talk.hear(ack(1)) == Sent{"DATA 2 512"});
}

TEST_CASE("what is no ACK or ERROR is passed over", "[tftp][session]") {
  Talk talk(5000);
  (void)talk.sent();
  for (const auto& wire : {Bytes{}, Bytes{0}, datagram({4}), datagram({3, 1}, "x"),
                           datagram({1}, "ipxe.efi\0octet\0"s), datagram({6})}) {
    CHECK(talk.hear(wire).empty());
  }
  CHECK(talk.session.status() == Status::running);
  CHECK_FALSE(talk.session.answered());
}

TEST_CASE("1c.29 an unanswered block is sent again after a second, and given up after six sends",
          "[tftp][session]") {
  Talk talk(5000);
  (void)talk.sent();
  CHECK(talk.hear(ack(1), 100ms) == Sent{"DATA 2 512"});
  CHECK(talk.wait_to(1099ms).empty());
  for (int i = 1; i <= 5; ++i) CHECK(talk.wait_to(i * 1000ms + 100ms) == Sent{"DATA 2 512"});
  CHECK(talk.wait_to(6100ms).empty());
  CHECK(talk.session.status() == Status::timed_out);
  CHECK(talk.hear(ack(2)).empty());
}

TEST_CASE("SG8: a client that never answers gets two datagrams", "[tftp][session][sg8]") {
  const auto options = GENERATE(""s,
                                "windowsize\0"
                                "64\0"s,
                                "blksize\0"
                                "1468\0timeout\0"
                                "255\0"s);
  Talk talk(100000, options);
  std::size_t datagrams = talk.sent().size();
  for (auto at = 0ms; at < 600s; at += 100ms) datagrams += talk.wait_to(at).size();
  CHECK(datagrams == 2);
  CHECK(talk.session.status() == Status::unanswered);
}

TEST_CASE("a client that never answers keeps its place for five seconds at most",
          "[tftp][session][sg8]") {
  Talk talk(1000,
            "timeout\0"
            "255\0"s);
  (void)talk.sent();
  (void)talk.wait_to(1s);
  (void)talk.wait_to(5s);
  CHECK(talk.session.status() == Status::unanswered);
}

TEST_CASE("1c.29 the client's time-out is honoured once it has answered",
          "[tftp][session][rfc2349]") {
  Talk talk(5000,
            "timeout\0"
            "3\0"s);
  (void)talk.sent();
  (void)talk.hear(ack(0));
  CHECK(talk.wait_to(2999ms).empty());
  CHECK(talk.wait_to(3000ms) == Sent{"DATA 1 512"});
}

TEST_CASE("1c.28 a window is sent at once and one ACK asks for the next",
          "[tftp][session][rfc7440]") {
  Talk talk(512 * 6, kWindow4);
  CHECK(talk.sent() == Sent{"OACK"});
  CHECK(talk.hear(ack(0)) == Sent{"DATA 1 512", "DATA 2 512", "DATA 3 512", "DATA 4 512"});
  CHECK(talk.hear(ack(4)) == Sent{"DATA 5 512", "DATA 6 512", "DATA 7 0"});
  CHECK(talk.hear(ack(7)).empty());
  CHECK(talk.session.status() == Status::done);
}

TEST_CASE("1c.28 an ACK inside a window resumes behind its block", "[tftp][session][rfc7440]") {
  Talk talk(512 * 20, kWindow4);
  (void)talk.sent();
  (void)talk.hear(ack(0));
  CHECK(talk.hear(ack(2)) == Sent{"DATA 3 512", "DATA 4 512", "DATA 5 512", "DATA 6 512"});
}

TEST_CASE("1c.29 a silent window is sent again whole, six times", "[tftp][session][rfc7440]") {
  Talk talk(512 * 20, kWindow4);
  (void)talk.sent();
  (void)talk.hear(ack(0));
  const Sent window{"DATA 1 512", "DATA 2 512", "DATA 3 512", "DATA 4 512"};
  for (int sends = 2; sends <= 6; ++sends) CHECK(talk.wait_to((sends - 1) * 1000ms) == window);
  CHECK(talk.wait_to(6000ms).empty());
  CHECK(talk.session.status() == Status::timed_out);
}

TEST_CASE("1c.29 doubled ACKs never double a window", "[tftp][session][rfc1123]") {
  Talk talk(512 * 20, kWindow4);
  (void)talk.sent();
  (void)talk.hear(ack(0));
  CHECK(talk.hear(ack(0)).empty());
  CHECK(talk.hear(ack(4)).size() == 4);
  CHECK(talk.hear(ack(4)).empty());
  CHECK(talk.hear(ack(2)).empty());
  CHECK(talk.hear(ack(6)) == Sent{"DATA 7 512", "DATA 8 512", "DATA 9 512", "DATA 10 512"});
  CHECK(talk.hear(ack(4)).empty());
}

TEST_CASE("1c.28 a window of 64 is sent whole and its part is resumed",
          "[tftp][session][rfc7440]") {
  Talk talk(512 * 1000,
            "windowsize\0"
            "64\0"s);
  (void)talk.sent();
  CHECK(talk.hear(ack(0)).size() == 64);
  const auto resumed = talk.hear(ack(63));
  REQUIRE(resumed.size() == 64);
  CHECK(resumed.front() == "DATA 64 512");
  CHECK(resumed.back() == "DATA 127 512");
}

TEST_CASE("1c.30 block numbers wrap from 65535 to 0", "[tftp][session]") {
  const auto options = GENERATE(
      "blksize\0"
      "8\0"s,
      "blksize\0"
      "8\0windowsize\0"
      "64\0"s);
  constexpr std::uint64_t kBlocks = 70000;
  Talk talk(8 * kBlocks, options);
  (void)talk.sent();
  auto sent = talk.hear(ack(0));
  std::uint64_t block = 0;
  while (talk.session.status() == Status::running) {
    REQUIRE_FALSE(sent.empty());
    block += sent.size();
    REQUIRE(sent.back().starts_with("DATA " + std::to_string(block % 65536) + " "));
    sent = talk.hear(ack(static_cast<int>(block % 65536)));
  }
  CHECK(block == kBlocks + 1);
  CHECK(talk.session.status() == Status::done);
}

TEST_CASE("1c.26 a client's ERROR 8 ends the transfer in silence", "[tftp][session]") {
  Talk talk(5000,
            "tsize\0"
            "0\0"s);
  (void)talk.sent();
  CHECK(talk.hear(datagram({5, 8}, "User aborted the transfer\0"s)).empty());
  CHECK(talk.session.status() == Status::client_aborted);
  CHECK(talk.session.client_error() == ErrorCode::option_refused);
}

TEST_CASE("a file that cannot be read on ends with an ERROR", "[tftp][session]") {
  Talk talk(5000);
  (void)talk.sent();
  talk.source->fail_at = 512;
  CHECK(talk.hear(ack(1)) == Sent{"ERROR 0"});
  CHECK(talk.session.status() == Status::source_failed);
  CHECK(talk.sent().empty());
}

TEST_CASE("a transfer that crawls is cut after half an hour", "[tftp][session]") {
  Talk talk(512 * 60000);
  (void)talk.sent();
  int block = 1;
  for (auto at = 0ms; at < 31min; at += 900ms) {
    (void)talk.hear(ack(block++), at);
    (void)talk.wait_to(at);
  }
  CHECK(talk.session.status() == Status::timed_out);
}

TEST_CASE("a transfer that has ended stays as it ended", "[tftp][session]") {
  Talk talk(100);
  CHECK(talk.sent() == Sent{"DATA 1 100"});
  CHECK(talk.hear(ack(1)).empty());
  CHECK(talk.session.status() == Status::done);
  CHECK(talk.hear(datagram({5, 0}, "too late\0"s)).empty());
  CHECK(talk.session.status() == Status::done);
}
