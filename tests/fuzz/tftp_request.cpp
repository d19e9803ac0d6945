// One datagram to port 69 through everything before a transfer: request, name, options, OACK.

#include <cstdlib>

#include "tftp/name.hpp"
#include "tftp/options.hpp"
#include "tftp/packet.hpp"

using namespace slipway;
using namespace slipway::tftp;

namespace {

void require(bool claim) {
  if (!claim) std::abort();
}

void check_name(std::string_view wire) {
  std::array<char, kMaxNameOctets> room{};
  const auto name = normalise_name(wire, room);
  if (!name) return;
  require(!name->empty() && name->front() != '/' && name->back() != '/');
  require(name->find("//") == std::string_view::npos);
  const auto guarded = "/" + std::string(*name) + "/";
  require(guarded.find("/../") == std::string::npos);
  require(name->find('\0') == std::string_view::npos);
}

void check_options(ByteView options) {
  const auto terms = agree(options);
  require(terms.block_octets.value_or(8) >= 8 && terms.block_octets.value_or(8) <= 1468);
  require(terms.window_blocks.value_or(1) >= 1 && terms.window_blocks.value_or(1) <= 64);
  std::array<std::uint8_t, 128> out{};
  Writer writer(out);
  write_oack(writer, terms, UINT64_MAX);
  require(!writer.failed());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView wire(data, size);
  (void)parse_answer(wire);
  const auto request = parse_request(wire);
  if (!request) return 0;
  check_name(request->name);
  check_options(request->options);
  return 0;
}
