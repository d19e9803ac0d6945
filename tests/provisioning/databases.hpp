// The two kinds of database that every test of the store runs over. PostgreSQL is the
// distribution's own server, started for the test program on a UNIX socket in a folder of its own.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/secret.hpp"
#include "provisioning/store.hpp"

namespace slipway::provisioning {

class PostgresServer {
 public:
  // The one of this program, started at first use and stopped at its end.
  static PostgresServer& shared();

  PostgresServer();  // a failure to start fails the test
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  void start();
  // As a crash of its machine does.
  void kill();

  // A new, empty database; its URL.
  [[nodiscard]] Secret create_database();
  // What somebody with psql does.
  void psql(const std::string& database, const std::string& sql) const;

 private:
  void stop(int signal);
  [[nodiscard]] std::string program(const std::string& name) const;

  std::filesystem::path folder_, programs_;
  pid_t pid_ = 0;
  unsigned databases_ = 0;
};

enum class Kind : std::uint8_t { sqlite, postgresql };

// An empty database of one kind and a store on it.
class Database {
 public:
  explicit Database(Kind kind = Kind::sqlite);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void reopen();
  // Another store on the same database.
  [[nodiscard]] std::unique_ptr<Store> another() const;
  // What somebody with the sqlite3 or psql program does to it.
  void tamper(const std::string& sql) const;

  std::filesystem::path folder;
  StorePlace place;
  std::unique_ptr<Store> store;

 private:
  Kind kind_;
};

}  // namespace slipway::provisioning
