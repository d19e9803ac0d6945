// provisioning/gate.hpp -- THE middle: may this host boot, and into what?
//
// DHCP, TFTP and HTTP ask here, so all three go by one decision (decision.hpp). Reads memory
// only; what changes a host goes through the ledger and is on the disk before anyone is answered.
#pragma once

#include <deque>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/second_quota.hpp"
#include "base/secret.hpp"
#include "dhcp/policy.hpp"
#include "provisioning/artifacts.hpp"
#include "provisioning/bootscript.hpp"
#include "provisioning/decision.hpp"
#include "provisioning/ledger.hpp"
#include "provisioning/sightings.hpp"
#include "provisioning/third_party.hpp"

namespace slipway::provisioning {

// What a boot script request says; everything but `peer` is the client's word.
struct BootRequest {
  Mac mac{};
  std::optional<Uuid> uuid{};
  std::string serial{}, manufacturer{}, product{};
  Ipv4 peer{};
  bool from_stick = false;  // our agent itself asks, for the token alone: it runs already
};

struct BootAnswer {
  enum class Kind : std::uint8_t {
    local_disk,
    agent,        // with `token`, for `installer`
    third_party,  // with `token`, for `other`
    refused,      // the peer is not who it says
    not_now       // our failure: ask again
  };
  Kind kind = Kind::local_disk;
  Mac mac{};
  Secret token{};
  InstallerFiles installer{};
  std::shared_ptr<const ThirdPartyInstaller> other{};
};

class Gate final : public dhcp::BootPolicy {
 public:
  using Reply = std::move_only_function<void(const BootAnswer&)>;

  Gate(Ledger& ledger, Artifacts& artifacts) : ledger_(ledger), artifacts_(artifacts) {}

  [[nodiscard]] std::string_view boot_file(const dhcp::Client& client, Ipv4 server) override;
  // The host's own setting, else the depot's.
  [[nodiscard]] dhcp::OfferStyle offer_style(const dhcp::Client& client) override;
  // Whether a file was asked for by TFTP; within sight, that is from our side of every router.
  [[nodiscard]] bool has_fetched(const Mac& mac, TimePoint since) override {
    return fetched_.seen_since(mac, since);
  }

  [[nodiscard]] std::optional<Ipv4> reserved_address(const Mac& client) override;
  [[nodiscard]] bool is_reserved(Ipv4 address) override;
  void leased(const Mac& client, Ipv4 address, Ipv4 server) override;

  void unknown_arch(const Mac& client, std::uint16_t arch_code) override;

  // Whether DHCP answered `peer` in the last ten minutes (by its address, or by its MAC in the
  // neighbour table), or the settings list it.
  [[nodiscard]] bool may_ask(Ipv4 peer);
  // The host behind an address: by the neighbour table or, for one behind a router, by who asked
  // for its script last. Null when neither says.
  [[nodiscard]] Host* host_at(Ipv4 peer);
  // Whether the host at `peer` may be installed now: nobody's crowd may keep it out.
  [[nodiscard]] bool expects(Ipv4 peer);
  // The loader at `peer` asked for a file that an installer starts with: kernel, initramfs, or what
  // a live system runs from.
  void note_installer_file(Ipv4 peer, const std::string& name);

  // Whether no record has `mac` and none is made for whoever asks: such a one gets no answer where
  // a file may be missing.
  [[nodiscard]] bool is_stranger(const Mac& mac) {
    return ledger_.config().unknown_hosts == UnknownHosts::ignore &&
           ledger_.hosts().by_mac(mac) == nullptr && !ledger_.hosts().is_shared(mac);
  }
  // The MAC of the host at `peer`, as the neighbour table has it.
  [[nodiscard]] std::optional<Mac> mac_at(Ipv4 peer) { return ledger_.neighbour(peer); }

  // Decides on a boot script. A transition that it takes (armed host: new attempt, new token) is
  // durable before `reply` runs. Asked again within the same attempt, it gives the same token.
  void ask_script(BootRequest request, Reply reply);
  // What ask_script() would answer now, with a token of the right length but no use: nothing is
  // noted, begun or stored. For HEAD.
  [[nodiscard]] BootAnswer preview_script(const BootRequest& request);

 private:
  struct Asked {
    BootRequest request;
    Reply reply;
  };
  [[nodiscard]] bool may_install(const Host& host);
  void note_dhcp(Host* host, const dhcp::Client& client, TimePoint now);
  void note_boot(Host& host, const dhcp::Client& client, std::string_view file, TimePoint now);
  [[nodiscard]] std::string_view loader_for(const dhcp::Client& client, Ipv4 server);
  [[nodiscard]] std::string_view program_for(const dhcp::Client& client);
  [[nodiscard]] const HostEntry* entry_of(const dhcp::Client& client);  // or null
  [[nodiscard]] bool was_answered(Ipv4 peer, const std::optional<Mac>& mac);
  [[nodiscard]] bool is_impostor(const BootRequest& request);
  [[nodiscard]] bool may_be_a_host(const Mac& shared, TimePoint now) const;
  [[nodiscard]] Host* known_or_discovered(const BootRequest& request);
  void learn(Host& host, const BootRequest& request);
  void answer(Host& host, Asked asked);
  void answer_local_disk(Host& host, Asked asked);
  [[nodiscard]] bool is_back(const Host& host) const;
  void answer_back(Host& host, Asked asked);
  [[nodiscard]] Fallible<BootAnswer> answer_for(const Host* host, bool install);
  void answer_installer(Host& host, Asked asked, bool install, BootAnswer answer);

  Ledger& ledger_;
  Artifacts& artifacts_;
  Sightings<Mac> strangers_, fetched_;
  Sightings<Ipv4> addresses_;
  SecondQuota impostor_lines_, shared_nic_lines_;
  std::set<Ipv4> expected_;  // where hosts that may be installed asked for their script from
  TimePoint expected_found_{};
  Ipv4 url_server_;
  std::string script_url_, loaders_url_, loader_url_;
};

}  // namespace slipway::provisioning
