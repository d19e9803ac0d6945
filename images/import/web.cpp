#include "images/import/web.hpp"

#include <curl/curl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <utility>

#include "images/import/addresses.hpp"

namespace slipway::images {
namespace {

constexpr int kMaxRedirects = 5;
constexpr std::size_t kMaxRefusalOctets = 4'096;
constexpr long kReadOctets = 256L * 1024;

struct FreeHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
struct FreeText {
  void operator()(char* text) const { curl_free(text); }
};
using Handle = std::unique_ptr<CURL, FreeHandle>;
using List = std::unique_ptr<curl_slist, FreeList>;

// libcurl's tables are made once; what they hold lives as long as the process.
bool is_ready() {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return ready;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  const std::unique_ptr<char, FreeText> owned(text);
  return text;
}

// One request to one server: what its callbacks need.
struct Hop {
  const WebOptions* options = nullptr;
  const WebSink* sink = nullptr;
  CURL* handle = nullptr;
  bool is_redirected = false;
  bool is_proxied = false;
  bool origin_is_near = false;  // the operator named this machine or its link
  std::vector<IpAddress> own;

  WebAnswer answer;
  bool head_given = false;
  bool had_enough = false;         // of an answer that is no 2xx
  std::optional<Error> failure{};  // of the sink
  std::string refused;             // an address that was not connected to
};

bool is_success(int status) { return status >= 200 && status < 300; }

bool is_forbidden(const Hop& hop, const IpAddress& address) {
  return is_near(address) || std::ranges::find(hop.own, address) != hop.own.end();
}

curl_socket_t open_socket(void* user, curlsocktype, curl_sockaddr* to) {
  auto& hop = *static_cast<Hop*>(user);
  const auto address = IpAddress::of(&to->addr, to->addrlen);
  if (!hop.is_proxied && address && is_forbidden(hop, *address)) {
    if (!hop.is_redirected) hop.origin_is_near = true;
    if (!hop.origin_is_near) {
      hop.refused = address->text();
      return CURL_SOCKET_BAD;
    }
  }
  return ::socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

std::size_t take_header(char* data, std::size_t, std::size_t size, void* user) {
  auto& head = static_cast<Hop*>(user)->answer.head;
  std::string_view line(data, size);
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) head.headers.clear();  // another answer: 100 comes before 200
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  auto value = line.substr(colon + 1);
  while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
  while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
  head.headers.push_back({std::string(line.substr(0, colon)), std::string(value)});
  return size;
}

// Once the headers are whole.
void complete_head(Hop& hop) {
  auto& head = hop.answer.head;
  long status = 0;
  long version = 0;
  (void)curl_easy_getinfo(hop.handle, CURLINFO_RESPONSE_CODE, &status);  // of a valid handle
  (void)curl_easy_getinfo(hop.handle, CURLINFO_HTTP_VERSION, &version);
  head.status = static_cast<int>(status);
  const auto coding = head.find("Transfer-Encoding").value_or("");
  head.has_end = version >= CURL_HTTP_VERSION_2_0 || !coding.empty() || head.octets().has_value();
}

bool give_head(Hop& hop) {
  if (hop.head_given) return true;
  hop.head_given = true;
  complete_head(hop);
  if (!is_success(hop.answer.head.status)) return true;
  const auto good = hop.sink->head(hop.answer.head);
  if (!good) hop.failure = good.error();
  return good.has_value();
}

std::size_t take_body(char* data, std::size_t, std::size_t size, void* user) {
  auto& hop = *static_cast<Hop*>(user);
  constexpr std::size_t kStop = 0;
  if (!give_head(hop)) return kStop;
  if (is_success(hop.answer.head.status)) {
    const auto good = hop.sink->body(as_bytes({data, size}));
    if (!good) hop.failure = good.error();
    return good ? size : kStop;
  }
  auto& refusal = hop.answer.refusal;
  refusal.append(data, std::min(size, kMaxRefusalOctets - refusal.size()));
  hop.had_enough = refusal.size() == kMaxRefusalOctets;
  return hop.had_enough ? kStop : size;
}

List header_list(const WebRequest& request, bool with_authorization) {
  List list;
  const auto add = [&list](const std::string& line) {
    auto* longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    (void)list.release();  // it is the start of `longer`
    list.reset(longer);
  };
  for (const auto& [name, value] : request.headers) add(name + ": " + value);
  if (with_authorization) add("Authorization: " + request.authorization.reveal());
  return list;
}

template <class Value>
void set(CURL* handle, CURLoption option, Value value) {
  // Only options that this libcurl knows: it can fail for want of memory alone.
  if (curl_easy_setopt(handle, option, value) != CURLE_OK) throw std::bad_alloc();
}

void set_limits(CURL* handle, const WebOptions& options) {
  const auto seconds = static_cast<long>(options.patience.count());
  set(handle, CURLOPT_NOSIGNAL, 1L);
  set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  set(handle, CURLOPT_CONNECTTIMEOUT, seconds);
  set(handle, CURLOPT_LOW_SPEED_TIME, seconds);
  set(handle, CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(options.min_rate_octets));
  set(handle, CURLOPT_BUFFERSIZE, kReadOctets);
  set(handle, CURLOPT_USERAGENT, "slipway/" SLIPWAY_VERSION);
  set(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
}

void set_route(CURL* handle, const WebOptions& options, const std::optional<std::string>& proxy) {
  set(handle, CURLOPT_PROXY, proxy.value_or("").c_str());  // "": none, whatever the environment
  set(handle, CURLOPT_NOPROXY, "");
  set(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (options.ca_file.empty()) return;
  set(handle, CURLOPT_CAINFO, options.ca_file.c_str());
  set(handle, CURLOPT_PROXY_CAINFO, options.ca_file.c_str());
}

void set_callbacks(Hop& hop, char* error_text) {
  auto* handle = hop.handle;
  set(handle, CURLOPT_ERRORBUFFER, error_text);
  set(handle, CURLOPT_WRITEFUNCTION, &take_body);
  set(handle, CURLOPT_WRITEDATA, static_cast<void*>(&hop));
  set(handle, CURLOPT_HEADERFUNCTION, &take_header);
  set(handle, CURLOPT_HEADERDATA, static_cast<void*>(&hop));
  set(handle, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  set(handle, CURLOPT_OPENSOCKETDATA, static_cast<void*>(&hop));
}

std::string remedy(CURLcode code) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
      return "; if the server is yours, name its authority: --ca FILE";
    case CURLE_SSL_CACERT_BADFILE: return "; --ca takes a file of certificates in PEM";
    case CURLE_COULDNT_RESOLVE_PROXY:
      return "; the proxy is named by --proxy or by https_proxy, http_proxy, all_proxy";
    case CURLE_OPERATION_TIMEDOUT: return "; a slow source gets more time with --patience SECONDS";
    default: return {};
  }
}

bool may_pass(CURLcode code) {
  static constexpr std::array kPassing{CURLE_COULDNT_RESOLVE_PROXY,
                                       CURLE_COULDNT_RESOLVE_HOST,
                                       CURLE_COULDNT_CONNECT,
                                       CURLE_PARTIAL_FILE,
                                       CURLE_OPERATION_TIMEDOUT,
                                       CURLE_SSL_CONNECT_ERROR,
                                       CURLE_GOT_NOTHING,
                                       CURLE_SEND_ERROR,
                                       CURLE_RECV_ERROR,
                                       CURLE_HTTP2,
                                       CURLE_HTTP2_STREAM};
  return std::ranges::find(kPassing, code) != kPassing.end();
}

WebFailure failure_of(const Hop& hop, CURLcode code, const char* text) {
  const auto url = shown_url(hop.answer.head.url);
  if (hop.failure) return {hop.failure->within(url)};
  if (!hop.refused.empty()) {
    return {Error(url + ": a redirect leads to " + hop.refused +
                  ", an address of this machine or its link; name such a source yourself")};
  }
  long proxy_status = 0;
  (void)curl_easy_getinfo(hop.handle, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
  if (proxy_status >= 400) {
    return {Error(url + ": the proxy refused (" + std::to_string(proxy_status) + ")")};
  }
  const std::string said = *text != '\0' ? text : curl_easy_strerror(code);
  return {Error(url + ": " + said + remedy(code)), may_pass(code), code == CURLE_SSL_CONNECT_ERROR};
}

// One request, to the server that `hop.answer.head.url` names. Gives where a redirect leads, or
// nothing at the end of the way.
std::expected<std::optional<std::string>, WebFailure> perform(Hop& hop, const WebRequest& request,
                                                              bool with_authorization) {
  const auto url = parse_web_url(hop.answer.head.url);
  if (!url) return std::unexpected(WebFailure{url.error()});
  const auto proxy = proxy_for(hop.options->proxies, url->scheme, url->host);
  hop.is_proxied = proxy.has_value();
  if (hop.is_proxied && !hop.is_redirected) hop.origin_is_near = names_private_host(url->host);
  if (hop.is_proxied && hop.is_redirected && !hop.origin_is_near && names_private_host(url->host)) {
    hop.refused = url->host;
    return std::unexpected(failure_of(hop, CURLE_COULDNT_CONNECT, ""));
  }
  const Handle handle(is_ready() ? curl_easy_init() : nullptr);
  if (!handle) throw std::bad_alloc();
  hop.handle = handle.get();
  std::array<char, CURL_ERROR_SIZE> error_text{};
  const auto headers = header_list(request, with_authorization && !request.authorization.empty());
  set(hop.handle, CURLOPT_URL, hop.answer.head.url.c_str());
  set(hop.handle, CURLOPT_HTTPHEADER, headers.get());
  set_limits(hop.handle, *hop.options);
  set_route(hop.handle, *hop.options, proxy);
  set_callbacks(hop, error_text.data());

  const auto code = curl_easy_perform(hop.handle);
  if (code != CURLE_OK && !hop.had_enough) {
    return std::unexpected(failure_of(hop, code, error_text.data()));
  }
  if (!give_head(hop)) return std::unexpected(failure_of(hop, code, error_text.data()));
  char* next = nullptr;
  const auto status = hop.answer.head.status;
  (void)curl_easy_getinfo(hop.handle, CURLINFO_REDIRECT_URL, &next);
  if (status < 300 || status >= 400 || next == nullptr) return std::nullopt;
  return next;
}

bool is_same_origin(const WebUrl& a, const WebUrl& b) {
  return a.scheme == b.scheme && a.host == b.host && a.port == b.port;
}

Fallible<WebUrl> check_redirect(const std::string& from, const std::string& to) {
  const auto before = parse_web_url(from);
  auto after = parse_web_url(to);
  if (!before) return before;
  const auto where = shown_url(from) + ": redirects to " + shown_url(to);
  if (!after) return fail(after.error(), where);
  if (before->scheme == "https" && after->scheme == "http") {
    return fail(where + ", from https to http, which anybody on the way could have written");
  }
  return after;
}

}  // namespace

std::optional<std::string> WebHead::find(std::string_view name) const {
  const auto is_it = [&](const WebHeader& header) {
    return equal_ignoring_case(header.name, name);
  };
  const auto found = std::ranges::find_if(headers, is_it);
  if (found == headers.end()) return std::nullopt;
  return found->value;
}

std::optional<std::uint64_t> WebHead::octets() const {
  const auto text = find("Content-Length");
  if (!text) return std::nullopt;
  std::uint64_t octets = 0;
  const auto* end = text->data() + text->size();
  const auto [at, error] = std::from_chars(text->data(), end, octets);
  if (error != std::errc() || at != end) return std::nullopt;
  return octets;
}

std::expected<WebAnswer, WebFailure> web_get(const WebOptions& options, const WebRequest& request,
                                             const WebSink& sink) {
  const auto origin = parse_web_url(request.url);
  if (!origin) return std::unexpected(WebFailure{origin.error()});
  auto own = own_addresses();
  if (!own) return std::unexpected(WebFailure{own.error()});
  std::string url = request.url;
  bool origin_is_near = request.may_be_near;
  bool with_authorization = true;
  for (int redirects = 0; redirects <= kMaxRedirects; ++redirects) {
    Hop hop;
    hop.options = &options;
    hop.sink = &sink;
    hop.is_redirected = redirects > 0 || request.is_led;
    hop.origin_is_near = origin_is_near;
    hop.own = *own;
    hop.answer.head.url = url;
    const auto next = perform(hop, request, with_authorization);
    if (!next) return std::unexpected(next.error());
    hop.answer.is_near = hop.origin_is_near;
    if (!*next) return std::move(hop.answer);
    const auto target = check_redirect(url, **next);
    if (!target) return std::unexpected(WebFailure{target.error()});
    // An origin that was left is not trusted again, wherever the way leads afterwards.
    with_authorization = with_authorization && is_same_origin(*origin, *target);
    origin_is_near = hop.origin_is_near;
    url = **next;
  }
  return std::unexpected(WebFailure{Error(shown_url(request.url) + ": more than " +
                                          std::to_string(kMaxRedirects) + " redirects")});
}

std::expected<WebAnswer, WebFailure> web_get(const WebOptions& options, const WebRequest& request,
                                             std::size_t max_octets, std::string& body) {
  const WebSink sink{
      .head = [](const WebHead&) { return Fallible<void>{}; },
      .body = [&](ByteView octets) -> Fallible<void> {
        body += as_text(octets);
        if (body.size() <= max_octets) return {};
        return fail("the answer is larger than " + std::to_string(max_octets) + " octets");
      }};
  return web_get(options, request, sink);
}

Fallible<WebUrl> parse_web_url(const std::string& url) {
  const std::unique_ptr<CURLU, FreeUrl> parsed(curl_url());
  if (!parsed) throw std::bad_alloc();
  const auto shown = shown_url(url);
  const auto code = curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0);
  if (code != CURLUE_OK) return fail(shown + ": is no URL: " + curl_url_strerror(code));
  WebUrl found{.scheme = part_of(parsed.get(), CURLUPART_SCHEME),
               .host = part_of(parsed.get(), CURLUPART_HOST),
               .path = part_of(parsed.get(), CURLUPART_PATH)};
  if (found.scheme != "http" && found.scheme != "https") {
    return fail(shown + ": only http:// and https:// are fetched");
  }
  if (!part_of(parsed.get(), CURLUPART_USER).empty() ||
      !part_of(parsed.get(), CURLUPART_PASSWORD).empty()) {
    return fail(found.scheme + "://" + found.host +
                ": a URL with user name and password is not taken: it would stand in the list of "
                "processes");
  }
  std::ranges::transform(found.host, found.host.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  const auto port = part_of(parsed.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  (void)std::from_chars(port.data(), port.data() + port.size(), found.port);  // curl checked it
  return found;
}

std::string shown_url(std::string_view url) { return std::string(url.substr(0, url.find('?'))); }

}  // namespace slipway::images
