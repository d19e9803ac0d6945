#include "provisioning/gate.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "provisioning/boot_program.hpp"
#include "provisioning/recipe.hpp"
#include "provisioning/said_text.hpp"
#include "provisioning/tokens.hpp"

namespace slipway::provisioning {
namespace {

using namespace std::chrono_literals;

constexpr auto kRecent = 10min;
// iPXE may lose the answer and ask again; later than this it is a new boot.
constexpr auto kSameAttempt = 60s;

bool may_repeat(const Host& host, const Mac& mac, Script script, TimePoint now) {
  const auto* session = host.session();
  if (session == nullptr || session->ended || session->used || session->token.empty()) return false;
  if (session->mac != mac) return false;
  if (session->attempt == 0) return script == Script::wait;
  return session->attempt == live_attempt(host) && now - session->issued < kSameAttempt;
}

}  // namespace

std::string_view Gate::boot_file(const dhcp::Client& client, Ipv4 server) {
  const auto now = ledger_.now().steady;
  auto* host = ledger_.hosts().find({.mac = client.mac, .uuid = client.uuid, .serial = {}});
  if (host == nullptr && ledger_.hosts().is_shared(client.mac)) {
    if (!may_be_a_host(client.mac, now)) return {};
    note_dhcp(nullptr, client, now);
    return loader_for(client, server);
  }
  std::optional<HostView> view;
  if (host != nullptr) view = view_of(*host, now);
  if (!decide(view, ledger_.config().unknown_hosts).answer_dhcp) return {};
  if (host == nullptr) host = ledger_.discover(client.mac, client.uuid);
  note_dhcp(host, client, now);
  const auto file = loader_for(client, server);
  if (host != nullptr) note_boot(*host, client, file, now);
  return file;
}

// Which of its hosts asks through a shared NIC only shows when the script is asked for, with UUID
// and serial number; until then it is answered like the one of them that may boot.
bool Gate::may_be_a_host(const Mac& shared, TimePoint now) const {
  const auto unknown_hosts = ledger_.config().unknown_hosts;
  if (unknown_hosts == UnknownHosts::discover) return true;
  return std::ranges::any_of(ledger_.inventory()->sharers(shared), [&](const HostEntry* entry) {
    const auto* host = ledger_.hosts().by_name(entry->name);
    return host != nullptr && decide(view_of(*host, now), unknown_hosts).answer_dhcp;
  });
}

void Gate::note_dhcp(Host* host, const dhcp::Client& client, TimePoint now) {
  if (!client.address.is_zero()) addresses_.see(client.address, now);
  if (host == nullptr || ledger_.hosts().by_mac(client.mac) != host) {
    strangers_.see(client.mac, now);
  }
  if (host == nullptr) return;
  host->dhcp_seen = now;
}

std::string_view Gate::loader_for(const dhcp::Client& client, Ipv4 server) {
  if (script_url_.empty() || url_server_ != server) {
    const ServerAddress here{.address = server, .port = ledger_.config().boot_http_port};
    url_server_ = server;
    script_url_ = here.url() + "/boot.ipxe";
    loaders_url_ = here.url() + "/loader/";
  }
  if (client.ipxe_can_boot) return script_url_;
  const auto file = file_of(program_for(client), client.arch);
  // An iPXE that lacks what we need gets one with drivers of its own: undionly.kpxe would drive
  // the card through the very ROM that is to be replaced.
  if (client.ipxe && file == file_of("undionly", dhcp::Arch::bios)) {
    return file_of("ipxe", dhcp::Arch::bios);
  }
  if (client.arch != dhcp::Arch::http_x64) return file;
  return loader_url_.assign(loaders_url_).append(file);
}

std::string_view Gate::program_for(const dhcp::Client& client) {
  const auto* entry = entry_of(client);
  if (entry != nullptr && fits(entry->boot_program, client.arch)) return entry->boot_program;
  const auto& programs = ledger_.config().boot_programs;
  switch (client.arch) {
    case dhcp::Arch::bios: return programs.bios;
    case dhcp::Arch::uefi_x64: return programs.uefi;
    case dhcp::Arch::http_x64: return programs.uefi_http;
  }
  return {};
}

const HostEntry* Gate::entry_of(const dhcp::Client& client) {
  const auto* host = ledger_.hosts().find({.mac = client.mac, .uuid = client.uuid, .serial = {}});
  const bool listed = host != nullptr && host->in_inventory;
  return listed ? ledger_.inventory()->host(host->name) : nullptr;
}

dhcp::OfferStyle Gate::offer_style(const dhcp::Client& client) {
  const auto* entry = entry_of(client);
  const auto style = entry != nullptr && entry->offer ? *entry->offer : ledger_.config().offer;
  const bool no_lease = style == dhcp::OfferStyle::leased &&
                        ledger_.config().dhcp_mode == DhcpMode::proxy;  // check_bench() says so
  return no_lease ? dhcp::OfferStyle::automatic : style;
}

bool Gate::may_ask(Ipv4 peer) {
  const auto mac = ledger_.neighbour(peer);
  if (!was_answered(peer, mac)) return false;
  if (mac) fetched_.see(*mac, ledger_.now().steady);
  return true;
}

bool Gate::was_answered(Ipv4 peer, const std::optional<Mac>& mac) {
  const auto& allowed = ledger_.config().tftp_allow;
  if (std::ranges::any_of(allowed, [&](const Cidr& net) { return net.contains(peer); }))
    return true;
  const auto since = ledger_.now().steady - kRecent;
  if (addresses_.seen_since(peer, since)) return true;
  if (!mac) return false;
  const auto* host = ledger_.hosts().by_mac(*mac);
  if (host != nullptr && host->dhcp_seen && *host->dhcp_seen >= since) return true;
  return strangers_.seen_since(*mac, since);
}

Host* Gate::host_at(Ipv4 peer) {
  // A shared NIC does not say which of its hosts it is in just now; who asked for the script does.
  const auto mac = ledger_.neighbour(peer);
  if (mac && !ledger_.hosts().is_shared(*mac)) return ledger_.hosts().by_mac(*mac);
  Host* found = nullptr;
  ledger_.hosts().each([&](Host& host) {
    const auto* session = host.session();
    if (session != nullptr && !session->ended && session->script_peer == peer) found = &host;
  });
  return found;
}

bool Gate::may_install(const Host& host) {
  if (live_attempt(host) != 0) return true;
  const auto view = view_of(host, ledger_.now().steady);
  return decide(view, ledger_.config().unknown_hosts).script == Script::install;
}

bool Gate::expects(Ipv4 peer) {
  const auto mac = ledger_.neighbour(peer);
  if (mac && !ledger_.hosts().is_shared(*mac)) {
    const auto* host = ledger_.hosts().by_mac(*mac);
    return host != nullptr && may_install(*host);
  }
  // Behind a router, or through a shared NIC: by who asked for a script. Found anew once a second,
  // because a crowd asks thousands of times.
  const auto now = ledger_.now().steady;
  if (now - expected_found_ >= 1s) {
    expected_found_ = now;
    expected_.clear();
    ledger_.hosts().each([&](const Host& host) {
      const auto* session = host.session();
      if (session != nullptr && !session->ended && may_install(host)) {
        expected_.insert(session->script_peer);
      }
    });
  }
  return expected_.contains(peer);
}

void Gate::note_installer_file(Ipv4 peer, const std::string& name) {
  auto* host = host_at(peer);
  if (host == nullptr) return;
  host->kernel_asked = true;
  host->contact = ledger_.now().steady;
  ledger_.reach(*host, Milestone::kernel);
  if (is_root_file_system(name)) {
    // It may be read in many ranges; the timeline shows the first.
    if (std::exchange(host->rootfs_asked, true)) return;
  }
  ledger_.note(*host, "host.artifact_asked", "asked for " + name);
}

bool Gate::is_impostor(const BootRequest& request) {
  const auto seen = ledger_.neighbour(request.peer);
  if (!seen || *seen == request.mac) return false;
  const auto text = "a boot script for " + request.mac.text() + " was asked from " +
                    request.peer.text() + ", which is " + seen->text() + "; refused";
  if (const auto* host = ledger_.hosts().by_mac(request.mac)) {
    ledger_.alarm(*host, "host.impostor_refused", text);
  } else if (impostor_lines_.allow(1, ledger_.now().steady)) {
    log::warn("host.impostor_refused", {{"mac", seen->text()}, {"text", text}});
  }
  return true;
}

Host* Gate::known_or_discovered(const BootRequest& request) {
  const auto serial = usable_serial(request.serial);
  const Identity who{.mac = request.mac, .uuid = request.uuid, .serial = serial};
  if (auto* host = ledger_.hosts().find(who)) return host;
  // A record by this MAC would be found by whoever has the NIC next.
  if (ledger_.hosts().is_shared(request.mac)) {
    if (shared_nic_lines_.allow(1, ledger_.now().steady)) {
      log::warn("host.shared_nic_unknown", {{"mac", request.mac.text()}, {"serial", serial}});
    }
    return nullptr;
  }
  if (ledger_.config().unknown_hosts == UnknownHosts::ignore) return nullptr;
  return ledger_.discover(request.mac, request.uuid);
}

// The client's word fills gaps; it never replaces what is known.
void Gate::learn(Host& host, const BootRequest& request) {
  const auto fill = [&host](std::string& known, std::string said) {
    if (!known.empty() || said.empty()) return;
    known = std::move(said);
    host.learnt = true;
  };
  fill(host.serial, usable_serial(said_text(request.serial)));
  fill(host.manufacturer, said_text(request.manufacturer));
  fill(host.product, said_text(request.product));
  if (!host.uuid && request.uuid) {
    host.uuid = request.uuid;
    host.learnt = true;
  }
  if (ledger_.hosts().by_mac(request.mac) == nullptr) {
    host.learnt = ledger_.hosts().learn_mac(host, request.mac) || host.learnt;
  }
  host.seen_ms = ledger_.now().unix_ms;
}

void Gate::ask_script(BootRequest request, Reply reply) {
  if (is_impostor(request)) return reply({.kind = BootAnswer::Kind::refused});
  auto* host = known_or_discovered(request);
  if (host == nullptr) return reply({.kind = BootAnswer::Kind::local_disk});
  learn(*host, request);
  Asked asked{.request = std::move(request), .reply = std::move(reply)};
  ledger_.when_free(
      *host, [this, host, asked = std::move(asked)]() mutable { answer(*host, std::move(asked)); });
}

BootAnswer Gate::preview_script(const BootRequest& request) {
  if (is_impostor(request)) return {.kind = BootAnswer::Kind::refused};
  const auto serial = usable_serial(request.serial);
  const auto* host =
      ledger_.hosts().find({.mac = request.mac, .uuid = request.uuid, .serial = serial});
  const bool is_shared = host == nullptr && ledger_.hosts().is_shared(request.mac);
  const auto now = ledger_.now().steady;
  std::optional<HostView> view;
  if (host != nullptr) view = view_of(*host, now);
  const auto script = decide(view, ledger_.config().unknown_hosts).script;
  const bool repeats = host != nullptr && may_repeat(*host, request.mac, script, now);
  const bool stays_away = script == Script::local_disk && !repeats;
  if (is_shared || stays_away || (host != nullptr && is_back(*host))) {
    return {.kind = BootAnswer::Kind::local_disk};
  }
  const bool install = script == Script::install || (repeats && host->session()->attempt != 0);
  auto answer = answer_for(host, install);
  if (!answer) {
    return {.kind = install ? BootAnswer::Kind::not_now : BootAnswer::Kind::local_disk};
  }
  if (request.from_stick && answer->kind == BootAnswer::Kind::third_party) {
    return {.kind = BootAnswer::Kind::local_disk};
  }
  answer->mac = request.mac;
  answer->token = Secret(std::string(new_token().size(), '0'));
  return *std::move(answer);
}

void Gate::answer(Host& host, Asked asked) {
  const auto now = ledger_.now().steady;
  const auto mac = asked.request.mac;
  const auto script = decide(view_of(host, now), ledger_.config().unknown_hosts).script;
  const bool repeats = may_repeat(host, mac, script, now);
  if (is_back(host)) return answer_back(host, std::move(asked));
  if (script == Script::local_disk && !repeats) return answer_local_disk(host, std::move(asked));
  const bool install = script == Script::install || (repeats && host.session()->attempt != 0);
  // From a stick our own agent asks, and waits until there is something for it.
  const bool boots_other = install && third_party_profile(host, *ledger_.inventory()) != nullptr;
  if (boots_other && asked.request.from_stick) {
    return asked.reply({.kind = BootAnswer::Kind::local_disk});
  }
  auto answer = answer_for(&host, install);
  if (!answer) {
    ledger_.alarm(host, "host.installer_missing", answer.error().text());
    // Only an armed host is worth a second try; any other gets on with its life.
    if (!install) ledger_.journey().boot_of(host.id).sent_home = true;
    return asked.reply(
        {.kind = install ? BootAnswer::Kind::not_now : BootAnswer::Kind::local_disk});
  }
  answer->mac = mac;
  if (repeats) {
    host.contact = now;
    ledger_.reach(host, Milestone::script);
    answer->token = host.session()->token;
    return asked.reply(*answer);
  }
  answer_installer(host, std::move(asked), install, std::move(*answer));
}

// Our own files, or of the installer that the profile names; `host` may be null unless `install`.
Fallible<BootAnswer> Gate::answer_for(const Host* host, bool install) {
  const auto* profile = install ? third_party_profile(*host, *ledger_.inventory()) : nullptr;
  if (profile == nullptr) {
    const auto installer = artifacts_.installer();
    if (!installer) return std::unexpected(installer.error());
    return BootAnswer{.kind = BootAnswer::Kind::agent, .installer = *installer};
  }
  if (digest_of(*profile) != host->arming->profile_digest) {
    return fail("profile " + profile->id() +
                " is not what the host was armed with; arm the host again");
  }
  auto set = artifacts_.find_installer(profile->image);
  if (!set) return std::unexpected(set.error());
  BootAnswer answer{.kind = BootAnswer::Kind::third_party};
  answer.other =
      std::make_shared<const ThirdPartyInstaller>(third_party_installer(*profile, std::move(*set)));
  return answer;
}

// Of some installers the only sign that they are through: the host has its config and boots again.
bool Gate::is_back(const Host& host) const {
  if (host.state != HostState::installing || !host.config_given) return false;
  const auto* profile = third_party_profile(host, *ledger_.inventory());
  return profile != nullptr && ending_of(profile->installer) != Ending::reports;
}

void Gate::answer_back(Host& host, Asked asked) {
  const auto* profile = third_party_profile(host, *ledger_.inventory());
  if (ending_of(profile->installer) == Ending::reports_from_disk) {
    ledger_.journey().boot_of(host.id).sent_home = true;
    ledger_.note(host, "host.local_disk", "was told to start its disk, from which it will report");
    return asked.reply({.kind = BootAnswer::Kind::local_disk});
  }
  const std::string text = "its installer does not report; it booted again after it had its config";
  auto move = end_attempt(host, ended_silently(), ledger_.cause("host", text), ledger_.now());
  ledger_.commit(
      host, std::move(move),
      [this, &host, text, reply = std::move(asked.reply)](const Fallible<void>& result) mutable {
        if (!result) return reply({.kind = BootAnswer::Kind::not_now});
        ledger_.reach(host, Milestone::installed);
        ledger_.note(host, "host.installed", "taken as installed: " + text);
        reply({.kind = BootAnswer::Kind::local_disk});
      });
}

void Gate::answer_local_disk(Host& host, Asked asked) {
  const auto done = [](Reply& reply) { reply({.kind = BootAnswer::Kind::local_disk}); };
  ledger_.journey().boot_of(host.id).sent_home = true;
  // A stick that was left in its host asks every minute.
  if (!asked.request.from_stick) {
    ledger_.note(host, "host.local_disk", "was told to start its disk");
  }
  if (live_attempt(host) == 0) return done(asked.reply);
  // It started anew although the attempt was its last one: nobody works on it any more.
  AttemptEnd end{.to = HostState::failed, .reason = "restarted"};
  end.detail = "The host restarted during its last attempt; arm it again after a look at it";
  end.end_session = true;
  auto move = end_attempt(host, end, ledger_.cause("host", "restarted"), ledger_.now());
  ledger_.commit(host, std::move(move),
                 [reply = std::move(asked.reply), done](const Fallible<void>& result) mutable {
                   if (!result) return reply({.kind = BootAnswer::Kind::not_now});
                   done(reply);
                 });
}

void Gate::answer_installer(Host& host, Asked asked, bool install, BootAnswer answer) {
  const auto now = ledger_.now();
  const Secret token(new_token());
  BootSession session{.id = ledger_.next_session(), .token_hash = Sha256::of(token.reveal())};
  session.mac = answer.mac;
  session.token = token;
  session.script_peer = asked.request.peer;
  session.issued = now.steady;
  answer.token = token;
  if (install) session.attempt = ledger_.next_attempt();
  auto move = install ? begin_attempt(host, std::move(session),
                                      ledger_.cause("host", "asked for its boot script"), now)
                      : begin_wait(host, std::move(session), now);
  ledger_.commit(
      host, std::move(move),
      [this, &host, install, answer = std::move(answer), from_stick = asked.request.from_stick,
       reply = std::move(asked.reply)](const Fallible<void>& result) mutable {
        if (!result) return reply({.kind = BootAnswer::Kind::not_now});
        if (from_stick) {
          host.kernel_asked = true;  // it runs: what is waited for is the agent's session
          ledger_.note(host, "host.stick_started", "runs already, asked for its token");
        }
        ledger_.reach(host, Milestone::script);
        ledger_.journey().boot_of(host.id).by_others = answer.other != nullptr;
        const auto what = answer.other ? answer.other->set.name : std::string("the installer");
        ledger_.note(host, "host.script_sent",
                     install ? "boots " + what + ", attempt " + std::to_string(host.attempt)
                             : std::string("boots the installer, to wait"));
        reply(answer);
      });
}

}  // namespace slipway::provisioning
