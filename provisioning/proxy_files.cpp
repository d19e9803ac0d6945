// The proxy of a site in the words of those who read it: apt, systemd's services, systemd's user
// sessions, login shells.
#include "provisioning/render.hpp"

namespace slipway::provisioning {
namespace {

std::string replaced(std::string_view text, char what, std::string_view with) {
  std::string out;
  for (const char c : text) {
    if (c == what) {
      out += with;
    } else {
      out += c;
    }
  }
  return out;
}

std::string clear(const Value& value) {
  const auto* text = value.revealed();
  return text != nullptr ? *text : "";
}

// The variables that programs look for, each in both cases, as no two programs agree.
std::vector<std::pair<std::string, std::string>> variables(const Proxies& proxies) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto add = [&out](const std::string& lower, const std::string& upper, const Value& value) {
    if (value.is_null()) return;
    out.emplace_back(lower, clear(value));
    out.emplace_back(upper, clear(value));
  };
  add("http_proxy", "HTTP_PROXY", proxies.http);
  add("https_proxy", "HTTPS_PROXY", proxies.https);
  add("no_proxy", "NO_PROXY", proxies.no_proxy);
  return out;
}

std::string apt_conf(const Proxies& proxies) {
  std::string out;
  if (!proxies.http.is_null()) out += "Acquire::http::Proxy \"" + clear(proxies.http) + "\";\n";
  if (!proxies.https.is_null()) out += "Acquire::https::Proxy \"" + clear(proxies.https) + "\";\n";
  return out;
}

// environment.d(5) expands `$`; quotes keep the rest as it stands.
std::string environment(const Proxies& proxies) {
  std::string out;
  for (const auto& [name, value] : variables(proxies)) {
    out += name + "=\"" + replaced(replaced(value, '\\', "\\\\"), '$', "\\$") + "\"\n";
  }
  return out;
}

// systemd-system.conf(5) expands `%` in DefaultEnvironment.
std::string manager_conf(const Proxies& proxies) {
  std::string out = "[Manager]\nDefaultEnvironment=";
  std::string separator;
  for (const auto& [name, value] : variables(proxies)) {
    out.append(separator).append("\"").append(name).append("=");
    out.append(replaced(replaced(value, '\\', "\\\\"), '%', "%%")).append("\"");
    separator = " ";
  }
  return out + "\n";
}

std::string profile_script(const Proxies& proxies) {
  std::string out;
  for (const auto& [name, value] : variables(proxies)) {
    out += "export " + name + "='" + replaced(value, '\'', "'\\''") + "'\n";
  }
  return out;
}

}  // namespace

List proxy_files(const Proxies& proxies) {
  if (!proxies.any()) return {};
  const bool secret = std::holds_alternative<Secret>(proxies.http.data) ||
                      std::holds_alternative<Secret>(proxies.https.data);
  const auto file = [secret](std::string path, std::string content) {
    Value text = make_text(content);
    if (secret) text.data = Secret(std::move(content));
    return make_map({{"path", make_text(std::move(path))},
                     {"content", std::move(text)},
                     {"permissions", make_text("0644")}});
  };
  return {
      file("/etc/apt/apt.conf.d/90-slipway-proxy", apt_conf(proxies)),
      file("/etc/environment.d/90-slipway-proxy.conf", environment(proxies)),
      file("/etc/systemd/system.conf.d/90-slipway-proxy.conf", manager_conf(proxies)),
      file("/etc/profile.d/90-slipway-proxy.sh", profile_script(proxies)),
  };
}

}  // namespace slipway::provisioning
