// provisioning/host_table.hpp -- all hosts in memory, and who is who.
//
// What the deciding thread reads instead of the database; ledger.hpp keeps the two equal. Not
// thread-safe. Pointers to hosts stay valid until the host is removed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "provisioning/host.hpp"

namespace slipway::provisioning {

// By what a machine says it can be known.
struct Identity {
  Mac mac;
  std::optional<Uuid> uuid;
  std::string_view serial;
};

struct SessionRef {
  Host* host = nullptr;
  BootSession* session = nullptr;
};

class HostTable {
 public:
  // The id must be new; MACs that another host holds are left with that host.
  Host& add(Host host);
  void remove(Host& host);

  // By MAC; else by UUID; else by serial number. The latter two find only hosts for which an
  // operator wrote them down, because boards share UUIDs and serials that nobody filled in.
  [[nodiscard]] Host* find(const Identity& who) const;
  [[nodiscard]] Host* by_id(std::string_view id) const;
  [[nodiscard]] Host* by_name(std::string_view name) const;
  [[nodiscard]] Host* by_mac(const Mac& mac) const;
  [[nodiscard]] Host* by_uuid(const Uuid& uuid) const;
  [[nodiscard]] Host* by_serial(std::string_view serial) const;
  // What a person types: id, name or MAC.
  [[nodiscard]] Host* by_reference(std::string_view text) const;

  // By what a client presents; also sessions that ended, as long as they are kept.
  [[nodiscard]] SessionRef by_token(const Sha256& token_hash) const;
  [[nodiscard]] SessionRef by_bearer(const Sha256& bearer_hash) const;

  void rename(Host& host, std::string name);
  // The MACs of NICs that go from host to host (USB dongles). They identify nobody: by_mac() does
  // not know them and learn_mac() refuses them. Returns the hosts that lost one by this.
  std::vector<Host*> share_macs(const std::vector<Mac>& macs);
  [[nodiscard]] bool is_shared(const Mac& mac) const { return shared_.contains(mac); }
  // False when another host holds `mac`, or it is shared.
  bool learn_mac(Host& host, const Mac& mac);
  void move_mac(Host& from, Host& to, const Mac& mac);
  // An operator wrote these down: find() may go by them.
  void declare(Host& host, const std::optional<Uuid>& uuid, std::string_view serial);
  // Adds a session and forgets the oldest beyond kSessionsKept.
  BootSession& add_session(Host& host, BootSession session);
  void set_bearer(Host& host, BootSession& session, const Sha256& bearer_hash);
  // All that `from` is known by goes to `into`; `from` is removed.
  void merge(Host& from, Host& into);

  // `host` becomes what the store says, its id and MACs included; MACs that another host holds are
  // left with that host. What only memory knows stays while it fits.
  void replace(Host& host, Host record);

  [[nodiscard]] std::size_t size() const { return hosts_.size(); }
  // In the order of their ids; `visit` must not add or remove hosts.
  void each(const std::function<void(Host&)>& visit) const;

 private:
  struct HashOctets {
    std::size_t operator()(const Mac& mac) const;
    std::size_t operator()(const Sha256& digest) const;
  };
  void index(Host& host);
  void forget_session(const BootSession& session);
  void forget_declared(const Host& host);

  std::map<std::string, std::unique_ptr<Host>, std::less<>> hosts_;
  std::map<std::string, Host*, std::less<>> names_;
  std::unordered_map<Mac, Host*, HashOctets> macs_;
  std::unordered_set<Mac, HashOctets> shared_;
  // What was declared of each host, by which it stands in the two tables below.
  struct Declared {
    std::optional<Uuid> uuid;
    std::string serial;
  };
  std::unordered_map<const Host*, Declared> declared_;
  std::map<Uuid, Host*> uuids_;
  std::map<std::string, Host*, std::less<>> serials_;
  std::unordered_map<Sha256, Host*, HashOctets> tokens_, bearers_;
};

}  // namespace slipway::provisioning
