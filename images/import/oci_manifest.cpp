#include "images/import/oci_manifest.hpp"

#include <algorithm>
#include <array>

#include "base/json.hpp"

namespace slipway::images {
namespace {

constexpr std::size_t kMaxMediaType = 255;
constexpr std::size_t kMaxTitle = 255;
constexpr std::string_view kDigest = "sha256:";
constexpr std::array<std::string_view, 2> kIndexTypes{
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json"};
constexpr std::array<std::string_view, 2> kManifestTypes{
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json"};

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

// An annotation is a hint: one that is no plain text counts as absent.
std::string title_of(const JsonView& view) {
  const auto annotations = view.find("annotations");
  if (!annotations || !annotations->raw().is_object()) return {};
  const auto title = annotations->find("org.opencontainers.image.title");
  if (!title) return {};
  const auto text = title->text();
  return text && text->size() <= kMaxTitle && is_printable(*text) ? *text : std::string();
}

Fallible<OciDescriptor> read_descriptor(const JsonView& view) {
  OciDescriptor found;
  const auto type = view.text("mediaType");
  if (!type) return std::unexpected(type.error());
  if (type->size() > kMaxMediaType || !is_printable(*type)) {
    return fail(view.path() + ".mediaType: is none");
  }
  found.media_type = *type;
  const auto digest = view.text("digest");
  if (!digest) return std::unexpected(digest.error());
  const auto sha256 = digest->starts_with(kDigest)
                          ? Sha256::parse(std::string_view(*digest).substr(kDigest.size()))
                          : std::nullopt;
  if (!sha256) return fail(view.path() + ".digest: expected sha256: and 64 digits");
  found.digest = *sha256;
  const auto octets = view.number("size");
  if (!octets) return std::unexpected(octets.error());
  if (*octets > kMaxOciBlobOctets) return fail(view.path() + ".size: is too large");
  found.octets = *octets;
  found.title = title_of(view);
  if (const auto platform = view.find("platform"); platform && platform->raw().is_object()) {
    found.os = platform->text_or("os", "");
    found.architecture = platform->text_or("architecture", "");
  }
  return found;
}

Fallible<std::vector<OciDescriptor>> read_list(const JsonView& document, std::string_view name) {
  const auto member = document.member(name);
  if (!member) return std::unexpected(member.error());
  const auto elements = member->elements();
  if (!elements) return std::unexpected(elements.error());
  if (elements->empty() || elements->size() > kMaxOciParts) {
    return fail(std::string(name) + ": expected 1 to " + std::to_string(kMaxOciParts) +
                " elements");
  }
  std::vector<OciDescriptor> found;
  for (const auto& element : *elements) {
    auto descriptor = read_descriptor(element);
    if (!descriptor) return std::unexpected(descriptor.error());
    found.push_back(std::move(*descriptor));
  }
  return found;
}

}  // namespace

Fallible<OciDocument> parse_oci_document(std::string_view text) {
  if (text.size() > kMaxOciDocumentOctets) return fail("the manifest is too large");
  const auto parsed = parse_json(text);
  if (!parsed) return fail(parsed.error(), "the manifest");
  const JsonView document(*parsed);
  const auto version = document.number("schemaVersion");
  if (!version) return fail(version.error(), "the manifest");
  if (*version != 2) return fail("the manifest: schemaVersion is not 2; push the image anew");
  // A document that could be read as either would mean two things to two readers
  // (CVE-2021-41190).
  const bool has_layers = document.find("layers").has_value();
  const bool has_manifests = document.find("manifests").has_value();
  if (has_layers == has_manifests) {
    return fail("the manifest: expected either `layers` or `manifests`");
  }
  const auto type = document.text_or("mediaType", "");
  const auto& allowed = has_layers ? kManifestTypes : kIndexTypes;
  if (!type.empty() && std::ranges::find(allowed, type) == allowed.end()) {
    return fail("the manifest: its mediaType does not fit what it holds");
  }
  auto parts = read_list(document, has_layers ? "layers" : "manifests");
  if (!parts) return fail(parts.error(), "the manifest");
  if (has_manifests) return OciIndex{std::move(*parts)};
  const auto config_member = document.member("config");
  if (!config_member) return fail(config_member.error(), "the manifest");
  auto config = read_descriptor(*config_member);
  if (!config) return fail(config.error(), "the manifest");
  return OciManifest{std::move(*config), std::move(*parts)};
}

Fallible<OciDescriptor> choose_manifest(const OciIndex& index) {
  const auto fits = [](const OciDescriptor& each) {
    return each.os == "linux" && each.architecture == "amd64";
  };
  const auto found = std::ranges::find_if(index.manifests, fits);
  if (found != index.manifests.end()) return *found;
  if (index.manifests.size() == 1 && index.manifests[0].os.empty()) return index.manifests[0];
  std::string there;
  for (const auto& each : index.manifests) {
    there += (there.empty() ? "" : ", ") + each.os + "/" + each.architecture;
  }
  return fail("there is no image for linux/amd64 in it, but " + there.substr(0, 300));
}

bool is_container_layer(std::string_view type) {
  return type.starts_with("application/vnd.oci.image.layer.") ||
         type.starts_with("application/vnd.docker.image.rootfs.");
}

std::string accepted_manifests() {
  std::string list;
  for (const auto& types : {kManifestTypes, kIndexTypes}) {
    for (const auto type : types) list.append(list.empty() ? "" : ", ").append(type);
  }
  return list;
}

}  // namespace slipway::images
