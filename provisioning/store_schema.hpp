// provisioning/store_schema.hpp -- the tables of slipway.db.
//
// Times are milliseconds since 1970, 0 for "not yet"; digests and addresses are text. Version 1
// is the first; a later one adds its statements and raises kSchemaVersion.
#pragma once

#include <array>
#include <cstdint>

namespace slipway::provisioning {

inline constexpr std::int64_t kSchemaVersion = 1;

inline constexpr std::array kSchema{
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

}  // namespace slipway::provisioning
