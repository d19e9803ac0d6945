#include "http/transport.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>

#include "base/descriptor.hpp"
#include "base/temporary_folder.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::http;

namespace {

// Two ends of a connection, both non-blocking.
struct Ends {
  Descriptor ours, theirs;
  std::unique_ptr<Transport> transport;

  Ends() {
    std::array<int, 2> pair{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()) == 0);
    ours = Descriptor(pair[0]);
    theirs = Descriptor(pair[1]);
    transport = plain_transport(ours.get());
  }
  [[nodiscard]] std::string take() const {
    std::string text(1U << 20U, '\0');
    const auto count = ::recv(theirs.get(), text.data(), text.size(), 0);
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
  }
};

// Takes at most `most` octets of each piece at a time, and nothing every other time.
class Sluggish final : public Transport {
 public:
  explicit Sluggish(std::size_t most) : most_(most) {}
  Step handshake() override { return Step::done; }
  Moved receive(std::span<char> /*buffer*/) override { return {Step::over}; }
  Moved send(std::string_view octets, bool more_follows) override {
    if (is_full()) return {Step::wants_write};
    const auto taken = octets.substr(0, most_);
    got += taken;
    if (more_follows) ++announced;
    return {Step::done, taken.size()};
  }
  Moved send_file(const FileSlice& slice) override {
    if (is_full()) return {Step::wants_write};
    std::string octets(std::min<std::uint64_t>(slice.octets, most_), '\0');
    const auto count = ::pread(slice.file->descriptor(), octets.data(), octets.size(),
                               static_cast<off_t>(slice.offset));
    REQUIRE(count == static_cast<ssize_t>(octets.size()));
    got += octets;
    return {Step::done, octets.size()};
  }
  void finish() override {}

  std::string got;
  std::size_t announced = 0;  // sends that were told that more follows

 private:
  bool is_full() { return (is_full_ = !is_full_); }
  std::size_t most_;
  bool is_full_ = false;
};

struct Source {
  TemporaryFolder folder;
  std::shared_ptr<const File> file;

  explicit Source(const std::string& content) : folder(make()) {
    std::ofstream(path()) << content;
    auto opened = File::open(path());
    REQUIRE(opened);
    file = *opened;
  }
  [[nodiscard]] std::string path() const { return (folder.path() / "file").string(); }

 private:
  static TemporaryFolder make() {
    auto folder = TemporaryFolder::make();
    REQUIRE(folder);
    return *std::move(folder);
  }
};

}  // namespace

TEST_CASE("an answer goes out in order, however little is taken at a time", "[http][transport]") {
  const Source source("0123456789");
  for (const std::size_t most : {1U, 3U, 100U}) {
    CAPTURE(most);
    Wire wire;
    wire.pieces.emplace_back("head ");
    wire.pieces.emplace_back(FileSlice{source.file, 2, 5});
    wire.pieces.emplace_back(" between ");
    wire.pieces.emplace_back(FileSlice{source.file, 9, 1});
    wire.pieces.emplace_back(" end");
    Outgoing outgoing(std::move(wire));
    Sluggish transport(most);
    std::size_t octets = 0;
    while (!outgoing.is_done()) {
      const auto moved = outgoing.push(transport);
      CHECK((moved.octets > 0) == (moved.step == Step::done));
      octets += moved.octets;
    }
    CHECK(transport.got == "head 23456 between 9 end");
    CHECK(octets == transport.got.size());
    CHECK(transport.announced ==
          (most == 100 ? 2U : (5 + most - 1) / most + (9 + most - 1) / most));
  }
}

TEST_CASE("a plain socket says what it waits for", "[http][transport]") {
  const Ends ends;
  auto& transport = *ends.transport;
  std::array<char, 100> buffer{};
  CHECK(transport.handshake() == Step::done);
  CHECK(transport.receive(buffer).step == Step::wants_read);
  REQUIRE(::send(ends.theirs.get(), "abc", 3, 0) == 3);
  const auto got = transport.receive(buffer);
  CHECK(got.step == Step::done);
  CHECK(std::string_view(buffer.data(), got.octets) == "abc");
  const std::string large(8U << 20U, 'x');
  std::size_t sent = 0;
  Moved moved{Step::done};
  while (moved.step == Step::done) {
    moved = transport.send(std::string_view(large).substr(sent), false);
    sent += moved.octets;
  }
  CHECK(moved.step == Step::wants_write);
  CHECK(sent < large.size());
}

TEST_CASE("the end of either side is an end", "[http][transport]") {
  (void)std::signal(SIGPIPE, SIG_IGN);
  std::array<char, 100> buffer{};
  SECTION("of ours") {
    const Ends ends;
    ends.transport->finish();
    CHECK(::recv(ends.theirs.get(), buffer.data(), buffer.size(), 0) == 0);
  }
  SECTION("of theirs") {
    Ends ends;
    ends.theirs.close();
    CHECK(ends.transport->receive(buffer).step == Step::over);
    CHECK(ends.transport->send("text", false).step == Step::over);
  }
}

TEST_CASE("a file that became shorter breaks its connection", "[http][transport]") {
  const Source source("0123456789");
  const Ends ends;
  REQUIRE(::truncate(source.path().c_str(), 4) == 0);
  Wire wire;
  wire.pieces.emplace_back(FileSlice{source.file, 0, 10});
  Outgoing outgoing(std::move(wire));
  CHECK(outgoing.push(*ends.transport).octets == 4);
  CHECK(outgoing.push(*ends.transport).step == Step::over);
  CHECK_FALSE(outgoing.is_done());
  CHECK(ends.take() == "0123");
}
