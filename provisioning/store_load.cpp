// The reading half of the store: what a server takes up, and what it follows later.
#include <algorithm>

#include "provisioning/store.hpp"
#include "provisioning/store_database.hpp"

namespace slipway::provisioning {
namespace {

using store_detail::each_row;
using store_detail::one_row;
using store_detail::run;
using HostsById = std::map<std::string, Host, std::less<>>;
using Text = std::string;
using Number = long long;

// Hosts that were changed after `revision` by another server than `server`; every host by default.
struct Which {
  std::int64_t revision = -1, server = -1;
};
constexpr auto* kWhich = "revision > :1 AND server <> :2";
const std::string kOfWhich = std::string("host IN (SELECT id FROM hosts WHERE ") + kWhich + ")";

std::chrono::milliseconds since(std::int64_t then_ms, const Now& now) {
  // A wall clock that was set back must not make something younger than now.
  return std::chrono::milliseconds(std::max<std::int64_t>(0, now.unix_ms - then_ms));
}

Sha256 digest(const std::string& text) { return Sha256::parse(text).value_or(Sha256{}); }

HostsById load_hosts(soci::session& sql, const Which& which, const Now& now) {
  HostsById hosts;
  const auto take = [&](const auto& row) {
    Host host;
    Text uuid;
    Text state;
    std::tie(host.id, host.name, uuid, host.serial, host.manufacturer, host.product, host.profile,
             host.site, host.inventory_json, state, host.reason, host.detail, host.changed_ms,
             host.server) = row;
    host.uuid = Uuid::parse(uuid);
    const auto parsed = parse_state(state);
    if (!parsed) throw soci::soci_error("host " + host.id + " has the unknown state " + state);
    host.state = *parsed;
    host.seen_ms = host.changed_ms;
    host.changed = now.steady - since(host.changed_ms, now);
    host.contact = now.steady;  // whoever was at work gets the whole time-out to come back
    host.kernel_asked = host.config_given = true;
    host.stored = true;
    const auto id = host.id;
    hosts.emplace(id, std::move(host));
  };
  each_row<Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Number, Number>(
      sql,
      "SELECT id, name, uuid, serial, manufacturer, product, profile, site, inventory, state, "
      "reason, detail, changed_ms, server FROM hosts WHERE " +
          std::string(kWhich),
      take, which.revision, which.server);
  return hosts;
}

void load_macs(soci::session& sql, const Which& which, HostsById& hosts) {
  const auto take = [&](const auto& row) {
    const auto found = hosts.find(std::get<0>(row));
    const auto mac = Mac::parse(std::get<1>(row));
    if (found != hosts.end() && mac) found->second.macs.push_back(*mac);
  };
  each_row<Text, Text>(sql,
                       "SELECT host, mac FROM host_macs WHERE " + kOfWhich + " ORDER BY position",
                       take, which.revision, which.server);
}

// `clock_ms`: what the kept clock shows.
void load_armings(soci::session& sql, const Which& which, HostsById& hosts, const Now& now,
                  std::int64_t clock_ms) {
  const auto take = [&](const auto& row) {
    const auto& [id, host, who, why, profile, profile_digest, remaining, counted_from, used] = row;
    const auto found = hosts.find(host);
    if (found == hosts.end()) return;
    const auto left = std::chrono::seconds(remaining) -
                      std::chrono::milliseconds(std::max(clock_ms - counted_from, 0LL));
    found->second.arming = Arming{.id = id,
                                  .who = who,
                                  .why = why,
                                  .expires = now.steady + left,
                                  .attempts_used = static_cast<unsigned>(used),
                                  .profile = profile,
                                  .profile_digest = digest(profile_digest)};
  };
  each_row<Number, Text, Text, Text, Text, Text, Number, Number, Number>(
      sql,
      "SELECT id, host, who, why, profile, profile_digest, remaining_seconds, counted_from_ms, "
      "attempts_used FROM armings WHERE ended_ms = 0 AND " +
          kOfWhich,
      take, which.revision, which.server);
}

void load_sessions(soci::session& sql, const Which& which, HostsById& hosts, const Now& now) {
  const auto take = [&](const auto& row) {
    const auto& [id, host, token, bearer, mac, address, attempt, ended, issued_ms] = row;
    const auto found = hosts.find(host);
    const auto known_mac = Mac::parse(mac);
    if (found == hosts.end() || !known_mac) return;
    BootSession session{.id = id, .token_hash = digest(token)};
    session.bearer_hash = Sha256::parse(bearer);
    session.mac = *known_mac;
    session.address = Ipv4::parse(address).value_or(Ipv4{});
    session.attempt = attempt;
    session.ended = ended != 0;
    session.issued = now.steady - since(issued_ms, now);
    found->second.sessions.push_back(std::move(session));
  };
  each_row<Number, Text, Text, Text, Text, Text, Number, Number, Number>(
      sql,
      "SELECT id, host, token_hash, bearer_hash, mac, address, attempt, ended, issued_ms "
      "FROM sessions WHERE " +
          kOfWhich + " ORDER BY revision, id",
      take, which.revision, which.server);
}

void load_attempts(soci::session& sql, const Which& which, HostsById& hosts) {
  const auto take = [&](const auto& row) {
    const auto found = hosts.find(std::get<0>(row));
    if (found == hosts.end()) return;
    found->second.attempt = std::get<1>(row);  // the last one stays
    found->second.attempt_state = std::get<2>(row);
    if (std::get<2>(row) != "running") found->second.report_json = std::get<3>(row);
  };
  each_row<Text, Number, Text, Text>(
      sql,
      "SELECT host, id, state, report FROM attempts WHERE " + kOfWhich + " ORDER BY revision, id",
      take, which.revision, which.server);
}

std::int64_t number(soci::session& sql, const std::string& expression_and_table) {
  std::tuple<Number> row{0};
  one_row(sql, "SELECT " + expression_and_table, row);
  return std::get<0>(row);
}

std::vector<Host> complete_hosts(soci::session& sql, const Which& which, const Now& now,
                                 std::int64_t clock_ms) {
  auto hosts = load_hosts(sql, which, now);
  std::vector<Host> complete;
  if (hosts.empty()) return complete;
  load_macs(sql, which, hosts);
  load_armings(sql, which, hosts, now, clock_ms);
  load_sessions(sql, which, hosts, now);
  load_attempts(sql, which, hosts);
  for (auto& [id, host] : hosts) complete.push_back(std::move(host));
  return complete;
}

std::map<std::string, Sha256> published_after(soci::session& sql, std::int64_t revision) {
  std::map<std::string, Sha256> published;
  each_row<Text, Text>(
      sql, "SELECT id, digest FROM published_profiles WHERE revision > :1",
      [&](const auto& row) { published[std::get<0>(row)] = digest(std::get<1>(row)); }, revision);
  return published;
}

constexpr std::int64_t kIdsOfServer = 1'000'000'000;
constexpr std::int64_t kSilentServerMs = 30'000;
constexpr std::chrono::seconds kSayAlive{5};

// A number that no other server has or had.
std::int64_t join_servers(soci::session& sql, const store_detail::Dialect& dialect) {
  run(sql, dialect.begin);
  (void)lock_head(sql, dialect);
  run(sql, "UPDATE audit_head SET servers = servers + 1");
  const auto server = number(sql, "servers FROM audit_head");
  run(sql, std::string("INSERT INTO servers (id, seen_ms) VALUES (:1, ") + dialect.clock + ")",
      server);
  run(sql, "COMMIT");
  return server;
}

std::set<std::int64_t> other_servers(soci::session& sql, const store_detail::Dialect& dialect,
                                     std::int64_t server) {
  std::set<std::int64_t> servers;
  each_row<Number>(
      sql, std::string("SELECT id FROM servers WHERE id <> :1 AND seen_ms > :2 + ") + dialect.clock,
      [&](const auto& row) { servers.insert(std::get<0>(row)); }, server, -kSilentServerMs);
  return servers;
}

// What this server wrote is not another's.
void forget_own(std::vector<Host>& hosts, std::int64_t server) {
  for (auto& host : hosts) {
    if (host.server == server) host.server = 0;
  }
}

}  // namespace

Fallible<StoredState> Store::load(Now now) {
  if (const auto connected = connect(); !connected) return std::unexpected(connected.error());
  auto& [dialect, url, sql, server, clock, outage, own_news, said_alive] = *database_;
  try {
    if (dialect.shared && server == 0) server = join_servers(sql, dialect);
    StoredState state;
    run(sql, dialect.begin_reading);
    clock = {.steady = now.steady,
             .clock_ms = number(sql, std::string(dialect.clock) + " FROM audit_head")};
    state.hosts = complete_hosts(sql, {}, now, clock.clock_ms);
    forget_own(state.hosts, server);
    state.batches = store_detail::read_batches(sql, now, clock.clock_ms);
    state.leases = store_detail::read_leases(sql);
    state.published = published_after(sql, -1);
    state.last_arming = number(sql, "coalesce(max(id), 0) FROM armings");
    state.last_attempt = number(sql, "coalesce(max(id), 0) FROM attempts");
    state.last_session = number(sql, "coalesce(max(id), 0) FROM sessions");
    if (dialect.shared) {
      state.last_arming = state.last_attempt = state.last_session = (server - 1) * kIdsOfServer;
      state.servers = other_servers(sql, dialect, server);
    }
    state.revision = number(sql, "revision FROM audit_head");
    run(sql, "COMMIT");
    return state;
  } catch (const soci::soci_error& error) {
    return std::unexpected(failed(error, "reading"));
  }
}

Fallible<StoreNews> Store::news(std::int64_t revision, Now now) {
  if (const auto connected = connect(); !connected) return std::unexpected(connected.error());
  auto& [dialect, url, sql, server, clock, outage, own_news, said_alive] = *database_;
  try {
    if (const auto time = std::chrono::steady_clock::now(); time - said_alive >= kSayAlive) {
      run(sql, std::string("UPDATE servers SET seen_ms = ") + dialect.clock + " WHERE id = :1",
          server);
      said_alive = time;
    }
    StoreNews news;
    run(sql, dialect.begin_reading);
    news.revision = number(sql, "revision FROM audit_head");
    if (news.revision != revision || own_news) {
      const Which which{.revision = revision, .server = own_news ? -1 : server};
      const auto clock_ms = number(sql, std::string(dialect.clock) + " FROM audit_head");
      news.hosts = complete_hosts(sql, which, now, clock_ms);
      forget_own(news.hosts, server);
      news.published = published_after(sql, revision);
      if (own_news || number(sql, "removed_revision FROM audit_head") > revision) {
        auto& ids = news.all_hosts.emplace();
        each_row<Text>(sql, "SELECT id FROM hosts",
                       [&](const auto& row) { ids.insert(std::get<0>(row)); });
      }
    }
    news.servers = other_servers(sql, dialect, server);
    run(sql, "COMMIT");
    own_news = false;
    return news;
  } catch (const soci::soci_error& error) {
    return std::unexpected(failed(error, "reading"));
  }
}

}  // namespace slipway::provisioning
