// The hot path of a transfer takes no memory: from an ACK to the window that answers it. Nor does a
// transfer that nobody answers.

#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <new>

#include "base/log.hpp"
#include "base/udp.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tftp_files.hpp"
#include "tftp/server.hpp"

namespace {
std::size_t g_allocations = 0;  // of this program; its tests run on one thread
}

void* operator new(std::size_t octets) {
  ++g_allocations;
  if (void* at = std::malloc(octets)) return at;
  throw std::bad_alloc();
}
void operator delete(void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t /*octets*/) noexcept { std::free(at); }

using namespace slipway;
using namespace slipway::tftp;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

constexpr Ipv4 kLoopback{{127, 0, 0, 1}};

// Runs the event loop until datagrams wait, takes them all and returns the number of the last.
std::uint16_t last_block(boost::asio::io_context& io, int fd, Arrived& arrived) {
  std::array<std::uint8_t, 2048> in{};
  std::uint16_t last = 0;
  bool heard = false;
  for (int turns = 0; turns < 1000 && !heard; ++turns) {
    io.run_one_for(10ms);
    while (receive_udp(fd, in, arrived) == Receive::datagram) {
      Reader reader(ByteView(in).first(arrived.octets));
      heard = true;
      last = reader.u16() == 3 ? reader.u16() : std::uint16_t{0};
    }
  }
  return last;
}

// One published file, which all its readers share.
class OneFile final : public Files {
 public:
  bool may_ask(Ipv4) override { return true; }
  std::shared_ptr<const Source> open(std::string_view, Ipv4, Ipv4) override { return file_; }
  void sent(std::string_view, Ipv4, std::uint64_t) override {}

 private:
  std::shared_ptr<const Source> file_ = std::make_shared<test::MemorySource>(test::pattern(9000));
};

}  // namespace

TEST_CASE("SG8: a half-open transfer takes no memory but its place in the table",
          "[tftp][server][loopback][sg8]") {
  log::set_level(log::Level::error);
  boost::asio::io_context io;
  OneFile files;
  Server server(io, {.interface = "lo", .port = 0}, files);
  REQUIRE(server.start());
  const auto ask = test::datagram({1}, "file\0octet\0blksize\0"s + "1468\0"s);
  std::vector<int> clients;
  std::size_t before = 0;
  for (std::uint8_t i = 0; i < 200; ++i) {
    const auto client = open_udp({.local = {{{127, 0, 1, i}}, 0}});
    REQUIRE(client);
    clients.push_back(*client);
    if (i == 20) before = g_allocations;  // by then every pool is filled
    REQUIRE(send_udp(*client, ask, {.to = {kLoopback, server.port()}}));
    Arrived arrived;
    REQUIRE(last_block(io, *client, arrived) == 0);  // the OACK
  }
  CHECK(server.half_open_transfers() == 200);
  CHECK(g_allocations - before < 40);  // of open_udp and of the test
  for (const int client : clients) ::close(client);
}

TEST_CASE("a window costs no allocation", "[tftp][server][loopback]") {
  const bool single_port = GENERATE(false, true);
  CAPTURE(single_port);
  log::set_level(log::Level::error);
  boost::asio::io_context io;
  test::MemoryFiles files;
  files.files["large"] = test::pattern(512 * 4000);
  Server server(io, {.interface = "lo", .port = 0, .single_port = single_port}, files);
  REQUIRE(server.start());
  const auto client = open_udp({.local = {kLoopback, 0}});
  REQUIRE(client);
  const auto ask = test::datagram({1}, "large\0octet\0windowsize\0"s + "16\0"s);
  REQUIRE(send_udp(*client, ask, {.to = {kLoopback, server.port()}}));
  Arrived arrived;
  std::uint16_t block = last_block(io, *client, arrived);
  std::size_t before = 0;
  for (int window = 0; window < 200; ++window) {
    std::array<std::uint8_t, 4> ack{0, 4, static_cast<std::uint8_t>(block >> 8),
                                    static_cast<std::uint8_t>(block)};
    if (window == 20) before = g_allocations;  // by then every pool is filled
    REQUIRE(send_udp(*client, ack, {.to = arrived.from}));
    const auto next = last_block(io, *client, arrived);
    if (next == block) FAIL("no window came");
    block = next;
  }
  CHECK(g_allocations - before < 20);
  CHECK(block == 3200);
  ::close(*client);
}
