// images/import/proxy.hpp -- through which proxy a URL is fetched, by curl's rules of the
// environment.
//
// We decide it, not libcurl, because the check of addresses has to know whether a connection leads
// to the source or to a proxy.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::images {

struct ProxySettings {
  std::string named;  // --proxy: for every URL; empty: the environment decides
  // Of the environment: http_proxy (lower case only: HTTP_PROXY may come from a request's header),
  // https_proxy, all_proxy, no_proxy (either case).
  std::map<std::string, std::string> variables;

  [[nodiscard]] static ProxySettings of_environment();
};

// The proxy's URL for `scheme` ("http", "https") and `host`, as in
// proxy_for(settings, "https", "depot.example"). nullopt: straight.
[[nodiscard]] std::optional<std::string> proxy_for(const ProxySettings& settings,
                                                   std::string_view scheme, std::string_view host);

// Whether `no_proxy` names `host`: `*`, a name or a domain with all below it, an address, or an
// IPv4 network in CIDR form; separated by commas or blanks.
[[nodiscard]] bool is_excepted(std::string_view no_proxy, std::string_view host);

}  // namespace slipway::images
