// Every DHCP packet of the captures in tests/pcap: how it is decoded, who the client is, and the
// octets of our answer, against the text file beside the capture. UPDATE_GOLDEN=1 rewrites the
// files and fails, so that no change of an answer is silent.

#include <cstdlib>
#include <fstream>
#include <vector>

#include "dhcp/respond.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/dhcp_packets.hpp"
#include "tests/support/pcap.hpp"

using namespace slipway;
using namespace slipway::dhcp;

namespace {

constexpr Ipv4 kServer{{10, 88, 0, 2}};  // the boot server of the captures

std::string capture_path(const std::string& name) {
  return std::string(SLIPWAY_SOURCE_DIR) + "/tests/pcap/" + name;
}

bool is_dhcp(const test::CapturedUdp& udp) {
  return udp.to.port == 67 || udp.to.port == 68 || udp.to.port == 4011;
}

std::string octet_lines(ByteView octets) {
  std::string text;
  for (std::size_t at = 0; at < octets.size(); at += 32) {
    text +=
        "    " + to_hex(octets.subspan(at, std::min<std::size_t>(32, octets.size() - at))) + "\n";
  }
  return text;
}

std::string answer_text(const Packet& packet, const test::CapturedUdp& udp) {
  const Arrival arrival{.service = udp.to.port == 4011 ? Service::boot_server : Service::proxy,
                        .server = kServer,
                        .from = udp.from};
  if (const auto accepted = accept(packet, arrival); !accepted) {
    return "  no answer: " + accepted.error().message() + "\n";
  }
  const auto client = identify(packet);
  if (!client) return "  no answer: " + client.error().message() + "\n";
  test::FixedPolicy policy;
  std::array<std::uint8_t, kMaxReplyOctets> out{};
  const auto reply = respond(packet, *client, arrival, policy, out);
  if (!reply) return "  no answer: " + reply.error().message() + "\n";
  return "  " + test::describe(*client) + "\n  answer to " + reply->to.text() + ", " +
         std::to_string(reply->octets) + " octets\n" +
         octet_lines(ByteView(out).first(reply->octets));
}

std::string story(const std::string& capture) {
  std::string text;
  for (const auto& udp : test::read_pcap(capture_path(capture + ".pcap"))) {
    if (!is_dhcp(udp)) continue;
    text += udp.from.text() + " > " + udp.to.text() + ", " + std::to_string(udp.payload.size()) +
            " octets\n  ";
    const auto packet = parse(udp.payload);
    text += packet ? test::describe(*packet) + answer_text(*packet, udp)
                   : packet.error().message() + "\n";
  }
  return text;
}

const std::vector<std::string> kCaptures{"edk2-x64-http-boot",      "edk2-x64-pxe-binl",
                                         "edk2-x64-pxe-chain",      "edk2-x64-pxe-direct",
                                         "ipxe2019-bios-rom-4011",  "ipxe2019-bios-rom-opt67",
                                         "ipxe2019-bios-rom-proxy", "ipxe2025-x64-chained"};

}  // namespace

TEST_CASE("captured packets are decoded and answered as recorded", "[dhcp][golden]") {
  const auto capture = GENERATE(from_range(kCaptures));
  CAPTURE(capture);
  const auto path = capture_path(capture + ".txt");
  const auto now = story(capture);
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << now;
    FAIL("rewrote " << path << ": look at the difference, then run without UPDATE_GOLDEN");
  }
  const auto golden = test::read_whole(path);
  CHECK(now == as_text(golden));
}

TEST_CASE("captured packets survive decoding, encoding and decoding", "[dhcp][golden]") {
  const auto capture = GENERATE(from_range(kCaptures));
  CAPTURE(capture);
  for (const auto& udp : test::read_pcap(capture_path(capture + ".pcap"))) {
    if (!is_dhcp(udp)) continue;
    const auto packet = parse(udp.payload);
    REQUIRE(packet);
    std::array<std::uint8_t, 1500> out{};
    Composer composer(out, *packet);
    for (const auto field : packet->options.fields()) {
      OptionReader reader(field);
      while (const auto option = reader.next()) composer.option(option->code, option->value);
    }
    const auto octets = composer.finish();
    REQUIRE(octets);
    const auto again = parse(ByteView(out).first(*octets));
    REQUIRE(again);
    CHECK(test::describe(*again) == test::describe(*packet));
  }
}
