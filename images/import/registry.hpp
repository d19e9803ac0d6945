// images/import/registry.hpp -- pulling from a registry. OCI distribution spec 1.1, "Pull"; token
// authentication as Docker's registries do it (distribution: "Token Authentication").
//
// https, unless the registry's host is a literal private address or localhost, or plain http is
// asked for: then http when the other side does not speak TLS. Where a token server is, the
// registry says: so the rules of redirects hold for it (web.hpp).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "images/import/download.hpp"
#include "images/import/oci_auth.hpp"
#include "images/import/oci_manifest.hpp"
#include "images/import/oci_reference.hpp"
#include "images/import/web.hpp"

namespace slipway::images {

struct RegistryOptions {
  WebOptions web = {};
  std::filesystem::path config_file;  // docker-style config.json; empty: nobody logs in
  OciMirrors mirrors = {};
  bool insecure = false;         // plain http to any registry
  std::filesystem::path folder;  // where parts of blobs are kept
  // Octets of the blob `what` that are there, of the whole. False stops.
  std::function<bool(const std::string& what, std::uint64_t done, std::uint64_t total)> progress =
      [](const std::string&, std::uint64_t, std::uint64_t) { return true; };
};

// A manifest and the digest of its octets, by which it is called from now on.
struct PulledManifest {
  OciManifest manifest;
  Sha256 digest;  // of the octets that the reference leads to: of the index, if it is one
};

class Registry {
 public:
  // Asks the registry whether it is one, and logs in as it wants.
  [[nodiscard]] static Fallible<Registry> connect(const OciReference& reference,
                                                  RegistryOptions options);

  // Of the reference; from an index the one for linux/amd64. Octets that do not hash to the digest
  // under which they were asked for are not looked at.
  [[nodiscard]] Fallible<PulledManifest> manifest();
  // Whole, and of the digest and size that the descriptor says. `name` is what its file is called.
  [[nodiscard]] Fallible<Downloaded> blob(const OciDescriptor& blob, const std::string& name);

 private:
  Registry(OciReference reference, OciPlace place, RegistryOptions options)
      : reference_(std::move(reference)), place_(std::move(place)), options_(std::move(options)) {}

  [[nodiscard]] std::string base() const { return place_.scheme + "://" + place_.host + "/v2/"; }
  [[nodiscard]] Fallible<void> ping();
  [[nodiscard]] std::expected<WebAnswer, WebFailure> ask_base();
  [[nodiscard]] Fallible<void> answer_challenge(const WebHead& head);
  [[nodiscard]] Fallible<Secret> fetch_token(const AuthChallenge& challenge);
  [[nodiscard]] Fallible<std::string> fetch_document(const std::string& name,
                                                     const std::optional<Sha256>& digest);

  OciReference reference_;
  OciPlace place_;
  RegistryOptions options_;
  std::optional<RegistryLogin> login_;
  bool is_near_ = false;  // the registry is this machine or on its link
  Secret authorization_;
};

}  // namespace slipway::images
