// images/import/web.hpp -- GET from servers that are not ours, by libcurl. RFC 9110, 9112, 9113.
//
// One request after the other, blocking, with a limit on silence and a least rate. Redirects are
// followed here and not by libcurl: http and https only, at most five, never from https to http,
// and to an address of this machine or its link only when the operator named such a one first.
// The address is checked as it is connected to, so a name that changes its mind gains nothing.
// Names of hosts are resolved once a connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "images/import/proxy.hpp"

namespace slipway::images {

struct WebHeader {
  std::string name, value;
};

struct WebOptions {
  ProxySettings proxies = ProxySettings::of_environment();
  std::filesystem::path ca_file;          // PEM, trusted besides the system's; empty: none
  std::chrono::seconds patience{30};      // to connect, and below `min_rate_octets`
  std::uint64_t min_rate_octets = 1'024;  // a second, over `patience`
};

struct WebRequest {
  std::string url;  // http:// or https://, without user and password
  std::vector<WebHeader> headers = {};
  Secret authorization = {};  // the header's value; sent to the named origin alone
  // The URL came from a server and not from an operator: the rules of redirects hold for it.
  bool is_led = false;
  bool may_be_near = false;  // what led here was this machine or its link itself
};

struct WebHead {
  int status = 0;
  std::string url;  // that answered, behind the redirects
  std::vector<WebHeader> headers;
  // The end of the body can be told from a connection that broke off.
  bool has_end = false;

  // The first header `name`, whatever its case; nullopt when there is none.
  [[nodiscard]] std::optional<std::string> find(std::string_view name) const;
  // Content-Length.
  [[nodiscard]] std::optional<std::uint64_t> octets() const;
};

struct WebAnswer {
  WebHead head;
  std::string refusal;   // of an answer other than 2xx: the first 4 KiB of its body
  bool is_near = false;  // the operator named this machine or its link
};

struct WebFailure {
  Error error;
  bool may_pass = false;  // another try may succeed
  bool no_tls = false;    // the other side does not speak TLS
};

// What takes an answer 2xx: its head once, then its body. An error ends the request.
struct WebSink {
  std::function<Fallible<void>(const WebHead&)> head;
  std::function<Fallible<void>(ByteView)> body;
};

// Any whole answer is a success, whatever its status. The error names the URL and a remedy.
[[nodiscard]] std::expected<WebAnswer, WebFailure> web_get(const WebOptions& options,
                                                           const WebRequest& request,
                                                           const WebSink& sink);

// A small document: at most `max_octets` of a 2xx answer's body go into `body`.
[[nodiscard]] std::expected<WebAnswer, WebFailure> web_get(const WebOptions& options,
                                                           const WebRequest& request,
                                                           std::size_t max_octets,
                                                           std::string& body);

struct WebUrl {
  std::string scheme, host,
      path;                // in lower case: "https", "depot.example"; as written: "/a/b.img"
  std::uint16_t port = 0;  // named, or the scheme's own
};

// Fails for other schemes and for user names and passwords.
[[nodiscard]] Fallible<WebUrl> parse_web_url(const std::string& url);

// As messages show a URL: without its query, where keys are.
[[nodiscard]] std::string shown_url(std::string_view url);

}  // namespace slipway::images
