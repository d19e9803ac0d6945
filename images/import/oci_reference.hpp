// images/import/oci_reference.hpp -- where an image lies in a registry. OCI distribution spec 1.1,
// "Pulling manifests".
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/crypto.hpp"
#include "base/result.hpp"

namespace slipway::images {

struct OciReference {
  std::string registry;          // "registry.example", "10.0.0.5:5000", "docker.io"
  std::string repository;        // "depot/edge"
  std::string tag;               // empty when only a digest was given
  std::optional<Sha256> digest;  // of the manifest's octets

  // "oci://registry[:port]/repository[:tag][@sha256:…]"; without tag and digest the tag is latest.
  [[nodiscard]] static Fallible<OciReference> parse(std::string_view text);
  // Without "oci://".
  [[nodiscard]] std::string text() const;
  bool operator==(const OciReference&) const = default;
};

// The base of the registry's API for a reference, and the repository there: a registry stands for
// itself, or is rewritten to "http[s]://HOST[:PORT][/PREFIX]".
struct OciPlace {
  std::string scheme;      // "https", "http"; empty: https, else http where that is allowed
  std::string host;        // with its port
  std::string repository;  // "PREFIX/depot/edge"
  bool operator==(const OciPlace&) const = default;
};
using OciMirrors = std::map<std::string, std::string>;  // registry -> where it is asked instead
[[nodiscard]] Fallible<OciPlace> oci_place(const OciReference& reference,
                                           const OciMirrors& mirrors);

}  // namespace slipway::images
