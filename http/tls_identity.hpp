// http/tls_identity.hpp -- an authority of the depot's own, and this server's certificate by it.
//
// For a depot that has no certificate of its own: clients are given the authority once (in an
// initramfs, by hand) and then trust whatever it signs. ECDSA on P-256 throughout. RFC 5280.
#pragma once

#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "base/net.hpp"
#include "base/result.hpp"
#include "http/tls.hpp"

namespace slipway::http {

// What clients may call the server; at least one of them.
struct TlsNames {
  std::vector<Ipv4> addresses;
  std::vector<std::string> hosts;  // DNS names
};

// Finds or makes, in `folder` (made with mode 0700): `ca.pem` and `ca.key`, for 20 years, and by
// them `server.pem` (with the authority behind it) and `server.key`, for 825 days. Keys have mode
// 0600. An authority that is there is never replaced; the server's certificate is made anew when
// `names` have changed, when less than 90 days are left of it, or when it does not belong to the
// authority or the key. Each file takes its name when it is whole and on the disk.
// Fails with a sentence when a file cannot be read or written, or the authority's certificate has
// no key to it; of its key alone the certificate is made again.
[[nodiscard]] Fallible<TlsFiles> own_identity(const std::filesystem::path& folder,
                                              const TlsNames& names, std::time_t now);

}  // namespace slipway::http
