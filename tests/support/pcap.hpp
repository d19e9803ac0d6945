// tests/support/pcap.hpp -- reads the UDP datagrams of a capture file (pcap 2.4, Ethernet, IPv4).
#pragma once

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/net.hpp"

namespace slipway::test {

struct CapturedUdp {
  Endpoint from;
  Endpoint to;
  Bytes payload;
};

inline Bytes read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// One frame; empty payload when it is not a whole UDP datagram over IPv4.
inline CapturedUdp read_udp(ByteView frame) {
  Reader reader(frame);
  reader.skip(12);
  if (reader.u16() != 0x0800) return {};
  const auto header_octets = (reader.u8() & 15U) * 4U;
  reader.skip(8);
  const auto protocol = reader.u8();
  reader.skip(2);
  CapturedUdp udp;
  udp.from.address = Ipv4::from_number(reader.u32());
  udp.to.address = Ipv4::from_number(reader.u32());
  if (protocol != 17 || header_octets < 20) return {};
  reader.skip(header_octets - 20);
  udp.from.port = reader.u16();
  udp.to.port = reader.u16();
  const auto octets = reader.u16();
  reader.skip(2);
  if (reader.failed() || octets < 8) return {};
  const auto payload = reader.take(octets - 8U);
  udp.payload.assign(payload.begin(), payload.end());  // empty for a frame that was cut
  return udp;
}

inline std::vector<CapturedUdp> read_pcap(const std::string& path) {
  const auto file = read_whole(path);
  Reader reader(file);
  if (reader.le32() != 0xa1b2c3d4) throw std::runtime_error(path + " is not a pcap file");
  reader.skip(20);
  std::vector<CapturedUdp> all;
  while (reader.left() > 0) {
    reader.skip(8);
    const auto kept = reader.le32();
    reader.skip(4);
    auto udp = read_udp(reader.take(kept));
    if (!udp.payload.empty()) all.push_back(std::move(udp));
  }
  return all;
}

}  // namespace slipway::test
