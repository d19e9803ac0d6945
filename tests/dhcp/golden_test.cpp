// Every DHCP packet of the captures in tests/pcap: how it is decoded, who the client is, and the
// octets of our answer, against the text file beside the capture. UPDATE_GOLDEN=1 rewrites the
// files and fails, so that no change of an answer is silent.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "dhcp/overhear.hpp"
#include "dhcp/respond.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/dhcp_packets.hpp"
#include "tests/support/pcap.hpp"

using namespace slipway;
using namespace slipway::dhcp;

namespace {

constexpr Ipv4 kServer{{10, 88, 0, 2}};  // the boot server of the captures
constexpr Mac kSender{{0x52, 0x54, 0, 0, 0, 1}};

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

std::string heard_text(const Packet& packet, const test::CapturedUdp& udp) {
  const auto heard =
      packet.op == Op::reply ? overhear(udp.payload, udp.from.address, kSender) : choice_of(packet);
  if (!heard) return {};
  return "  heard " + std::string(name_of(heard->kind)) + " of " + heard->ip.text() +
         " next server " + heard->next_server.text() + (heard->names_file ? " with a file" : "") +
         "\n";
}

std::string story(const std::string& capture) {
  std::string text;
  for (const auto& udp : test::read_pcap(capture_path(capture + ".pcap"))) {
    if (!is_dhcp(udp)) continue;
    text += udp.from.text() + " > " + udp.to.text() + ", " + std::to_string(udp.payload.size()) +
            " octets\n  ";
    const auto packet = parse(udp.payload);
    text += packet ? test::describe(*packet) + heard_text(*packet, udp) + answer_text(*packet, udp)
                   : packet.error().message() + "\n";
  }
  return text;
}

// The names of all captures of the folder, in order.
std::vector<std::string> captures() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(capture_path(""))) {
    if (entry.path().extension() == ".pcap") names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace

TEST_CASE("captured packets are decoded and answered as recorded", "[dhcp][golden]") {
  const auto capture = GENERATE(from_range(captures()));
  CAPTURE(capture);
  const auto path = capture_path(capture + ".txt");
  const auto now = story(capture);
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << now;
    FAIL_CHECK("rewrote " << path << ": look at the difference, then run without UPDATE_GOLDEN");
    return;
  }
  const auto golden = test::read_whole(path);
  CHECK(now == as_text(golden));
}

TEST_CASE("captured packets survive decoding, encoding and decoding", "[dhcp][golden]") {
  const auto capture = GENERATE(from_range(captures()));
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
