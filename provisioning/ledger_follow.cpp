// Several servers on one database: how memory follows what the others did.
#include <algorithm>
#include <utility>

#include "provisioning/ledger.hpp"

namespace slipway::provisioning {
namespace {

// A host that this server met, too, but stored too late: it is the same machine.
Host* unstored_twin(const HostTable& hosts, const Host& record) {
  for (const auto& mac : record.macs) {
    auto* holder = hosts.by_mac(mac);
    if (holder != nullptr && !holder->stored) return holder;
  }
  auto* namesake = record.name.empty() ? nullptr : hosts.by_name(record.name);
  return namesake != nullptr && !namesake->stored ? namesake : nullptr;
}

}  // namespace

void Ledger::follow(StoreNews& news) {
  known_revision_ = std::max(known_revision_, news.revision);
  follow_servers(std::move(news.servers));
  for (auto& record : news.hosts) follow_host(std::move(record));
  if (news.all_hosts) drop_removed(*news.all_hosts);
  for (auto& [profile, digest] : news.published) published_.insert_or_assign(profile, digest);
}

// Whoever talked to a server that is gone gets the whole time-out to come to this one.
void Ledger::follow_servers(std::set<std::int64_t> servers) {
  const auto former = std::exchange(servers_, std::move(servers));
  if (std::ranges::includes(servers_, former)) return;
  hosts_.each([&](Host& host) {
    if (former.contains(host.server) && !is_elsewhere(host)) host.contact = now().steady;
  });
}

void Ledger::follow_host(Host record) {
  auto* host = hosts_.by_id(record.id);
  if (host == nullptr) host = unstored_twin(hosts_, record);
  if (host == nullptr) {
    Host blank;
    blank.id = record.id;
    host = &hosts_.add(std::move(blank));
  }
  if (host->busy) {
    late_removals_.erase(host->id);
    late_records_.insert_or_assign(host->id, std::move(record));
  } else {
    take_record(*host, std::move(record));
  }
}

void Ledger::take_record(Host& host, Host record) {
  if (record.id != host.id) journey_.move(host.id, record.id);
  take_macs(host, record.macs);
  hosts_.replace(host, std::move(record));
  if (auto poll = std::exchange(host.parked, std::nullopt)) {
    scheduler().post(std::move(poll->wake));  // there may be a plan now
  }
}

// The store is right about who holds a MAC. A host that was only seen and lost its MAC so is the
// same machine, met by two servers.
void Ledger::take_macs(Host& host, const std::vector<Mac>& macs) {
  for (const auto& mac : macs) {
    auto* holder = hosts_.by_mac(mac);
    if (holder == nullptr || holder == &host) continue;
    hosts_.move_mac(*holder, host, mac);
    if (holder->stored || !holder->macs.empty()) continue;
    when_free(*holder, [this, from = holder->id, into = host.id] {
      auto* twin = hosts_.by_id(from);
      auto* known = hosts_.by_id(into);
      if (twin != nullptr && known != nullptr && !twin->stored) merge(*twin, *known);
    });
  }
}

void Ledger::take_late_news(Host& host, bool changed) {
  auto late = late_records_.extract(host.id);
  const bool removed = late_removals_.erase(host.id) != 0;
  if (removed) {
    // Only a discovered or ignored host is ever removed; this one is met anew.
    host.stored = false;
    host.state = HostState::discovered;
  } else if (!late.empty() && (late.mapped().server != 0 || !changed)) {
    // After a success a record of our own making is older than memory.
    take_record(host, std::move(late.mapped()));
  }
}

void Ledger::drop_removed(const std::set<std::string, std::less<>>& all) {
  std::vector<Host*> gone;
  hosts_.each([&](Host& host) {
    if (host.stored && !all.contains(host.id)) gone.push_back(&host);
  });
  for (auto* host : gone) {
    if (host->busy) {
      late_removals_.insert(host->id);
    } else if (host->in_inventory) {
      host->stored = false;
      host->state = HostState::discovered;
    } else {
      if (host->parked) scheduler().post(std::move(host->parked->wake));
      journey_.forget(host->id);
      hosts_.remove(*host);
    }
  }
}

}  // namespace slipway::provisioning
