#include "images/import/registry.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "base/json.hpp"
#include "images/files.hpp"
#include "images/import/addresses.hpp"

namespace slipway::images {
namespace {

constexpr std::size_t kMaxConfigOctets = std::size_t{1} << 20;
constexpr std::size_t kMaxTokenOctets = std::size_t{256} << 10;

// As a value of a query, RFC 3986 s.2.1.
std::string percent(std::string_view text) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/:";
  std::string out;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto octet = static_cast<std::uint8_t>(c);
      out += "%" + to_hex({&octet, 1});
    }
  }
  return out;
}

// What a registry says of its refusal: {"errors":[{"code":…,"message":…}]}, a line for people.
std::string said(const WebAnswer& answer) {
  const auto document = parse_json(answer.refusal);
  if (!document || !document->is_object()) return {};
  const auto errors = JsonView(*document).find("errors");
  const auto list = errors ? errors->elements() : fail("none");
  if (!list || list->empty() || !list->front().raw().is_object()) return {};
  auto text = list->front().text_or("code", "") + " " + list->front().text_or("message", "");
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, ' ');
  return ": " + text.substr(0, 200);
}

std::string host_of(std::string_view place) {
  if (place.starts_with('[')) return std::string(place.substr(0, place.find(']') + 1));
  return std::string(place.substr(0, place.find(':')));
}

Error refusal(const std::string& url, const WebAnswer& answer) {
  const auto status = answer.head.status;
  std::string hint;
  if (status == 401 || status == 403) {
    hint =
        "; a login is taken from a config.json: --registry-config FILE, images.registry_config or "
        "$DOCKER_CONFIG";
  }
  if (status == 404) hint = "; is the repository right, and the tag?";
  return Error(shown_url(url) + ": the registry answered " + std::to_string(status) + said(answer) +
               hint);
}

Fallible<std::optional<RegistryLogin>> login_for(const std::filesystem::path& file,
                                                 const std::string& host) {
  if (file.empty()) return std::nullopt;
  const auto text = read_file(file, kMaxConfigOctets);
  if (!text) return std::unexpected(text.error());
  auto login = find_login(*text, host);
  if (!login) return fail(login.error(), file.string());
  return login;
}

}  // namespace

Fallible<Registry> Registry::connect(const OciReference& reference, RegistryOptions options) {
  auto place = oci_place(reference, options.mirrors);
  if (!place) return std::unexpected(place.error());
  auto login = login_for(options.config_file, place->host);
  if (!login) return std::unexpected(login.error());
  Registry registry(reference, std::move(*place), std::move(options));
  registry.login_ = std::move(*login);
  auto good = registry.ping();
  if (!good) return std::unexpected(good.error());
  return registry;
}

std::expected<WebAnswer, WebFailure> Registry::ask_base() {
  std::string body;
  const WebRequest request{.url = base(), .authorization = authorization_};
  return web_get(options_.web, request, kMaxOciDocumentOctets, body);
}

// A mirror's scheme is what its setting says.
Fallible<void> Registry::ping() {
  const bool may_be_plain =
      place_.scheme.empty() && (options_.insecure || names_private_host(host_of(place_.host)));
  if (place_.scheme.empty()) place_.scheme = "https";
  auto answer = ask_base();
  if (!answer && answer.error().no_tls && may_be_plain) {
    place_.scheme = "http";
    answer = ask_base();
  }
  if (!answer) {
    const auto* hint = answer.error().no_tls ? "; plain http is spoken with --insecure only" : "";
    return fail(answer.error().error.text() + hint);
  }
  is_near_ = answer->is_near;
  if (answer->head.status == 401) return answer_challenge(answer->head);
  if (answer->head.status == 200) return {};
  return std::unexpected(refusal(base(), *answer));
}

// The first challenge that we can answer. Without a login a token server gives what anybody may
// have.
Fallible<void> Registry::answer_challenge(const WebHead& head) {
  std::vector<AuthChallenge> challenges;
  for (const auto& [name, value] : head.headers) {
    WebHead one;
    one.headers = {{name, value}};
    if (!one.find("WWW-Authenticate")) continue;
    for (auto& each : parse_challenges(value)) challenges.push_back(std::move(each));
  }
  for (const auto& challenge : challenges) {
    if (challenge.scheme == "bearer") {
      auto token = fetch_token(challenge);
      if (!token) return std::unexpected(token.error());
      authorization_ = std::move(*token);
      return {};
    }
    if (challenge.scheme == "basic" && login_ && !login_->user.empty()) {
      authorization_ = login_->basic();
      return {};
    }
  }
  return fail(base() + ": the registry wants a login: name a config.json that has one for " +
              place_.host + ", --registry-config FILE");
}

Fallible<Secret> Registry::fetch_token(const AuthChallenge& challenge) {
  const auto parameter = [&](const std::string& name) {
    const auto found = challenge.parameters.find(name);
    return found == challenge.parameters.end() ? std::string() : found->second;
  };
  const auto realm = parse_web_url(parameter("realm"));
  if (!realm) return fail(realm.error(), base() + ": its token server");
  if (place_.scheme == "https" && realm->scheme != "https") {
    return fail(base() + ": its token server speaks plain http, " + shown_url(parameter("realm")));
  }
  auto url = parameter("realm");
  url += url.find('?') == std::string::npos ? "?" : "&";
  url += "service=" + percent(parameter("service")) +
         "&scope=" + percent("repository:" + place_.repository + ":pull");
  WebRequest request{.url = url, .is_led = true, .may_be_near = is_near_};
  if (login_ && !login_->user.empty()) request.authorization = login_->basic();
  std::string body;
  const auto answer = web_get(options_.web, request, kMaxTokenOctets, body);
  if (!answer) return std::unexpected(answer.error().error);
  if (answer->head.status != 200) return std::unexpected(refusal(url, *answer));
  const auto token = parse_token(body);
  if (!token) return fail(token.error(), shown_url(url));
  return Secret("Bearer " + token->reveal());
}

// A token may have ended since ping(), or may not hold for this repository: once more, then.
Fallible<std::string> Registry::fetch_document(const std::string& name,
                                               const std::optional<Sha256>& digest) {
  const auto url = base() + place_.repository + "/manifests/" + name;
  for (bool again : {true, false}) {
    std::string body;
    const WebRequest request{
        .url = url, .headers = {{"Accept", accepted_manifests()}}, .authorization = authorization_};
    const auto answer = web_get(options_.web, request, kMaxOciDocumentOctets, body);
    if (!answer) return std::unexpected(answer.error().error);
    if (answer->head.status == 401 && again) {
      auto good = answer_challenge(answer->head);
      if (!good) return std::unexpected(good.error());
      continue;
    }
    if (answer->head.status != 200) return std::unexpected(refusal(url, *answer));
    const auto found = Sha256::of(body);
    if (digest && found != *digest) {
      return fail(url + ": SHA-256 of the manifest is " + found.text() + ", expected " +
                  digest->text());
    }
    return body;
  }
  return fail(url + ": the registry wants another login");
}

Fallible<PulledManifest> Registry::manifest() {
  // Where both are given the tag must lead to the digest, or somebody is told a wrong name.
  const auto name = reference_.tag.empty() ? "sha256:" + reference_.digest->text() : reference_.tag;
  auto text = fetch_document(name, reference_.digest);
  if (!text) return std::unexpected(text.error());
  const auto digest = Sha256::of(*text);
  auto document = parse_oci_document(*text);
  if (!document) return fail(document.error(), reference_.text());
  if (const auto* index = std::get_if<OciIndex>(&*document)) {
    const auto chosen = choose_manifest(*index);
    if (!chosen) return fail(chosen.error(), reference_.text());
    text = fetch_document("sha256:" + chosen->digest.text(), chosen->digest);
    if (!text) return std::unexpected(text.error());
    document = parse_oci_document(*text);
    if (!document) return fail(document.error(), reference_.text());
  }
  auto* manifest = std::get_if<OciManifest>(&*document);
  if (manifest == nullptr) return fail(reference_.text() + ": an index within an index");
  return PulledManifest{std::move(*manifest), digest};
}

Fallible<Downloaded> Registry::blob(const OciDescriptor& blob, const std::string& name) {
  const auto digest = "sha256:" + blob.digest.text();
  DownloadRequest request{
      .source = {.url = base() + place_.repository + "/blobs/" + digest,
                 .authorization = authorization_},
      .folder = options_.folder,
      .key = digest + "/" + name,  // the same blob is the same file, whoever serves it
      .sha256 = blob.digest,
      .octets = blob.octets,
      .renew = [this]() -> Fallible<Secret> {
        auto good = ping();
        if (!good) return std::unexpected(good.error());
        return authorization_;
      },
      .progress = [&](std::uint64_t done,
                      std::uint64_t) { return options_.progress(name, done, blob.octets); }};
  return download(options_.web, request);
}

}  // namespace slipway::images
