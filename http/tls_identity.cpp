#include "http/tls_identity.hpp"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "base/crypto.hpp"
#include "base/descriptor.hpp"
#include "http/tls_reason.hpp"

namespace slipway::http {
namespace {

namespace fs = std::filesystem;

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Memory = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;

constexpr std::time_t kDay = 86'400;
constexpr std::time_t kAuthorityLasts = kDay * 365 * 20;
// The longest that browsers took of private authorities; who verifies strictly refuses more.
constexpr std::time_t kServerLasts = kDay * 825;
constexpr std::time_t kRenewedBefore = kDay * 90;
// Clocks of clients may be behind ours.
constexpr std::time_t kBackdated = kDay * 2;

struct Pair {
  Key key;
  Certificate certificate;
};

std::unexpected<Error> openssl_failure(const std::string& what) {
  return fail(what + ": " + tls_reason());
}

// ---- files

Fallible<void> write_all(int descriptor, std::string_view text, const std::string& what) {
  while (!text.empty()) {
    const auto count = ::write(descriptor, text.data(), text.size());
    if (count < 0 && errno != EINTR) return fail_errno(what, errno);
    if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::fsync(descriptor) != 0) return fail_errno(what, errno);
  return {};
}

Fallible<void> publish(const fs::path& file, std::string_view text, mode_t mode) {
  const auto what = "writing " + file.string();
  const auto unfinished = file.string() + ".new";
  (void)::unlink(unfinished.c_str());  // of a start that was cut off
  const Descriptor out(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (out.get() < 0) return fail_errno(what, errno);
  const auto written = write_all(out.get(), text, what);
  if (!written) return written;
  if (::rename(unfinished.c_str(), file.c_str()) != 0) return fail_errno(what, errno);
  const Descriptor folder(::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || ::fsync(folder.get()) != 0) return fail_errno(what, errno);
  return {};
}

std::string text_of(const Memory& memory) {
  const char* text = nullptr;
  const auto octets = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<std::size_t>(octets)};
}

Fallible<std::string> pem_of(EVP_PKEY* key) {
  const Memory memory(BIO_new(BIO_s_secmem()));
  if (PEM_write_bio_PKCS8PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr) !=
      1) {
    return openssl_failure("writing a key");
  }
  return text_of(memory);
}

Fallible<std::string> pem_of(X509* certificate) {
  const Memory memory(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(memory.get(), certificate) != 1) {
    return openssl_failure("writing a certificate");
  }
  return text_of(memory);
}

// Null when there is no such file, or it is no PEM.
Memory open_for_reading(const fs::path& file) { return Memory(BIO_new_file(file.c_str(), "r")); }

Key read_key(const fs::path& file) {
  const auto in = open_for_reading(file);
  return Key(in ? PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr) : nullptr);
}

Certificate read_certificate(const fs::path& file) {
  const auto in = open_for_reading(file);
  return Certificate(in ? PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr) : nullptr);
}

// ---- certificates

// It stands in a list, so that a comma would begin another name.
bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.';
  });
}

// As the extension subjectAltName lists them, and as it is compared.
std::string names_text(const TlsNames& names) {
  std::string text;
  for (const auto& address : names.addresses) text += ",IP:" + address.text();
  for (const auto& host : names.hosts) text += ",DNS:" + host;
  return text.empty() ? text : text.substr(1);
}

bool add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

struct Wish {
  std::string name;  // the common name
  std::time_t now = 0, lasts = 0;
  std::vector<std::pair<int, std::string>> extensions;
};

bool set_random_serial(X509* certificate) {
  std::array<std::uint8_t, 16> octets{};
  random_octets(octets);
  octets[0] &= 0x7FU;  // positive (RFC 5280 s.4.1.2.2)
  const std::unique_ptr<BIGNUM, Freed<BN_free>> number(
      BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_name(X509* certificate, const std::string& name) {
  return X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(name.data()),
                                    static_cast<int>(name.size()), -1, 0) == 1;
}

// A certificate for `key`, signed by `authority`, or by itself when that is null.
Fallible<Certificate> make_certificate(const Wish& wish, EVP_PKEY* key, const Pair* authority) {
  Certificate made(X509_new());
  auto* certificate = made.get();
  auto* issuer = authority == nullptr ? certificate : authority->certificate.get();
  auto* signer = authority == nullptr ? key : authority->key.get();
  constexpr long kVersion3 = 2;  // counted from 0
  bool good = made && X509_set_version(certificate, kVersion3) == 1 &&
              set_random_serial(certificate) && set_name(certificate, wish.name) &&
              X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
              X509_set_pubkey(certificate, key) == 1 &&
              ASN1_TIME_set(X509_getm_notBefore(certificate), wish.now - kBackdated) != nullptr &&
              ASN1_TIME_set(X509_getm_notAfter(certificate), wish.now + wish.lasts) != nullptr;
  for (const auto& [kind, value] : wish.extensions) {
    good = good && add_extension(certificate, issuer, kind, value);
  }
  if (!good || X509_sign(certificate, signer, EVP_sha256()) == 0) {
    return openssl_failure("making the certificate of " + wish.name);
  }
  return made;
}

Fallible<Key> make_key() {
  const std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>> context(
      EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  const bool good = context && EVP_PKEY_keygen_init(context.get()) == 1 &&
                    EVP_PKEY_CTX_set_group_name(context.get(), "P-256") == 1 &&
                    EVP_PKEY_generate(context.get(), &key) == 1;
  if (!good) return openssl_failure("making a key");
  return Key(key);
}

Fallible<void> publish_key(EVP_PKEY* key, const fs::path& file) {
  const auto pem = pem_of(key);
  if (!pem) return std::unexpected(pem.error());
  return publish(file, *pem, 0600);
}

// ---- what is there

bool is_mine(const Pair& pair) {
  return X509_check_private_key(pair.certificate.get(), pair.key.get()) == 1;
}

std::string alternative_names(X509* certificate) {
  const int at = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1);
  const Memory memory(BIO_new(BIO_s_mem()));
  if (at < 0 || X509V3_EXT_print(memory.get(), X509_get_ext(certificate, at), 0, 0) != 1) return {};
  auto text = text_of(memory);  // "IP Address:10.0.0.1, DNS:depot"
  std::erase(text, ' ');
  for (auto found = text.find("IPAddress:"); found != std::string::npos;
       found = text.find("IPAddress:", found)) {
    text.replace(found, std::strlen("IPAddress"), "IP");
  }
  return text;
}

bool is_good(const Pair& server, const Pair& authority, const TlsNames& names, std::time_t now) {
  if (!server.key || !server.certificate || !is_mine(server)) return false;
  auto* certificate = server.certificate.get();
  auto renewal = now + kRenewedBefore;
  return X509_verify(certificate, authority.key.get()) == 1 &&
         X509_cmp_time(X509_get0_notAfter(certificate), &renewal) > 0 &&
         alternative_names(certificate) == names_text(names);
}

// Of the key alone, so that a certificate that was lost comes back as the same authority.
std::string authority_name(EVP_PKEY* key) {
  std::vector<std::uint8_t> octets(static_cast<std::size_t>(i2d_PUBKEY(key, nullptr)));
  auto* out = octets.data();
  (void)i2d_PUBKEY(key, &out);  // as many as it just said
  return "Slipway depot " + Sha256::of(octets).text().substr(0, 8);
}

Fallible<Pair> find_authority(const TlsFiles& files, std::time_t now) {
  if (fs::exists(files.certificate)) {
    Pair found{read_key(files.key), read_certificate(files.certificate)};
    ERR_clear_error();
    if (found.key && found.certificate && is_mine(found)) return found;
    return fail(files.certificate.string() + " and " + files.key.string() +
                " are no pair: put the right files back, or remove both; then a new authority is "
                "made, which clients have to be given");
  }
  const bool has_key = fs::exists(files.key);
  auto key = has_key ? Fallible<Key>(read_key(files.key)) : make_key();
  if (!key) return std::unexpected(key.error());
  if (!*key) return openssl_failure("reading " + files.key.string());
  if (!has_key) {
    const auto written = publish_key(key->get(), files.key);
    if (!written) return std::unexpected(written.error());
  }
  auto certificate =
      make_certificate({.name = authority_name(key->get()),
                        .now = now,
                        .lasts = kAuthorityLasts,
                        .extensions = {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                                       {NID_key_usage, "critical,keyCertSign,cRLSign"},
                                       {NID_subject_key_identifier, "hash"}}},
                       key->get(), nullptr);
  if (!certificate) return std::unexpected(certificate.error());
  const auto pem = pem_of(certificate->get());
  if (!pem) return std::unexpected(pem.error());
  const auto written = publish(files.certificate, *pem, 0644);
  if (!written) return std::unexpected(written.error());
  return Pair{std::move(*key), std::move(*certificate)};
}

// A new key each time; it is written first, and a start that was cut off then finds no pair.
Fallible<void> renew(const TlsFiles& files, const TlsNames& names, const Pair& authority,
                     std::time_t now) {
  const auto key = make_key();
  if (!key) return std::unexpected(key.error());
  const auto first = names.hosts.empty() ? names.addresses.front().text() : names.hosts.front();
  const auto certificate =
      make_certificate({.name = first,
                        .now = now,
                        .lasts = kServerLasts,
                        .extensions = {{NID_basic_constraints, "critical,CA:FALSE"},
                                       {NID_key_usage, "critical,digitalSignature"},
                                       {NID_ext_key_usage, "serverAuth"},
                                       {NID_subject_key_identifier, "hash"},
                                       {NID_authority_key_identifier, "keyid:always"},
                                       {NID_subject_alt_name, names_text(names)}}},
                       key->get(), &authority);
  if (!certificate) return std::unexpected(certificate.error());
  const auto own = pem_of(certificate->get());
  const auto behind = pem_of(authority.certificate.get());
  if (!own) return std::unexpected(own.error());
  if (!behind) return std::unexpected(behind.error());
  const auto written = publish_key(key->get(), files.key);
  if (!written) return written;
  return publish(files.certificate, *own + *behind, 0644);
}

}  // namespace

Fallible<TlsFiles> own_identity(const fs::path& folder, const TlsNames& names, std::time_t now) {
  if (names_text(names).empty()) return fail("a certificate needs a name or an address");
  for (const auto& host : names.hosts) {
    if (!is_host_name(host)) return fail("`" + host + "` is no name of a host");
  }
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail_errno("making " + folder.string(), errno);
  }
  const auto authority = find_authority({folder / "ca.pem", folder / "ca.key"}, now);
  if (!authority) return std::unexpected(authority.error());
  const TlsFiles files{folder / "server.pem", folder / "server.key"};
  const Pair found{read_key(files.key), read_certificate(files.certificate)};
  ERR_clear_error();  // what is not there yet is no failure
  if (is_good(found, *authority, names, now)) return files;
  const auto renewed = renew(files, names, *authority, now);
  if (!renewed) return std::unexpected(renewed.error());
  return files;
}

}  // namespace slipway::http
