// images/import/oci_auth.hpp -- how a registry wants to know who asks: challenges (RFC 9110
// s.11.6.1) and the credentials of a docker-style config.json. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/secret.hpp"

namespace slipway::images {

struct AuthChallenge {
  std::string scheme;                             // in lower case: "basic", "bearer"
  std::map<std::string, std::string> parameters;  // names in lower case
  bool operator==(const AuthChallenge&) const = default;
};

// The challenges of one WWW-Authenticate header, in order; none when it breaks the grammar.
[[nodiscard]] std::vector<AuthChallenge> parse_challenges(std::string_view header);

struct RegistryLogin {
  std::string user;
  Secret password;
  Secret identity_token;  // taken in the place of a password by token servers; else empty

  // "Basic …", RFC 7617.
  [[nodiscard]] Secret basic() const;
};

// The login of `registry` ("registry.example:5000") in the text of a config.json: its `auths`. None
// when there is none. Fails for a text that is not such a file, and when the login is kept by a
// credential helper (`credHelpers`, `credsStore`), which is not run.
[[nodiscard]] Fallible<std::optional<RegistryLogin>> find_login(std::string_view config_json,
                                                                std::string_view registry);

// The token of a token server's answer: `token`, else `access_token`.
[[nodiscard]] Fallible<Secret> parse_token(std::string_view json);

[[nodiscard]] std::string to_base64(std::string_view octets);
// nullopt for what is no base64 (RFC 4648 s.4); padding may be missing.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace slipway::images
