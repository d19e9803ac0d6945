#include "provisioning/store.hpp"

#include <fcntl.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

#include "provisioning/store_database.hpp"
#include "provisioning/store_steps.hpp"

namespace slipway::provisioning {
namespace {

using store_detail::Head;
using store_detail::run;

std::string settings_of(const std::filesystem::path& file) {
  return "db=\"" + file.string() + "\" timeout=10";
}

void prepare_connection(soci::session& sql, Durability durability) {
  run(sql, "PRAGMA journal_mode = WAL");
  // FULL: with NORMAL a power cut loses acknowledged changes (measured: 52 of 100 cuts).
  run(sql,
      durability == Durability::full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  run(sql, "PRAGMA foreign_keys = ON");
  run(sql, "PRAGMA secure_delete = ON");  // freed pages are overwritten (SG9)
}

bool rolled_back(soci::session& sql) {
  try {
    run(sql, "ROLLBACK");
    return true;
  } catch (const soci::soci_error&) {
    return false;
  }
}

// Created before SQLite opens it, so that it is never readable for others, not even empty.
Fallible<void> create_private(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return fail_errno(file.string(), errno);
  ::close(descriptor);
  return {};
}

Head read_head(soci::session& sql) {
  std::tuple<long long, std::string, long long, long long> row;
  store_detail::one_row(sql, "SELECT seq, hash, revision, clock_ms FROM audit_head", row);
  const auto& [seq, hash, revision, clock_ms] = row;
  return {.seq = seq,
          .hash = Sha256::parse(hash).value_or(Sha256{}),
          .revision = revision,
          .clock_ms = clock_ms};
}

void write_head(soci::session& sql, const Head& head) {
  run(sql, "UPDATE audit_head SET seq = :1, hash = :2, revision = :3, clock_ms = :4", head.seq,
      head.hash, head.revision, head.clock_ms);
}

Fallible<void> apply_in_savepoint(store_detail::StepContext context, const Change& change) {
  const auto head_before = context.head;
  run(context.sql, "SAVEPOINT change");
  try {
    for (const auto& step : change) {
      std::visit([&](const auto& each) { apply_step(context, each); }, step);
    }
    run(context.sql, "RELEASE change");
    return {};
  } catch (const std::runtime_error& error) {  // a conflict, or what the database refused
    run(context.sql, "ROLLBACK TO change");
    run(context.sql, "RELEASE change");
    context.head = head_before;
    return fail(std::string(error.what()));
  }
}

}  // namespace

Store::Store(std::unique_ptr<Database> database) : database_(std::move(database)) {}
Store::~Store() = default;

Fallible<std::unique_ptr<Store>> Store::open(const std::filesystem::path& file,
                                             Durability durability) {
  if (const auto created = create_private(file); !created) {
    return std::unexpected(created.error());
  }
  try {
    auto database = std::make_unique<Database>();
    database->sql.open(soci::sqlite3, settings_of(file));
    prepare_connection(database->sql, durability);
    if (const auto ready = store_detail::migrate(database->sql); !ready) {
      return fail(ready.error(), file.string());
    }
    return std::unique_ptr<Store>(new Store(std::move(database)));
  } catch (const soci::soci_error& error) {
    return fail(file.string() + ": " + error.what());
  }
}

Fallible<void> Store::apply(const Change& change) { return apply(std::span(&change, 1)).front(); }

std::vector<Fallible<void>> Store::apply(std::span<const Change> changes) {
  auto& sql = database_->sql;
  try {
    std::vector<Fallible<void>> results;
    run(sql, "BEGIN IMMEDIATE");
    auto head = read_head(sql);
    ++head.revision;
    for (const auto& change : changes) {
      results.push_back(
          apply_in_savepoint({.sql = sql, .head = head, .clock = database_->clock}, change));
    }
    write_head(sql, head);
    run(sql, "COMMIT");
    return results;
  } catch (const soci::soci_error& error) {
    // After a full disk or an I/O error SQLite has rolled back by itself and refuses this.
    (void)rolled_back(sql);
    return std::vector<Fallible<void>>(changes.size(),
                                       fail(std::string("writing the database: ") + error.what()));
  }
}

}  // namespace slipway::provisioning
