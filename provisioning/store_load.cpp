// The reading half of the store: what a starting server takes up, and the audit log.
#include <algorithm>

#include "provisioning/store.hpp"
#include "provisioning/store_database.hpp"

namespace slipway::provisioning {
namespace {

using store_detail::each_row;
using store_detail::one_row;
using HostsById = std::map<std::string, Host, std::less<>>;
using Text = std::string;
using Number = long long;

std::chrono::milliseconds since(std::int64_t then_ms, const Now& now) {
  // A wall clock that was set back must not make something younger than now.
  return std::chrono::milliseconds(std::max<std::int64_t>(0, now.unix_ms - then_ms));
}

Sha256 digest(const std::string& text) { return Sha256::parse(text).value_or(Sha256{}); }

HostsById load_hosts(soci::session& sql, const Now& now) {
  HostsById hosts;
  const auto take = [&](const auto& row) {
    Host host;
    Text uuid;
    Text state;
    std::tie(host.id, host.name, uuid, host.serial, host.manufacturer, host.product, host.profile,
             host.site, host.inventory_json, state, host.reason, host.detail, host.changed_ms) =
        row;
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
  each_row<Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Number>(
      sql,
      "SELECT id, name, uuid, serial, manufacturer, product, profile, site, inventory, state, "
      "reason, detail, changed_ms FROM hosts",
      take);
  return hosts;
}

void load_macs(soci::session& sql, HostsById& hosts) {
  each_row<Text, Text>(sql, "SELECT host, mac FROM host_macs ORDER BY position",
                       [&](const auto& row) {
                         const auto found = hosts.find(std::get<0>(row));
                         const auto mac = Mac::parse(std::get<1>(row));
                         if (found != hosts.end() && mac) found->second.macs.push_back(*mac);
                       });
}

// `clock_ms`: what the kept clock shows.
void load_armings(soci::session& sql, HostsById& hosts, const Now& now, std::int64_t clock_ms) {
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
      "attempts_used FROM armings WHERE ended_ms = 0",
      take);
}

void load_sessions(soci::session& sql, HostsById& hosts, const Now& now) {
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
      "FROM sessions ORDER BY revision, id",
      take);
}

void load_attempts(soci::session& sql, HostsById& hosts) {
  each_row<Text, Number, Text>(sql, "SELECT host, id, state FROM attempts ORDER BY revision, id",
                               [&](const auto& row) {
                                 const auto found = hosts.find(std::get<0>(row));
                                 if (found == hosts.end()) return;
                                 found->second.attempt = std::get<1>(row);  // the last one stays
                                 found->second.attempt_state = std::get<2>(row);
                               });
}

std::int64_t kept_clock(soci::session& sql) {
  std::tuple<Number> row{0};
  one_row(sql, "SELECT clock_ms FROM audit_head", row);
  return std::get<0>(row);
}

std::int64_t last_id(soci::session& sql, const std::string& table) {
  std::tuple<Number> row{0};
  one_row(sql, "SELECT coalesce(max(id), 0) FROM " + table, row);
  return std::get<0>(row);
}

}  // namespace

Fallible<StoredState> Store::load(Now now) {
  auto& sql = database_->sql;
  try {
    StoredState state;
    auto hosts = load_hosts(sql, now);
    load_macs(sql, hosts);
    const auto clock_ms = kept_clock(sql);
    database_->clock = {.steady = now.steady, .clock_ms = clock_ms};
    load_armings(sql, hosts, now, clock_ms);
    load_sessions(sql, hosts, now);
    load_attempts(sql, hosts);
    for (auto& [id, host] : hosts) state.hosts.push_back(std::move(host));
    each_row<Text, Text>(sql, "SELECT id, digest FROM published_profiles", [&](const auto& row) {
      state.published[std::get<0>(row)] = digest(std::get<1>(row));
    });
    state.last_arming = last_id(sql, "armings");
    state.last_attempt = last_id(sql, "attempts");
    state.last_session = last_id(sql, "sessions");
    return state;
  } catch (const soci::soci_error& error) {
    return fail(std::string("reading the database: ") + error.what());
  }
}

Fallible<std::vector<AuditRow>> Store::audit(std::int64_t after_seq, std::size_t limit) {
  try {
    std::vector<AuditRow> rows;
    const auto take = [&](const auto& row) {
      AuditRow audit;
      Text previous;
      Text hash;
      std::tie(audit.seq, audit.at_ms, audit.who, audit.what, audit.host, audit.from, audit.to,
               audit.why, previous, hash) = row;
      audit.previous = digest(previous);
      audit.hash = digest(hash);
      rows.push_back(std::move(audit));
    };
    each_row<Number, Number, Text, Text, Text, Text, Text, Text, Text, Text>(
        database_->sql,
        "SELECT seq, at_ms, who, what, host, from_state, to_state, why, prev_hash, hash "
        "FROM audit WHERE seq > :1 ORDER BY seq LIMIT :2",
        take, after_seq, static_cast<std::int64_t>(limit));
    return rows;
  } catch (const soci::soci_error& error) {
    return fail(std::string("reading the audit log: ") + error.what());
  }
}

Fallible<std::int64_t> Store::verify_audit() {
  constexpr std::size_t kRowsAtOnce = 10'000;
  AuditCheck check;
  for (;;) {
    const auto rows = audit(check.rows(), kRowsAtOnce);
    if (!rows) return std::unexpected(rows.error());
    for (const auto& row : *rows) {
      if (const auto good = check.next(row); !good) return std::unexpected(good.error());
    }
    if (rows->size() < kRowsAtOnce) break;
  }
  Sha256 head;
  try {
    each_row<Text>(database_->sql, "SELECT hash FROM audit_head",
                   [&](const auto& row) { head = digest(std::get<0>(row)); });
  } catch (const soci::soci_error& error) {
    return fail(std::string("reading the audit log: ") + error.what());
  }
  const auto whole = check.end(head);
  if (!whole) return std::unexpected(whole.error());
  return check.rows();
}

}  // namespace slipway::provisioning
