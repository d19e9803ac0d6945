#include "http/tls.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "http/tls_reason.hpp"

namespace slipway::http {
namespace {

// The most that one record holds (RFC 8446 s.5.1).
constexpr std::size_t kRecordOctets = 16'384;

class TlsTransport final : public Transport {
 public:
  TlsTransport(SSL* session, int descriptor) : session_(session), descriptor_(descriptor) {}
  TlsTransport(const TlsTransport&) = delete;
  TlsTransport& operator=(const TlsTransport&) = delete;
  ~TlsTransport() override { SSL_free(session_); }

  Step handshake() override {
    ERR_clear_error();
    const int result = SSL_accept(session_);
    if (result != 1) return step_of(result);
    is_open_ = true;
    kernel_encrypts_ = BIO_get_ktls_send(SSL_get_wbio(session_));
    return Step::done;
  }

  Moved receive(std::span<char> buffer) override {
    ERR_clear_error();
    std::size_t octets = 0;
    const int result = SSL_read_ex(session_, buffer.data(), buffer.size(), &octets);
    return result == 1 ? Moved{Step::done, octets} : Moved{step_of(result)};
  }

  Moved send(std::string_view octets,
             bool /*more_follows: each call makes records of its own*/) override {
    ERR_clear_error();
    std::size_t sent = 0;
    const int result = SSL_write_ex(session_, octets.data(), octets.size(), &sent);
    return result == 1 ? Moved{Step::done, sent} : Moved{step_of(result)};
  }

  Moved send_file(const FileSlice& slice) override {
    if (kernel_encrypts_) return send_by_kernel(slice);
    // Of what the socket does not take now, the same octets are read again: a file that is served
    // never changes.
    std::array<char, kRecordOctets> record;
    const auto wanted = std::min<std::uint64_t>(slice.octets, record.size());
    const auto count =
        ::pread(slice.file->descriptor(), record.data(), wanted, static_cast<off_t>(slice.offset));
    if (count <= 0) return {Step::over};
    return send(std::string_view(record.data(), static_cast<std::size_t>(count)), true);
  }

  void finish() override {
    if (std::exchange(is_open_, false)) {
      ERR_clear_error();
      (void)SSL_shutdown(session_);  // close_notify; a peer whose window is full goes without it
    }
    (void)::shutdown(descriptor_, SHUT_WR);  // fails only if the client is gone
  }

 private:
  Moved send_by_kernel(const FileSlice& slice) {
    ERR_clear_error();
    const auto wanted = std::min<std::uint64_t>(slice.octets, Outgoing::kTurnOctets);
    const auto count = SSL_sendfile(session_, slice.file->descriptor(),
                                    static_cast<off_t>(slice.offset), wanted, 0);
    if (count > 0) return {Step::done, static_cast<std::size_t>(count)};
    return {step_of(static_cast<int>(count))};
  }

  // What a call that moved nothing waits for. After an error of its own or of the socket, OpenSSL
  // forbids even a close_notify.
  Step step_of(int result) {
    switch (SSL_get_error(session_, result)) {
      case SSL_ERROR_WANT_READ: return Step::wants_read;
      case SSL_ERROR_WANT_WRITE: return Step::wants_write;
      case SSL_ERROR_ZERO_RETURN: return Step::over;
      default: break;
    }
    is_open_ = false;
    const bool is_http = ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
    return is_http ? Step::foreign : Step::over;
  }

  SSL* session_;
  int descriptor_;
  bool is_open_ = false;  // the handshake is done, and nothing broke
  bool kernel_encrypts_ = false;
};

// HTTP/1.1 is all that is spoken; a client that offers nothing is served, too (RFC 7301 s.3.2).
// NOLINTNEXTLINE(readability-function-size): OpenSSL's callback has six parameters.
int choose_protocol(SSL* /*session*/, const unsigned char** chosen, unsigned char* octets,
                    const unsigned char* offered, unsigned int offered_octets, void* /*none*/) {
  static constexpr std::array<unsigned char, 9> kHttp{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* found = nullptr;
  const int result =
      SSL_select_next_proto(&found, octets, kHttp.data(), kHttp.size(), offered, offered_octets);
  *chosen = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

void set_up(SSL_CTX* context) {
  SSL_CTX_set_security_level(context, 2);
  // A client that asks to negotiate again could make the server calculate for nothing; compression
  // tells secrets by lengths (CRIME). An end without close_notify is an end: lengths are declared.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_ENABLE_KTLS);
  // What was not taken may come again from another place, and buffers go while nothing moves.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
}

}  // namespace

std::string tls_reason() {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_peek_error(), text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

Fallible<std::shared_ptr<const Tls>> Tls::load(const TlsFiles& files) {
  ERR_clear_error();
  auto* context = SSL_CTX_new(TLS_server_method());
  if (context == nullptr) return fail("TLS: " + tls_reason());
  const std::shared_ptr<const Tls> tls(new Tls(context));
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1)
    return fail("TLS: " + tls_reason());
  set_up(context);
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
    return fail("certificate " + files.certificate.string() + ": " + tls_reason());
  }
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return fail("key " + files.key.string() + ": " + tls_reason());
  }
  return tls;
}

Tls::~Tls() { SSL_CTX_free(context_); }

std::unique_ptr<Transport> Tls::accept(int descriptor) const {
  auto* session = SSL_new(context_);
  if (session == nullptr) return nullptr;
  auto transport = std::make_unique<TlsTransport>(session, descriptor);
  return SSL_set_fd(session, descriptor) == 1 ? std::move(transport) : nullptr;
}

}  // namespace slipway::http
