#include "images/import/oci_auth.hpp"

#include <algorithm>
#include <array>

#include "base/bytes.hpp"
#include "base/json.hpp"

namespace slipway::images {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t kMaxHeaderOctets = 8'192;

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  return result;
}

// Reads a header from left to right.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  void skip_blanks() {
    const auto end = std::min(rest_.size(), rest_.find_first_not_of(" \t"));
    rest_.remove_prefix(end);
  }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // RFC 9110 s.5.6.2.
  std::string_view token() {
    const auto is_in = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    };
    const auto end = std::ranges::find_if_not(rest_, is_in);
    const auto found = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    rest_.remove_prefix(found.size());
    return found;
  }
  // A token or a quoted string; nullopt when it is neither.
  std::optional<std::string> value() {
    if (!take('"')) {
      const auto plain = token();
      return plain.empty() ? std::nullopt : std::optional<std::string>(plain);
    }
    std::string text;
    while (!rest_.empty() && rest_.front() != '"') {
      if (rest_.front() == '\\') rest_.remove_prefix(1);
      if (rest_.empty()) return std::nullopt;
      text += rest_.front();
      rest_.remove_prefix(1);
    }
    return take('"') ? std::optional(text) : std::nullopt;
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] std::string_view rest() const { return rest_; }
  void go_back_to(std::string_view rest) { rest_ = rest; }

 private:
  std::string_view rest_;
};

// "name=value"; false, and nothing taken, when a scheme follows instead.
bool take_parameter(Scanner& scanner, AuthChallenge& challenge) {
  const auto before = scanner.rest();
  const auto name = scanner.token();
  scanner.skip_blanks();
  if (!name.empty() && scanner.take('=')) {
    scanner.skip_blanks();
    if (auto value = scanner.value()) {
      return challenge.parameters.emplace(lower(name), std::move(*value)).second;
    }
  }
  scanner.go_back_to(before);
  return false;
}

void take_parameters(Scanner& scanner, AuthChallenge& challenge) {
  bool more = true;
  while (more) {
    scanner.skip_blanks();
    const auto before = scanner.rest();
    more = take_parameter(scanner, challenge);
    if (!more) scanner.go_back_to(before);
    scanner.skip_blanks();
    while (more && scanner.take(',')) scanner.skip_blanks();
  }
}

// Docker writes "https://index.docker.io/v1/" for its hub; others stand plainly or as a URL.
bool names(std::string_view key, std::string_view registry) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  }
  const auto host = key.substr(0, key.find('/'));
  const bool is_hub = registry == "registry-1.docker.io" || registry == "docker.io";
  return host == registry || (is_hub && (host == "index.docker.io" || host == "docker.io"));
}

Fallible<RegistryLogin> read_login(const JsonView& entry) {
  RegistryLogin login;
  login.identity_token = Secret(entry.text_or("identitytoken", ""));
  login.user = entry.text_or("username", "");
  login.password = Secret(entry.text_or("password", ""));
  const auto auth = entry.text_or("auth", "");
  if (auth.empty()) return login;
  const auto plain = from_base64(auth);
  const auto colon = plain ? plain->find(':') : std::string::npos;
  if (colon == std::string::npos)
    return fail(entry.path() + ".auth: expected base64 of USER:PASSWORD");
  login.user = plain->substr(0, colon);
  login.password = Secret(plain->substr(colon + 1));
  return login;
}

}  // namespace

std::vector<AuthChallenge> parse_challenges(std::string_view header) {
  std::vector<AuthChallenge> found;
  if (header.size() > kMaxHeaderOctets) return found;
  Scanner scanner(header);
  while (true) {
    scanner.skip_blanks();
    while (scanner.take(',')) scanner.skip_blanks();
    if (scanner.at_end()) return found;
    const auto scheme = scanner.token();
    if (scheme.empty()) return {};
    AuthChallenge challenge{lower(scheme), {}};
    take_parameters(scanner, challenge);
    found.push_back(std::move(challenge));
  }
}

Secret RegistryLogin::basic() const {
  return Secret("Basic " + to_base64(user + ":" + password.reveal()));
}

Fallible<std::optional<RegistryLogin>> find_login(std::string_view text,
                                                  std::string_view registry) {
  const auto parsed = parse_json(text);
  if (!parsed) return std::unexpected(parsed.error());
  if (!parsed->is_object()) return fail("expected an object");
  const JsonView config(*parsed);
  if (const auto auths = config.find("auths"); auths && auths->raw().is_object()) {
    for (const auto& [key, value] : auths->raw().as_object()) {
      if (!names(key, registry) || !value.is_object()) continue;
      auto login = read_login(JsonView(value, "auths." + std::string(key)));
      if (!login) return std::unexpected(login.error());
      if (!login->user.empty() || !login->identity_token.empty()) return std::move(*login);
    }
  }
  bool has_helper = !config.text_or("credsStore", "").empty();
  if (const auto helpers = config.find("credHelpers"); helpers && helpers->raw().is_object()) {
    for (const auto& [key, value] : helpers->raw().as_object()) {
      has_helper = has_helper || names(key, registry);
    }
  }
  if (!has_helper) return std::nullopt;
  return fail("the login of " + std::string(registry) +
              " is kept by a credential helper, and helpers are not run; write it into `auths`");
}

Fallible<Secret> parse_token(std::string_view json) {
  const auto parsed = parse_json(json);
  if (!parsed) return std::unexpected(parsed.error());
  const JsonView answer(*parsed);
  if (!parsed->is_object()) return fail("expected an object");
  auto token = answer.text_or("token", "");
  if (token.empty()) token = answer.text_or("access_token", "");
  const bool plain = std::ranges::all_of(token, [](char c) { return c > ' ' && c <= '~'; });
  if (token.empty() || !plain) return fail("there is no token in it");
  return Secret(std::move(token));
}

std::string to_base64(std::string_view octets) {
  std::string text;
  for (std::size_t at = 0; at < octets.size(); at += 3) {
    const auto part = octets.substr(at, 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8U | (i < part.size() ? static_cast<std::uint8_t>(part[i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      text += i <= part.size() ? kAlphabet[bits >> (18 - 6 * i) & 63U] : '=';
    }
  }
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string octets;
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char c : text) {
    const auto digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = (bits << 6U | static_cast<std::uint32_t>(digit)) & 0xffffU;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    octets += static_cast<char>(bits >> held & 0xffU);
  }
  return held >= 6 ? std::nullopt : std::optional(octets);
}

}  // namespace slipway::images
