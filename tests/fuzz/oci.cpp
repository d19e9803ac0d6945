// Any octets as what a registry says: a reference, a manifest or index, a challenge, a login, a
// token. Each is refused, or keeps its rules.
#include <algorithm>
#include <cstdlib>

#include "base/bytes.hpp"
#include "images/import/download.hpp"
#include "images/import/oci_auth.hpp"
#include "images/import/oci_manifest.hpp"
#include "images/import/oci_reference.hpp"

using namespace slipway;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void try_reference(std::string_view text) {
  const auto found = images::OciReference::parse(text);
  if (!found) return;
  const auto again = images::OciReference::parse("oci://" + found->text());
  require(again.has_value() && *again == *found);
  require(found->repository.find("..") == std::string::npos);
  require(found->text().find_first_of("?#% \n") == std::string::npos);
}

void try_document(std::string_view text) {
  const auto found = images::parse_oci_document(text);
  if (!found) return;
  const auto* index = std::get_if<images::OciIndex>(&*found);
  const auto& parts =
      index != nullptr ? index->manifests : std::get<images::OciManifest>(*found).layers;
  require(!parts.empty() && parts.size() <= images::kMaxOciParts);
  for (const auto& each : parts) require(each.octets <= images::kMaxOciBlobOctets);
  if (index != nullptr) (void)images::choose_manifest(*index);  // either result is right
}

void try_challenges(std::string_view text) {
  for (const auto& each : images::parse_challenges(text)) require(!each.scheme.empty());
}

void try_login(std::string_view text) {
  const auto found = images::find_login(text, "r.example");
  if (found && *found) require((*found)->basic().reveal().starts_with("Basic "));
}

void try_token(std::string_view text) {
  const auto token = images::parse_token(text);
  if (token) require(token->reveal().find_first_of("\r\n ") == std::string::npos);
  const auto range = images::parse_content_range(text);
  if (range) require(range->first <= range->last && range->last < range->octets);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr void (*kParsers[])(std::string_view) = {try_reference, try_document, try_challenges,
                                                    try_login, try_token};
  kParsers[data[0] % 5](as_text({data + 1, size - 1}));
  return 0;
}
