// images/import/oci_manifest.hpp -- what a registry says an image consists of. OCI image spec 1.1:
// descriptor, manifest, index; and the same by Docker (image manifest version 2, schema 2).
//
// Parsing takes hostile input: what parse_oci_document() returns keeps every rule below.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/crypto.hpp"
#include "base/result.hpp"

namespace slipway::images {

inline constexpr std::size_t kMaxOciDocumentOctets = std::size_t{4} << 20;  // as the spec advises
inline constexpr std::size_t kMaxOciParts = 1'000;  // layers, or manifests of an index
inline constexpr std::uint64_t kMaxOciBlobOctets = std::uint64_t{1} << 40;

struct OciDescriptor {
  std::string media_type;
  Sha256 digest;                 // sha256 is the only algorithm that is taken
  std::uint64_t octets = 0;      // at most kMaxOciBlobOctets
  std::string title;             // annotation org.opencontainers.image.title, or empty
  std::string os, architecture;  // in an index; else empty
  bool operator==(const OciDescriptor&) const = default;
};

struct OciManifest {
  OciDescriptor config;
  std::vector<OciDescriptor> layers;  // 1..kMaxOciParts, the lowest first
  bool operator==(const OciManifest&) const = default;
};

struct OciIndex {
  std::vector<OciDescriptor> manifests;  // 1..kMaxOciParts
  bool operator==(const OciIndex&) const = default;
};

using OciDocument = std::variant<OciManifest, OciIndex>;
[[nodiscard]] Fallible<OciDocument> parse_oci_document(std::string_view json);

// The manifest for linux/amd64, or the only one of an index without platforms.
[[nodiscard]] Fallible<OciDescriptor> choose_manifest(const OciIndex& index);

// A layer of a container image: an archive that is laid over those below it.
[[nodiscard]] bool is_container_layer(std::string_view media_type);

// What Accept says when a manifest is asked for.
[[nodiscard]] std::string accepted_manifests();

}  // namespace slipway::images
