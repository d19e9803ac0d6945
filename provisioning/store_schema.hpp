// provisioning/store_schema.hpp -- the tables, and how an older database becomes a newer one.
//
// Times are milliseconds since 1970, 0 for "not yet"; digests and addresses are text. A database
// is brought forward version by version, each in one transaction; a new one goes the same way from
// nothing. A statement that was released never changes: append to the next version. The text is
// SQLite's; the few words that PostgreSQL has for the same are put there by migrate().
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace slipway::provisioning {

inline constexpr std::array kSchema1{
    "CREATE TABLE schema_version (version INTEGER NOT NULL)",
    "INSERT INTO schema_version VALUES (1)",

    "CREATE TABLE hosts (id TEXT PRIMARY KEY, name TEXT NOT NULL DEFAULT '', "
    "uuid TEXT NOT NULL DEFAULT '', serial TEXT NOT NULL DEFAULT '', "
    "manufacturer TEXT NOT NULL DEFAULT '', product TEXT NOT NULL DEFAULT '', "
    "profile TEXT NOT NULL DEFAULT '', site TEXT NOT NULL DEFAULT '', "
    "inventory TEXT NOT NULL DEFAULT '', state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', "
    "detail TEXT NOT NULL DEFAULT '', changed_ms INTEGER NOT NULL) STRICT",
    "CREATE TABLE host_macs (mac TEXT PRIMARY KEY, "
    "host TEXT NOT NULL REFERENCES hosts(id) ON DELETE CASCADE) STRICT",
    "CREATE INDEX host_macs_host ON host_macs(host)",

    "CREATE TABLE armings (id INTEGER PRIMARY KEY, "
    "host TEXT NOT NULL REFERENCES hosts(id) ON DELETE CASCADE, who TEXT NOT NULL, "
    "why TEXT NOT NULL, profile TEXT NOT NULL, profile_digest TEXT NOT NULL, "
    "remaining_seconds INTEGER NOT NULL, attempts_used INTEGER NOT NULL DEFAULT 0, "
    "armed_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL DEFAULT 0, "
    "ended_why TEXT NOT NULL DEFAULT '') STRICT",
    // One live arming a host, whatever the code above does (SG6).
    "CREATE UNIQUE INDEX armings_live ON armings(host) WHERE ended_ms = 0",

    "CREATE TABLE attempts (id INTEGER PRIMARY KEY, "
    "host TEXT NOT NULL REFERENCES hosts(id) ON DELETE CASCADE, "
    "arming INTEGER NOT NULL REFERENCES armings(id), state TEXT NOT NULL DEFAULT 'running', "
    "reason TEXT NOT NULL DEFAULT '', detail TEXT NOT NULL DEFAULT '', "
    "report TEXT NOT NULL DEFAULT '', started_ms INTEGER NOT NULL, "
    "ended_ms INTEGER NOT NULL DEFAULT 0) STRICT",
    "CREATE UNIQUE INDEX attempts_live ON attempts(host) WHERE ended_ms = 0",

    "CREATE TABLE sessions (id INTEGER PRIMARY KEY, "
    "host TEXT NOT NULL REFERENCES hosts(id) ON DELETE CASCADE, token_hash TEXT NOT NULL UNIQUE, "
    "bearer_hash TEXT NOT NULL DEFAULT '', mac TEXT NOT NULL, address TEXT NOT NULL DEFAULT '', "
    "attempt INTEGER NOT NULL, ended INTEGER NOT NULL DEFAULT 0, issued_ms INTEGER NOT NULL) "
    "STRICT",
    "CREATE INDEX sessions_host ON sessions(host)",

    "CREATE TABLE published_profiles (id TEXT PRIMARY KEY, digest TEXT NOT NULL, "
    "first_armed_ms INTEGER NOT NULL) STRICT",

    "CREATE TABLE audit (seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, who TEXT NOT NULL, "
    "what TEXT NOT NULL, host TEXT NOT NULL, from_state TEXT NOT NULL, to_state TEXT NOT NULL, "
    "why TEXT NOT NULL, prev_hash TEXT NOT NULL, hash TEXT NOT NULL) STRICT",
    "CREATE TABLE audit_head (one INTEGER PRIMARY KEY CHECK (one = 1), hash TEXT NOT NULL) STRICT",
};

inline constexpr std::array kSchema2{
    // The one row that every writer locks: with it all transactions stand in a line.
    "INSERT INTO audit_head (one, hash) SELECT 1, "
    "'0000000000000000000000000000000000000000000000000000000000000000' "
    "WHERE NOT EXISTS (SELECT 1 FROM audit_head)",
    "ALTER TABLE audit_head ADD COLUMN seq INTEGER NOT NULL DEFAULT 0",
    "UPDATE audit_head SET seq = (SELECT coalesce(max(seq), 0) FROM audit)",
    // Counts transactions; what a transaction wrote carries its number.
    "ALTER TABLE audit_head ADD COLUMN revision INTEGER NOT NULL DEFAULT 0",
    // Counts servers that ever took their state from here; each has a number of its own.
    "ALTER TABLE audit_head ADD COLUMN servers INTEGER NOT NULL DEFAULT 0",
    // How long servers have run, as far as it is written: armings expire by it (SQLite).
    "ALTER TABLE audit_head ADD COLUMN clock_ms INTEGER NOT NULL DEFAULT 0",

    // The last one that removed a host.
    "ALTER TABLE audit_head ADD COLUMN removed_revision INTEGER NOT NULL DEFAULT 0",
    // Servers that run on this database, and when each was last heard of.
    "CREATE TABLE servers (id INTEGER PRIMARY KEY, seen_ms INTEGER NOT NULL) STRICT",

    "ALTER TABLE hosts ADD COLUMN revision INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE hosts ADD COLUMN server INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX hosts_revision ON hosts(revision)",
    "ALTER TABLE published_profiles ADD COLUMN revision INTEGER NOT NULL DEFAULT 0",
    // Ids of several servers do not grow with time: what came later has the higher revision.
    "ALTER TABLE attempts ADD COLUMN revision INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX attempts_host ON attempts(host)",
    "ALTER TABLE sessions ADD COLUMN revision INTEGER NOT NULL DEFAULT 0",
    // What the clock showed when remaining_seconds were left.
    "ALTER TABLE armings ADD COLUMN counted_from_ms INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE host_macs ADD COLUMN position INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE armings ADD COLUMN revision INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX armings_host ON armings(host)",

    "CREATE TABLE batches (id TEXT PRIMARY KEY, profile TEXT NOT NULL, kind TEXT NOT NULL, "
    "rules TEXT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL, opened_ms INTEGER NOT NULL, "
    "remaining_seconds INTEGER NOT NULL, counted_from_ms INTEGER NOT NULL, "
    "closed_ms INTEGER NOT NULL DEFAULT 0, closed_by TEXT NOT NULL DEFAULT '') STRICT",
    // `arming` is the batch's own, 0 until the place is taken.
    "CREATE TABLE batch_slots (batch TEXT NOT NULL REFERENCES batches(id), "
    "number INTEGER NOT NULL, site TEXT NOT NULL, host TEXT NOT NULL DEFAULT '', "
    "arming INTEGER NOT NULL DEFAULT 0, taken_ms INTEGER NOT NULL DEFAULT 0, "
    "PRIMARY KEY (batch, number)) STRICT",
    "CREATE UNIQUE INDEX batch_slots_host ON batch_slots(batch, host) WHERE host <> ''",
    // What a report says of a machine, whatever became of it and of the inventory.
    "CREATE TABLE boxes (arming INTEGER PRIMARY KEY REFERENCES armings(id) ON DELETE CASCADE, "
    "name TEXT NOT NULL, macs TEXT NOT NULL, uuid TEXT NOT NULL, serial TEXT NOT NULL, "
    "edge_id TEXT NOT NULL, site TEXT NOT NULL, image TEXT NOT NULL, image_digest TEXT NOT NULL, "
    "tags TEXT NOT NULL) STRICT",
};

// Only of a database that version 1 wrote, which was always SQLite.
inline constexpr std::array kSchema2Sqlite{
    "UPDATE host_macs SET position = rowid",
};

inline constexpr std::array kSchema3{
    // Of each address the last lease; `client` in hexadecimal.
    "CREATE TABLE leases (network TEXT NOT NULL, address TEXT NOT NULL, client TEXT NOT NULL, "
    "mac TEXT NOT NULL, expires_ms INTEGER NOT NULL, PRIMARY KEY (network, address)) STRICT",
};

// What leads to version `to` from the one before it.
struct SchemaStep {
  std::int64_t to;
  std::span<const char* const> statements;
  std::span<const char* const> sqlite_only;
};

inline constexpr std::array kSchemaSteps{
    SchemaStep{.to = 1, .statements = kSchema1, .sqlite_only = {}},
    SchemaStep{.to = 2, .statements = kSchema2, .sqlite_only = kSchema2Sqlite},
    SchemaStep{.to = 3, .statements = kSchema3, .sqlite_only = {}},
};

inline constexpr std::int64_t kSchemaVersion = kSchemaSteps.back().to;

}  // namespace slipway::provisioning
