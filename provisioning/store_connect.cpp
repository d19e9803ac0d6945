// How the store reaches its database: SQLite and PostgreSQL, and where they differ.
#include <soci/postgresql/soci-postgresql.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include "provisioning/store_database.hpp"
#include "provisioning/store_url.hpp"
#include "provisioning/yaml.hpp"

namespace slipway::provisioning::store_detail {

const Dialect kSqlite{
    .begin = "BEGIN IMMEDIATE",
    .begin_reading = "BEGIN",
    .clock = "clock_ms",
    .lock = "",
    .schema_tables = "SELECT count(*) FROM sqlite_master WHERE name = 'schema_version'",
    .before_migrate = "",
    .shared = false,
};

const Dialect kPostgresql{
    // A statement that follows the lock must see what the one before us in the line committed.
    .begin = "BEGIN ISOLATION LEVEL READ COMMITTED",
    .begin_reading = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    .clock = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
    .lock = " FOR UPDATE",
    .schema_tables =
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = "
        "current_schema() AND table_name = 'schema_version'",
    // The number only has to be the same in every Slipway.
    .before_migrate = "SELECT pg_advisory_xact_lock(7405637929)",
    .shared = true,
};

namespace {

// Added to the URL where it does not say otherwise. An unreachable server is given up after
// seconds, not after the kernel's quarter of an hour.
std::string with_options(std::string url) {
  for (const std::string_view option :
       {"application_name=slipway", "connect_timeout=5", "tcp_user_timeout=10000"}) {
    const auto key = option.substr(0, option.find('=') + 1);
    if (url.find(key) != std::string::npos) continue;
    url += url.find('?') == std::string::npos ? '?' : '&';
    url += option;
  }
  return url;
}

std::string setting(soci::session& sql, const std::string& name) {
  std::tuple<std::string> value;
  one_row(sql, "SELECT current_setting('" + name + "')", value);
  return std::get<0>(value);
}

}  // namespace

std::string storable(std::string_view text) {
  std::string clean(text);
  std::erase(clean, '\0');
  if (is_utf8(clean)) return clean;
  for (char& c : clean) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return clean;
}

void connect_sqlite(soci::session& sql, const std::filesystem::path& file, Durability durability) {
  sql.open(soci::sqlite3, "db=\"" + file.string() + "\" timeout=10");
  run(sql, "PRAGMA journal_mode = WAL");
  // FULL: with NORMAL a power cut loses acknowledged changes (measured: 52 of 100 cuts).
  run(sql,
      durability == Durability::full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  run(sql, "PRAGMA foreign_keys = ON");
  run(sql, "PRAGMA secure_delete = ON");  // freed pages are overwritten (SG9)
}

Fallible<void> connect_postgresql(soci::session& sql, const Secret& url) {
  sql.open(soci::postgresql, with_options(url.reveal()));
  run(sql, "SET client_encoding = 'UTF8'");
  run(sql, "SET synchronous_commit = on");
  // Everybody waits for whoever holds the head: nobody may hold it for long.
  run(sql, "SET lock_timeout = '10s'");
  run(sql, "SET statement_timeout = '30s'");
  run(sql, "SET idle_in_transaction_session_timeout = '10s'");
  if (setting(sql, "server_encoding") != "UTF8") {
    return fail("its encoding is " + setting(sql, "server_encoding") +
                "; make it with ENCODING 'UTF8'");
  }
  if (setting(sql, "fsync") != "on") {
    return fail(
        "its server runs with fsync = off, which loses acknowledged changes in a power "
        "cut; set it to on");
  }
  return {};
}

Head lock_head(soci::session& sql, const Dialect& dialect) {
  std::tuple<long long, std::string, long long, long long, long long> row;
  one_row(sql,
          "SELECT seq, hash, revision, removed_revision, " + std::string(dialect.clock) +
              " FROM audit_head" + dialect.lock,
          row);
  const auto& [seq, hash, revision, removed_revision, clock_ms] = row;
  return {.seq = seq,
          .hash = Sha256::parse(hash).value_or(Sha256{}),
          .revision = revision,
          .clock_ms = clock_ms,
          .removed_revision = removed_revision};
}

void write_head(soci::session& sql, const Head& head) {
  run(sql,
      "UPDATE audit_head SET seq = :1, hash = :2, revision = :3, removed_revision = :4, "
      "clock_ms = :5",
      head.seq, head.hash, head.revision, head.removed_revision, head.clock_ms);
}

bool rolled_back(soci::session& sql) {
  try {
    run(sql, "ROLLBACK");
    return true;
  } catch (const soci::soci_error&) {
    return false;
  }
}

}  // namespace slipway::provisioning::store_detail
