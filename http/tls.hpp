// http/tls.hpp -- TLS for the connections of a server. RFC 8446 (1.3) and RFC 5246 (1.2), no older.
//
// What goes through it is what transport.hpp says: requests, answers, ranges, limits and the drain
// do not know of it. Ciphers are OpenSSL's at security level 2. Where the kernel encrypts (kTLS),
// files go out by sendfile; else through a buffer of one record, never whole.
#pragma once

#include <filesystem>
#include <memory>

#include "base/result.hpp"
#include "http/transport.hpp"

struct ssl_ctx_st;

namespace slipway::http {

// PEM files (RFC 7468).
struct TlsFiles {
  std::filesystem::path certificate;  // the server's own, then those that lead to its authority
  std::filesystem::path key;          // without a passphrase
};

// A server's certificate, key and settings, for any number of connections. A transport keeps what
// it needs of it alive.
class Tls {
 public:
  // Fails with a sentence when a file cannot be read, is no PEM, or they do not belong together.
  [[nodiscard]] static Fallible<std::shared_ptr<const Tls>> load(const TlsFiles& files);
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;
  ~Tls();

  // The server's side of TLS on `descriptor`, a connected and non-blocking socket, which stays the
  // caller's. Null when there is no memory for it.
  [[nodiscard]] std::unique_ptr<Transport> accept(int descriptor) const;

 private:
  explicit Tls(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;
};

}  // namespace slipway::http
