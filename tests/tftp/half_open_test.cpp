#include "tftp/half_open.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/tftp_files.hpp"

using namespace slipway;
using namespace slipway::tftp;
using namespace std::chrono_literals;

namespace {

const auto kSource = std::make_shared<const test::MemorySource>(test::pattern(10));

HalfOpen from(std::uint8_t host, std::uint16_t port, TimePoint now = {}) {
  return {.session = Session(kSource, {}, now),
          .request = 0,
          .interface_index = 1,
          .local = {},
          .peer = {{{10, 0, 0, host}}, port},
          .our_port = 0,
          .name = ShownName("file")};
}

}  // namespace

TEST_CASE("SG8: half-open transfers are found by their peer and counted by its address",
          "[tftp][half_open][sg8]") {
  HalfOpenTable table(4);
  (void)table.add(from(1, 1000));
  (void)table.add(from(1, 1001));
  (void)table.add(from(2, 1000));
  CHECK(table.count_of({{10, 0, 0, 1}}) == 2);
  CHECK(table.count_of({{10, 0, 0, 3}}) == 0);
  REQUIRE(table.find({{{10, 0, 0, 2}}, 1000}) != nullptr);
  CHECK(table.find({{{10, 0, 0, 2}}, 1001}) == nullptr);
  CHECK_FALSE(table.full());
  (void)table.add(from(3, 1));
  CHECK(table.full());
}

TEST_CASE("SG8: the oldest half-open transfer is found, whatever left before",
          "[tftp][half_open][sg8]") {
  HalfOpenTable table(8);
  for (std::uint8_t host = 1; host <= 5; ++host) (void)table.add(from(host, host));
  (void)table.remove(*table.oldest());  // puts the youngest into the first place
  CHECK(table.oldest()->peer.port == 2);
  CHECK(table.oldest(Ipv4{{10, 0, 0, 4}})->peer.port == 4);
  CHECK(table.oldest(Ipv4{{10, 0, 0, 1}}) == nullptr);
  const auto gone = table.remove(*table.find({{{10, 0, 0, 5}}, 5}));
  CHECK(gone.peer.port == 5);
  CHECK(table.size() == 3);
  CHECK(table.find({{{10, 0, 0, 5}}, 5}) == nullptr);
  table.clear();
  CHECK(table.oldest() == nullptr);
}

TEST_CASE("the first deadline of the half-open transfers is known", "[tftp][half_open]") {
  HalfOpenTable table(4);
  CHECK_FALSE(table.deadline());
  const TimePoint start{};
  (void)table.add(from(1, 1, start + 5s));
  (void)table.add(from(2, 1, start + 2s));
  (void)table.add(from(3, 1, start + 9s));
  CHECK(table.deadline() == start + 2s + Session::kRetryAfter);
}

TEST_CASE("a shown name is a name's beginning", "[tftp][half_open]") {
  CHECK(ShownName("ipxe.efi").text() == "ipxe.efi");
  const std::string longest(ShownName::kOctets, 'x');
  CHECK(ShownName(longest).text() == longest);
  CHECK(ShownName(longest + "y").text() == longest);
}
