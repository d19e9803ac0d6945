#include "images/import/proxy.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

#include "base/net.hpp"

namespace slipway::images {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  });
  return result;
}

bool matches(std::string_view entry, std::string_view host) {
  if (const auto network = Cidr::parse(entry)) {
    const auto address = Ipv4::parse(host);
    return address && network->contains(*address);
  }
  if (entry.starts_with('.')) entry.remove_prefix(1);
  if (entry.empty()) return false;
  return host == entry || host.ends_with("." + std::string(entry));
}

}  // namespace

ProxySettings ProxySettings::of_environment() {
  ProxySettings settings;
  for (const auto* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                           "no_proxy", "NO_PROXY"}) {
    const char* value = std::getenv(name);  // set once, by who started this program
    if (value != nullptr && *value != '\0') settings.variables.try_emplace(lower(name), value);
  }
  return settings;
}

std::optional<std::string> proxy_for(const ProxySettings& settings, std::string_view scheme,
                                     std::string_view host) {
  if (!settings.named.empty()) return settings.named;
  const auto variable = [&](const std::string& name) {
    const auto found = settings.variables.find(name);
    return found == settings.variables.end() ? std::string() : found->second;
  };
  if (is_excepted(variable("no_proxy"), host)) return std::nullopt;
  auto proxy = variable(std::string(scheme) + "_proxy");
  if (proxy.empty()) proxy = variable("all_proxy");
  if (proxy.empty()) return std::nullopt;
  return proxy;
}

bool is_excepted(std::string_view no_proxy, std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.ends_with('.')) host.remove_suffix(1);
  const auto wanted = lower(host);
  if (no_proxy == "*") return true;
  while (!no_proxy.empty()) {
    const auto end = no_proxy.find_first_of(", \t");
    const auto entry = lower(no_proxy.substr(0, end));
    if (matches(entry, wanted)) return true;
    if (end == std::string_view::npos) break;
    no_proxy.remove_prefix(end + 1);
  }
  return false;
}

}  // namespace slipway::images
