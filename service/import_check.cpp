#include "service/import_check.hpp"

#include "images/depot_key.hpp"
#include "images/files.hpp"

namespace slipway::service {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxSumsOctets = std::size_t{1} << 20U;
constexpr std::size_t kMaxSignatureOctets = 8192;

// A line of sha256sum: the digest, a blank, a blank or '*', the name. A digest alone stands for any
// name.
std::optional<Sha256> sum_in(std::string_view line, const std::string& file_name) {
  while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
  const auto digest = Sha256::parse(line.substr(0, 64));
  if (!digest || line.size() == 64) return digest;
  const auto name = line.substr(std::min<std::size_t>(line.size(), 66));
  const auto slash = name.rfind('/');
  const auto base = slash == std::string_view::npos ? name : name.substr(slash + 1);
  return base == file_name ? digest : std::nullopt;
}

Fallible<Sha256> read_sum(const fs::path& file, const std::string& file_name) {
  const auto text = images::read_file(file, kMaxSumsOctets);
  if (!text) return std::unexpected(text.error());
  std::string_view rest = *text;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    if (const auto digest = sum_in(rest.substr(0, end), file_name)) return *digest;
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return fail(file.string() + ": has no SHA-256 of " + file_name + ", as sha256sum writes it");
}

// Holds what another word says against what is known already.
Fallible<void> agree(std::optional<Sha256>& known, const Sha256& said, std::string_view by) {
  if (known && *known != said) {
    return fail(std::string(by) + " says SHA-256 " + said.text() + ", expected " + known->text());
  }
  known = said;
  return {};
}

Fallible<std::vector<images::PublicKey>> read_keys(const provisioning::Config& config,
                                                   const CheckWords& words) {
  std::vector<fs::path> files = config.image_keys;
  if (!config.require_signed) files.insert(files.end(), words.keys.begin(), words.keys.end());
  std::vector<images::PublicKey> keys;
  for (const auto& file : files) {
    const auto key = images::read_public_key(file);
    if (!key) return std::unexpected(key.error());
    keys.push_back(*key);
  }
  return keys;
}

// Where the signature lies; empty: there is none to be held against.
fs::path signature_of(const CheckWords& words, const fs::path& file, bool has_keys) {
  if (!words.signature.empty()) return words.signature;
  auto beside = file;
  beside += ".minisig";
  std::error_code error;
  return has_keys && fs::exists(beside, error) ? beside : fs::path();
}

Fallible<Sha256> check_signature(const fs::path& signature_file, const fs::path& file,
                                 const std::vector<images::PublicKey>& keys) {
  if (keys.empty()) {
    return fail("--signature needs --key FILE, or `images: {keys: [FILE]}` in the settings");
  }
  const auto text = images::read_file(signature_file, kMaxSignatureOctets);
  if (!text) return std::unexpected(text.error());
  const auto signature = images::Signature::parse(*text);
  if (!signature) return fail(signature.error(), signature_file.string());
  auto digest = images::verify_file(file, *signature, keys);
  if (!digest) return fail(digest.error(), signature_file.string());
  return digest;
}

}  // namespace

void add_check_options(CLI::App& import, CheckWords& words) {
  import.add_option("--sha256", words.sha256, "what the source must hash to");
  import.add_option("--sha256-file", words.sha256_file,
                    "a file of sha256sum that names the source; SOURCE.sha256 counts anyway");
  import.add_option("--signature", words.signature,
                    "a signature of the source by minisign; SOURCE.minisig counts where a key is");
  import.add_option("--key", words.keys, "a public key of minisign, beside those of the settings");
}

Fallible<std::optional<Sha256>> expected_sha256(const CheckWords& words,
                                                const std::string& file_name) {
  std::optional<Sha256> known;
  if (!words.sha256.empty()) {
    known = Sha256::parse(words.sha256);
    if (!known) return fail("--sha256: expected 64 hexadecimal digits");
  }
  if (words.sha256_file.empty()) return known;
  const auto said = read_sum(words.sha256_file, file_name);
  if (!said) return std::unexpected(said.error());
  const auto good = agree(known, *said, words.sha256_file);
  if (!good) return std::unexpected(good.error());
  return known;
}

Fallible<std::optional<Sha256>> check_source(const provisioning::Config& config,
                                             const CheckWords& words, const fs::path& file,
                                             std::optional<Sha256> expected) {
  std::error_code error;
  auto sums = file;
  sums += ".sha256";
  if (fs::exists(sums, error)) {
    const auto said = read_sum(sums, file.filename().string());
    if (!said) return std::unexpected(said.error());
    const auto good = agree(expected, *said, sums.string());
    if (!good) return std::unexpected(good.error());
  }
  const auto keys = read_keys(config, words);
  if (!keys) return std::unexpected(keys.error());
  const auto signature = signature_of(words, file, !keys->empty());
  if (signature.empty()) {
    const auto good = allow_unsigned(config, file.string());
    if (!good) return std::unexpected(good.error());
    return expected;
  }
  const auto read = check_signature(signature, file, *keys);
  if (!read) return std::unexpected(read.error());
  const auto good = agree(expected, *read, file.string());
  if (!good) return std::unexpected(good.error());
  return expected;
}

Fallible<void> allow_unsigned(const provisioning::Config& config, const std::string& source) {
  if (!config.require_signed) return {};
  return fail(source +
              ": the settings require a signature (images.require_signed), and there is "
              "none: give --signature FILE of minisign, by one of images.keys");
}

}  // namespace slipway::service
