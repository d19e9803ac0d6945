// Any octets: parse_manifest() refuses, or what it returns keeps the rules and survives a round.
#include "images/manifest.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  const auto manifest = images::parse_manifest(as_text({data, size}));
  if (!manifest) return 0;
  if (!images::check_manifest(*manifest)) std::abort();
  const auto again = images::parse_manifest(images::to_json(*manifest));
  if (!again || *again != *manifest) std::abort();
  return 0;
}
