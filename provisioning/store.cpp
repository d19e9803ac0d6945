#include "provisioning/store.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include "base/log.hpp"
#include "provisioning/store_database.hpp"
#include "provisioning/store_steps.hpp"
#include "provisioning/store_url.hpp"

namespace slipway::provisioning {
namespace {

using store_detail::Head;
using store_detail::run;

constexpr std::chrono::milliseconds kFirstPause{500};
constexpr std::chrono::milliseconds kLongestPause{15'000};

// Created before SQLite opens it, so that it is never readable for others, not even empty.
Fallible<void> create_private(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return fail_errno(file.string(), errno);
  ::close(descriptor);
  return {};
}

Fallible<void> apply_in_savepoint(store_detail::StepContext context, const Change& change) {
  const auto head_before = context.head;
  run(context.sql, "SAVEPOINT change");
  try {
    for (const auto& step : change) {
      std::visit([&](const auto& each) { apply_step(context, each); }, step);
    }
    run(context.sql, "RELEASE SAVEPOINT change");
    return {};
  } catch (const std::runtime_error& error) {  // a conflict, or what the database refused
    run(context.sql, "ROLLBACK TO SAVEPOINT change");
    run(context.sql, "RELEASE SAVEPOINT change");
    context.head = head_before;
    return fail(without_password(error.what(), {}));
  }
}

}  // namespace

Store::Store(std::unique_ptr<Database> database) : database_(std::move(database)) {}

Store::~Store() {
  if (database_->server == 0 || database_->outage.lost) return;
  try {
    run(database_->sql, "DELETE FROM servers WHERE id = :1", database_->server);
  } catch (const soci::soci_error& error) {
    log::warn("store.lost", {{"why", failed(error, "leaving").text()}});
  }
}

bool Store::shared() const { return database_->dialect.shared; }

Fallible<std::unique_ptr<Store>> Store::open(const StorePlace& place) {
  return place.url.empty() ? open(place.file) : open_postgresql(place.url);
}

Fallible<std::unique_ptr<Store>> Store::open(const std::filesystem::path& file,
                                             Durability durability) {
  if (const auto created = create_private(file); !created) {
    return std::unexpected(created.error());
  }
  try {
    auto database = std::make_unique<Database>(store_detail::kSqlite);
    store_detail::connect_sqlite(database->sql, file, durability);
    if (const auto ready = migrate(database->sql, database->dialect); !ready) {
      return fail(ready.error(), file.string());
    }
    return std::unique_ptr<Store>(new Store(std::move(database)));
  } catch (const soci::soci_error& error) {
    return fail(file.string() + ": " + error.what());
  }
}

Fallible<std::unique_ptr<Store>> Store::open_postgresql(const Secret& url) {
  if (const auto good = check_database_url(url); !good) return std::unexpected(good.error());
  const auto where = shown_url(url);
  try {
    auto database = std::make_unique<Database>(store_detail::kPostgresql, url);
    const auto connected = store_detail::connect_postgresql(database->sql, url);
    if (!connected) return fail(connected.error(), where);
    if (const auto ready = migrate(database->sql, database->dialect); !ready) {
      return fail(ready.error(), where);
    }
    return std::unique_ptr<Store>(new Store(std::move(database)));
  } catch (const soci::soci_error& error) {
    return fail(where + ": " + without_password(error.what(), url));
  }
}

// What `error` means for the connection: one that cannot even roll back is broken.
Error Store::failed(const std::exception& error, std::string_view doing) {
  const auto text = without_password(error.what(), database_->url);
  auto& outage = database_->outage;
  // After a full disk or an I/O error SQLite has rolled back by itself and refuses to.
  const bool usable = store_detail::rolled_back(database_->sql);
  if (shared() && !usable && !outage.lost) {
    outage = {.lost = true, .why = text, .next_try = {}, .pause = kFirstPause};
    database_->own_news = true;  // the answer to a COMMIT may be what was lost
    log::error("store.lost", {{"why", text}});
  }
  return Error(std::string(doing) + " the database: " + text);
}

Fallible<void> Store::connect() {
  auto& outage = database_->outage;
  if (!outage.lost) return {};
  const auto now = std::chrono::steady_clock::now();
  if (now >= outage.next_try) {
    try {
      database_->sql.close();
      const auto connected = store_detail::connect_postgresql(database_->sql, database_->url);
      if (connected) {
        outage = {};
        log::info("store.back");
        return {};
      }
      outage.why = connected.error().text();
    } catch (const soci::soci_error& error) {
      outage.why = without_password(error.what(), database_->url);
    }
    outage.next_try = std::chrono::steady_clock::now() + outage.pause;
    outage.pause = std::min(2 * outage.pause, kLongestPause);
  }
  return fail("the database cannot be reached: " + outage.why);
}

Fallible<void> Store::apply(const Change& change) { return apply(std::span(&change, 1)).front(); }

std::vector<Fallible<void>> Store::apply(std::span<const Change> changes) {
  const auto all_failed = [&](const Error& error) {
    return std::vector<Fallible<void>>(changes.size(), std::unexpected(error));
  };
  if (const auto connected = connect(); !connected) return all_failed(connected.error());
  auto& sql = database_->sql;
  try {
    std::vector<Fallible<void>> results;
    run(sql, database_->dialect.begin);
    auto head = lock_head(sql, database_->dialect);
    ++head.revision;
    for (const auto& change : changes) {
      results.push_back(apply_in_savepoint({.sql = sql,
                                            .head = head,
                                            .clock = database_->clock,
                                            .shared = shared(),
                                            .server = database_->server},
                                           change));
    }
    write_head(sql, head);
    run(sql, "COMMIT");
    return results;
  } catch (const soci::soci_error& error) {
    return all_failed(failed(error, "writing"));
  }
}

}  // namespace slipway::provisioning
