#include "provisioning/host_table.hpp"

#include <algorithm>
#include <cstring>

namespace slipway::provisioning {
namespace {

template <class Table, class Key>
Host* look_up(const Table& table, const Key& key) {
  const auto found = table.find(key);
  return found == table.end() ? nullptr : found->second;
}

// Removes `key` when it stands for `host`: another host may have come before it.
template <class Table, class Key>
void drop(Table& table, const Key& key, const Host& host) {
  const auto found = table.find(key);
  if (found != table.end() && found->second == &host) table.erase(found);
}

}  // namespace

std::size_t HostTable::HashOctets::operator()(const Mac& mac) const {
  // Vendors hand out MACs in sequence; the multiplication spreads them (Fibonacci hashing).
  std::uint64_t number = 0;
  std::memcpy(&number, mac.octets.data(), mac.octets.size());
  return static_cast<std::size_t>((number * 0x9E3779B97F4A7C15U) >> 16U);
}

std::size_t HostTable::HashOctets::operator()(const Sha256& digest) const {
  std::size_t number = 0;
  std::memcpy(&number, digest.octets.data(), sizeof number);
  return number;
}

Host& HostTable::add(Host host) {
  auto owned = std::make_unique<Host>(std::move(host));
  Host& added = *owned;
  hosts_.emplace(added.id, std::move(owned));
  index(added);
  return added;
}

void HostTable::index(Host& host) {
  if (!host.name.empty()) names_.emplace(host.name, &host);
  std::erase_if(host.macs, [&](const Mac& mac) {
    return is_shared(mac) || !macs_.emplace(mac, &host).second;
  });
  for (const auto& session : host.sessions) {
    tokens_.emplace(session.token_hash, &host);
    if (session.bearer_hash) bearers_.emplace(*session.bearer_hash, &host);
  }
}

void HostTable::remove(Host& host) {
  for (const auto& mac : host.macs) macs_.erase(mac);
  for (const auto& session : host.sessions) forget_session(session);
  drop(names_, host.name, host);
  forget_declared(host);
  const auto found = hosts_.find(host.id);
  if (found != hosts_.end()) hosts_.erase(found);
}

Host* HostTable::find(const Identity& who) const {
  if (auto* host = by_mac(who.mac)) return host;
  if (who.uuid) {
    if (auto* host = by_uuid(*who.uuid)) return host;
  }
  return who.serial.empty() ? nullptr : by_serial(who.serial);
}

Host* HostTable::by_id(std::string_view id) const {
  const auto found = hosts_.find(id);
  return found == hosts_.end() ? nullptr : found->second.get();
}

Host* HostTable::by_name(std::string_view name) const { return look_up(names_, name); }
Host* HostTable::by_mac(const Mac& mac) const { return look_up(macs_, mac); }
Host* HostTable::by_uuid(const Uuid& uuid) const { return look_up(uuids_, uuid); }
Host* HostTable::by_serial(std::string_view serial) const { return look_up(serials_, serial); }

Host* HostTable::by_reference(std::string_view text) const {
  if (auto* host = by_name(text)) return host;
  if (auto* host = by_id(text)) return host;
  const auto mac = Mac::parse(text);
  return mac ? by_mac(*mac) : nullptr;
}

SessionRef HostTable::by_token(const Sha256& token_hash) const {
  auto* host = look_up(tokens_, token_hash);
  if (host == nullptr) return {};
  const auto found = std::ranges::find(host->sessions, token_hash, &BootSession::token_hash);
  return {.host = host, .session = &*found};
}

SessionRef HostTable::by_bearer(const Sha256& bearer_hash) const {
  auto* host = look_up(bearers_, bearer_hash);
  if (host == nullptr) return {};
  const auto found = std::ranges::find(host->sessions, bearer_hash, &BootSession::bearer_hash);
  return {.host = host, .session = &*found};
}

void HostTable::rename(Host& host, std::string name) {
  if (host.name == name) return;
  drop(names_, host.name, host);
  host.name = std::move(name);
  if (!host.name.empty()) names_.emplace(host.name, &host);
}

std::vector<Host*> HostTable::share_macs(const std::vector<Mac>& macs) {
  shared_ = {macs.begin(), macs.end()};
  std::vector<Host*> losers;
  for (const auto& mac : shared_) {
    auto* holder = look_up(macs_, mac);
    if (holder == nullptr) continue;
    std::erase(holder->macs, mac);
    macs_.erase(mac);
    losers.push_back(holder);
  }
  return losers;
}

bool HostTable::learn_mac(Host& host, const Mac& mac) {
  if (is_shared(mac)) return false;
  const auto [entry, is_new] = macs_.emplace(mac, &host);
  if (is_new) host.macs.push_back(mac);
  return entry->second == &host;
}

void HostTable::move_mac(Host& from, Host& to, const Mac& mac) {
  std::erase(from.macs, mac);
  macs_.erase(mac);
  (void)learn_mac(to, mac);  // nobody holds it now
}

void HostTable::declare(Host& host, const std::optional<Uuid>& uuid, std::string_view serial) {
  forget_declared(host);
  if (uuid && !uuid->is_zero()) uuids_.emplace(*uuid, &host);
  if (!serial.empty()) serials_.emplace(serial, &host);
  if (uuid || !serial.empty()) declared_.emplace(&host, Declared{uuid, std::string(serial)});
}

BootSession& HostTable::add_session(Host& host, BootSession session) {
  while (host.sessions.size() >= kSessionsKept) {
    forget_session(host.sessions.front());
    host.sessions.erase(host.sessions.begin());
  }
  tokens_.emplace(session.token_hash, &host);
  if (session.bearer_hash) bearers_.emplace(*session.bearer_hash, &host);
  return host.sessions.emplace_back(std::move(session));
}

void HostTable::set_bearer(Host& host, BootSession& session, const Sha256& bearer_hash) {
  if (session.bearer_hash) bearers_.erase(*session.bearer_hash);
  session.bearer_hash = bearer_hash;
  bearers_.emplace(bearer_hash, &host);
}

void HostTable::merge(Host& from, Host& into) {
  const auto macs = from.macs;
  auto sessions = std::move(from.sessions);
  from.sessions.clear();
  for (const auto& session : sessions) forget_session(session);
  remove(from);
  for (const auto& mac : macs) (void)learn_mac(into, mac);  // free since remove()
  for (auto& session : sessions) add_session(into, std::move(session));
}

namespace {

// Of a session that both know, memory has the token and what was read with it.
void keep_sessions(Host& record, Host& host) {
  for (auto& session : record.sessions) {
    const auto known = std::ranges::find(host.sessions, session.id, &BootSession::id);
    if (known == host.sessions.end()) continue;
    std::ranges::copy(known->reads, session.reads);
    session.used = known->used;
    session.issued = known->issued;
    session.script_peer = known->script_peer;
    session.ended = session.ended || known->ended;
    if (!session.ended) session.token = std::move(known->token);
  }
}

void keep_memory(Host& record, Host& host) {
  keep_sessions(record, host);
  if (record.attempt == host.attempt) {
    record.plan = std::move(host.plan);
    record.progress = std::move(host.progress);
    record.kernel_asked = host.kernel_asked;
  }
  if (record.arming && host.arming && record.arming->id == host.arming->id) {
    record.snapshot = std::move(host.snapshot);
  }
  if (host.in_inventory && record.name != host.name) {
    record.name = host.name;  // the inventory's word; it is stored with the next move
    record.learnt = true;
  }
  record.in_inventory = host.in_inventory;
  record.seen_ms = std::max(record.seen_ms, host.seen_ms);
  record.dhcp_seen = host.dhcp_seen;
  record.dhcp_noted = host.dhcp_noted;
  record.parked = std::move(host.parked);
  record.waiting = std::move(host.waiting);
}

}  // namespace

void HostTable::replace(Host& host, Host record) {
  for (const auto& mac : host.macs) macs_.erase(mac);
  for (const auto& session : host.sessions) forget_session(session);
  drop(names_, host.name, host);
  if (record.id != host.id) {
    auto node = hosts_.extract(host.id);
    node.key() = record.id;
    hosts_.insert(std::move(node));
  }
  keep_memory(record, host);
  host = std::move(record);
  index(host);
}

void HostTable::each(const std::function<void(Host&)>& visit) const {
  for (const auto& [id, host] : hosts_) visit(*host);
}

void HostTable::forget_declared(const Host& host) {
  const auto found = declared_.find(&host);
  if (found == declared_.end()) return;
  if (found->second.uuid) drop(uuids_, *found->second.uuid, host);
  drop(serials_, found->second.serial, host);
  declared_.erase(found);
}

void HostTable::forget_session(const BootSession& session) {
  tokens_.erase(session.token_hash);
  if (session.bearer_hash) bearers_.erase(*session.bearer_hash);
}

}  // namespace slipway::provisioning
