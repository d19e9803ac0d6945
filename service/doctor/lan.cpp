#include "service/doctor/lan.hpp"

#include <poll.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "dhcp/probe.hpp"

namespace slipway::service {
namespace {

using dhcp::Overheard;
using Kind = Overheard::Kind;
using Level = Finding::Level;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// What arrives on `ear` until then and answers `client`.
void collect(const dhcp::Ear& ear, const Mac& client, Clock::time_point until,
             std::vector<Overheard>& answers) {
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
    if (left <= milliseconds(0)) return;
    pollfd waiting{.fd = ear.descriptor(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) continue;
    std::optional<Overheard> heard;
    const auto got = dhcp::listen(ear.descriptor(), heard);
    const bool is_new =
        heard && heard->client == client && std::ranges::find(answers, *heard) == answers.end();
    if (got == Receive::datagram && is_new) answers.push_back(*heard);
  }
}

std::string text_of(const Overheard& server) {
  return server.ip.text() + " (" + server.mac.text() + ")";
}

Finding about_proxy(const Interface& interface, const Overheard& server) {
  return {Level::error, "another-proxy",
          "another boot server, " + text_of(server) + ", answers on " + interface.name,
          "switch it off, or keep it from this network: hosts boot from whichever they hear first"};
}

Finding about_lease(const Interface& interface, const Overheard& server) {
  const auto who = "the DHCP server " + text_of(server) + " on " + interface.name;
  if (server.kind == Kind::pxe_lease) {
    return {Level::error, "dhcp-option-60", who + " sets option 60 itself",
            "remove that option there: UEFI firmware asks that server on port 4011 and gives up"};
  }
  if (server.names_file) {
    return {Level::warning, "dhcp-boot-file", who + " names a boot file in its leases",
            "remove it there: shim and GRUB prefer it to ours"};
  }
  const bool third = !server.next_server.is_zero() && server.next_server != server.ip &&
                     server.next_server != interface.address;
  if (third) {
    return {Level::warning, "dhcp-next-server",
            who + " names " + server.next_server.text() + " as the next server (siaddr)",
            "remove it there, or name " + interface.address.text() +
                ": GRUB 2.06 (Debian 12) loads from that machine"};
  }
  const bool itself = server.next_server == server.ip;
  return {
      Level::ok, "dhcp-server",
      who + " leases addresses and leaves booting to others" +
          (itself
               ? "; GRUB 2.06 would load from it (siaddr), which iPXE, GRUB 2.12 and a UKI do not"
               : ""),
      ""};
}

Finding about_rival(const Interface& interface, const Overheard& server) {
  return {Level::error, "another-dhcp-server",
          "another DHCP server, " + text_of(server) + ", answers on " + interface.name,
          "switch it off, or say `dhcp: {mode: proxy}`: no lease is given beside it"};
}

Findings judge_leases(const Interface& interface, const std::map<Ipv4, Overheard>& servers) {
  Findings findings;
  for (const auto& [ip, server] : servers) findings.push_back(about_rival(interface, server));
  if (servers.empty()) {
    findings.push_back(
        {Level::ok, "dhcp-server",
         "no other DHCP server answers on " + interface.name + ", so leases can be given", ""});
  }
  return findings;
}

}  // namespace

Fallible<std::vector<Overheard>> ask_lan(const Interface& interface, milliseconds listen) {
  const auto ear = dhcp::Ear::open(interface.name);
  if (!ear) return std::unexpected(ear.error());
  const auto question = dhcp::new_question(dhcp::Question::As::firmware);
  std::vector<Overheard> answers;
  const auto began = Clock::now();
  // A switch port that learns the MAC, or a server that pings the address first, may eat the first.
  for (const auto until : {listen / 2, listen}) {
    const auto sent = dhcp::ask(interface.name, question);
    if (!sent) return std::unexpected(sent.error());
    collect(*ear, question.mac, began + until, answers);
  }
  return answers;
}

Findings judge_lan(const Interface& interface, std::span<const Overheard> answers, bool leases) {
  Findings findings;
  std::map<Ipv4, Overheard> lease_servers, proxies;
  for (const auto& answer : answers) {
    if (answer.ip == interface.address || answer.kind == Kind::choice) continue;
    (answer.kind == Kind::proxy ? proxies : lease_servers).try_emplace(answer.ip, answer);
  }
  for (const auto& [ip, server] : proxies) findings.push_back(about_proxy(interface, server));
  if (leases) {
    std::ranges::move(judge_leases(interface, lease_servers), std::back_inserter(findings));
    return findings;
  }
  for (const auto& [ip, server] : lease_servers) findings.push_back(about_lease(interface, server));
  if (lease_servers.empty()) {
    findings.push_back({Level::error, "no-dhcp-server",
                        "no DHCP server gave an address on " + interface.name,
                        "look whether one runs there and has addresses left: hosts get none from "
                        "the boot server"});
  }
  if (lease_servers.size() > 1) {
    findings.push_back(
        {Level::warning, "several-dhcp-servers",
         std::to_string(lease_servers.size()) + " DHCP servers answer on " + interface.name,
         "make sure that they know of each other: two that do not give one address "
         "twice"});
  }
  return findings;
}

}  // namespace slipway::service
