#include "images/import/oci_reference.hpp"

#include <algorithm>

namespace slipway::images {
namespace {

constexpr std::string_view kScheme = "oci://";
constexpr std::string_view kDigest = "@sha256:";
constexpr std::size_t kMaxRepository = 255;
constexpr std::size_t kMaxTag = 128;

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_word(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '_'; }

// [a-z0-9]+ joined by '.', '_', '__' or any number of '-'.
bool is_component(std::string_view text) {
  if (text.empty() || !is_lower_or_digit(text.front()) || !is_lower_or_digit(text.back()))
    return false;
  std::string_view before;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.size(), text.find_first_not_of("._-", at));
    before = text.substr(at, end - at);
    const bool joins = before.empty() || before == "." || before == "_" || before == "__" ||
                       before.find_first_not_of('-') == std::string_view::npos;
    if (!joins) return false;
    at = end;
    if (at < text.size() && !is_lower_or_digit(text[at])) return false;
    while (at < text.size() && is_lower_or_digit(text[at])) ++at;
  }
  return true;
}

bool is_repository(std::string_view text) {
  if (text.size() > kMaxRepository) return false;
  while (true) {
    const auto slash = text.find('/');
    if (!is_component(text.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    text.remove_prefix(slash + 1);
  }
}

bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTag && is_word(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_word(c) || c == '.' || c == '-'; });
}

// A name, an IPv4 address or an IPv6 address in brackets, and perhaps a port.
bool is_registry(std::string_view text) {
  const auto bracket = text.starts_with('[') ? text.find(']') : std::string_view::npos;
  const bool is_six = text.starts_with('[');
  if (is_six && bracket == std::string_view::npos) return false;
  const auto host = is_six ? text.substr(1, bracket - 1) : text.substr(0, text.find(':'));
  const auto rest = is_six ? text.substr(bracket + 1) : text.substr(host.size());
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const bool good_port = rest.empty() || (rest.size() >= 2 && rest.size() <= 6 && rest[0] == ':' &&
                                          std::ranges::all_of(rest.substr(1), is_digit));
  const auto is_plain = [is_six](char c) {
    return is_word(c) || c == '.' || c == '-' || (is_six && c == ':');
  };
  return good_port && !host.empty() && std::ranges::all_of(host, is_plain);
}

std::unexpected<Error> refused(std::string_view text, std::string_view why) {
  return fail("not an image of a registry: \"" + std::string(text.substr(0, 300)) +
              "\": " + std::string(why) +
              "; expected oci://REGISTRY[:PORT]/REPOSITORY[:TAG][@sha256:DIGEST]");
}

}  // namespace

Fallible<OciReference> OciReference::parse(std::string_view text) {
  auto rest = text;
  if (!rest.starts_with(kScheme)) return refused(text, "it does not start with oci://");
  rest.remove_prefix(kScheme.size());
  OciReference found;
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    const auto digest = rest.substr(at);
    if (digest.starts_with(kDigest)) found.digest = Sha256::parse(digest.substr(kDigest.size()));
    if (!found.digest) return refused(text, "its digest is not sha256: and 64 digits");
    rest = rest.substr(0, at);
  }
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) return refused(text, "it names no repository");
  found.registry = rest.substr(0, slash);
  rest.remove_prefix(slash + 1);
  const auto colon = rest.find(':');
  found.repository = rest.substr(0, colon);
  if (colon != std::string_view::npos) {
    found.tag = rest.substr(colon + 1);
    if (!is_tag(found.tag)) return refused(text, "its tag is none");
  } else if (!found.digest) {
    found.tag = "latest";
  }
  if (!is_registry(found.registry)) return refused(text, "its registry is none");
  if (!is_repository(found.repository)) return refused(text, "its repository is none");
  return found;
}

std::string OciReference::text() const {
  auto text = registry + "/" + repository;
  if (!tag.empty()) text += ":" + tag;
  if (digest) text += "@sha256:" + digest->text();
  return text;
}

Fallible<OciPlace> oci_place(const OciReference& reference, const OciMirrors& mirrors) {
  const bool is_hub = reference.registry == "docker.io";
  auto repository = reference.repository;
  // Docker Hub's own images stand below library/.
  if (is_hub && repository.find('/') == std::string::npos) repository = "library/" + repository;
  const auto mirror = mirrors.find(reference.registry);
  if (mirror == mirrors.end()) {
    return OciPlace{"", is_hub ? "registry-1.docker.io" : reference.registry, repository};
  }
  std::string_view url = mirror->second;
  const auto scheme = url.substr(0, url.find("://"));
  const auto wrong = [&] {
    return fail("the mirror of " + reference.registry + ", \"" + mirror->second +
                "\": expected http[s]://HOST[:PORT][/PREFIX]");
  };
  if (scheme != "https" && scheme != "http") return wrong();
  url.remove_prefix(scheme.size() + 3);
  while (url.ends_with('/')) url.remove_suffix(1);
  const auto slash = url.find('/');
  OciPlace place{std::string(scheme), std::string(url.substr(0, slash)), repository};
  if (slash != std::string_view::npos) {
    place.repository = std::string(url.substr(slash + 1)) + "/" + repository;
  }
  if (!is_registry(place.host) || !is_repository(place.repository)) return wrong();
  return place;
}

}  // namespace slipway::images
