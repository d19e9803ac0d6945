// Any octets as the start of a connection: the parser ends, and what it lets through keeps the
// promises of head.hpp, target.hpp and range.hpp.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/head.hpp"
#include "http/range.hpp"

namespace {

using namespace slipway::http;

void require(bool promise) {
  if (!promise) std::abort();
}

void check_path(std::string_view path) {
  require(path.starts_with('/'));
  require(!path.contains("//") && !path.contains('\0') && !path.contains('\n'));
  require(!path.contains("/../") && !path.ends_with("/.."));
}

void check_ranges(const RequestHead& head, std::uint64_t size_octets) {
  Request request;
  request.headers = head.headers;
  constexpr std::time_t kModified = 784111777;
  const auto selection = select(request, {"\"etag\"", kModified}, size_octets);
  require((selection.status == 206) == !selection.ranges.empty());
  std::uint64_t total_octets = 0;
  for (const auto& range : selection.ranges) {
    require(range.octets > 0 && range.offset + range.octets <= size_octets);
    total_octets += range.octets;
  }
  require(total_octets <= size_octets);
}

// A head that is complete must not have been complete, or broken, one octet earlier.
void check_prefix(std::string_view wire, std::size_t octets) {
  const auto shorter = parse_request_head(wire.substr(0, octets - 1));
  require(shorter && !*shorter);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view wire(reinterpret_cast<const char*>(data), size);
  const auto head = parse_request_head(wire);
  const auto response = parse_response_head(wire);
  require(!response || !*response || (*response)->octets <= size);
  if (!head) require(status_of(head.error()) >= 400);
  if (!head || !*head) return 0;
  require((*head)->octets <= size && (*head)->octets >= 16);
  require((*head)->headers.size() <= kMaxHeaders);
  check_path((*head)->path);
  for (const std::uint64_t size_octets : {0ULL, 1ULL, 10ULL, 1ULL << 40U}) {
    check_ranges(**head, size_octets);
  }
  check_prefix(wire, (*head)->octets);
  return 0;
}
