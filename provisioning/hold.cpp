#include "provisioning/hold.hpp"

#include <boost/json.hpp>

namespace slipway::provisioning {
namespace {

namespace json = boost::json;

std::string not_assigned(const Host& host) {
  const auto& name = host.shown_name();
  if (!host.detail.empty()) {
    return "Not assigned: " + host.detail + "; then slipway host arm " + name + ".";
  }
  return "Not assigned. Assign and arm it on the server: slipway host assign " + name +
         " --profile PROFILE --site SITE; slipway host arm " + name + ".";
}

}  // namespace

std::string reason_to_wait(const Host& host) {
  const auto& name = host.shown_name();
  switch (host.state) {
    case HostState::discovered: return not_assigned(host);
    case HostState::assigned:
      return "Assigned, but not armed. Arm it on the server: slipway host arm " + name + ".";
    case HostState::armed:
      return host.detail.empty() ? "Armed; its plan comes in a moment."
                                 : "Armed, but it cannot be served: " + host.detail + ".";
    case HostState::failed:
      return "Failed: " + host.reason + (host.detail.empty() ? "" : ": " + host.detail) +
             " Try again from the server: slipway host retry " + name + ".";
    case HostState::booting:
    case HostState::installing: return "Another boot of this host is at work.";
    case HostState::installed:
      return "Installed already. To write it again, arm it on the server: slipway host arm " +
             name + ".";
    case HostState::ignored: return "Ignored by order of a person.";
  }
  return {};
}

Hold hold_of(const Host& host) {
  json::object document{{"action", host.rescue ? "shell" : "wait"},
                        {"name", host.name},
                        {"state", json::string(name_of(host.state))},
                        {"text", reason_to_wait(host)}};
  if (host.rescue) {
    document["by"] = host.rescue->who;
    document["since"] = host.rescue->since_ms;
  }
  Hold hold{.json = json::serialize(document)};
  hold.tag = Sha256::of(hold.json).text().substr(0, 8);
  return hold;
}

}  // namespace slipway::provisioning
