#include "tests/provisioning/databases.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>
#include <vector>

#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

namespace fs = std::filesystem;

// PostgreSQL refuses to run as root.
constexpr auto* kUser = "postgres";

std::string fresh_folder(const char* pattern) {
  std::string text = pattern;
  REQUIRE(::mkdtemp(text.data()) != nullptr);
  return text;
}

fs::path find_programs() {
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql")) {
    if (fs::exists(version.path() / "bin/postgres")) return version.path() / "bin";
  }
  FAIL(
      "PostgreSQL's programs are not in /usr/lib/postgresql/*/bin; install the package postgresql");
  return {};
}

// The words that start a program as somebody who is not root and dies with us.
std::vector<std::string> as_user() {
  if (::geteuid() != 0) return {"setpriv", "--pdeathsig", "INT"};
  return {"setpriv", "--reuid", kUser, "--regid", kUser, "--clear-groups", "--pdeathsig", "INT"};
}

pid_t spawn(std::vector<std::string> words, const fs::path& log) {
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid != 0) return pid;
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  ::setsid();  // a signal for the test program's group is not for it
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

int wait_for(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return status;
}

std::vector<std::string> joined(std::vector<std::string> first,
                                const std::vector<std::string>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace

PostgresServer& PostgresServer::shared() {
  static PostgresServer server;
  return server;
}

PostgresServer::PostgresServer()
    : folder_(fresh_folder("/tmp/slipway-postgres-XXXXXX")), programs_(find_programs()) {
  if (::geteuid() == 0) {
    const auto* user = ::getpwnam(kUser);
    REQUIRE(user != nullptr);
    REQUIRE(::chown(folder_.c_str(), user->pw_uid, user->pw_gid) == 0);
  }
  const auto made =
      spawn(joined(as_user(), {program("initdb"), "-D", folder_ / "data", "-A", "trust", "-U",
                               "slipway", "--no-locale", "-E", "UTF8"}),
            folder_.string() + ".log");
  REQUIRE(wait_for(made) == 0);
  start();
}

PostgresServer::~PostgresServer() {
  if (pid_ != 0) stop(SIGINT);
  fs::remove_all(folder_);
  fs::remove(folder_.string() + ".log");
}

std::string PostgresServer::program(const std::string& name) const { return programs_ / name; }

void PostgresServer::start() {
  pid_ = spawn(joined(as_user(), {program("postgres"), "-D", folder_ / "data", "-k", folder_, "-c",
                                  "listen_addresses="}),
               folder_.string() + ".log");
  const auto ask = program("pg_isready") + " -q -h " + folder_.string();
  for (int i = 0; i < 600; ++i) {
    if (std::system(ask.c_str()) == 0) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  FAIL("PostgreSQL does not start; see " << folder_.string() << ".log");
}

void PostgresServer::stop(int signal) {
  ::kill(pid_, signal);
  wait_for(pid_);
  pid_ = 0;
}

// SIGQUIT ends all its processes at once, without a checkpoint.
void PostgresServer::kill() { stop(SIGQUIT); }

Secret PostgresServer::create_database() {
  const auto name = "test" + std::to_string(++databases_);
  psql("postgres", "CREATE DATABASE " + name);
  return Secret("postgresql://slipway@/" + name + "?host=" + folder_.string());
}

void PostgresServer::psql(const std::string& database, const std::string& sql) const {
  const auto pid = spawn({program("psql"), "-q", "-v", "ON_ERROR_STOP=1", "-h", folder_, "-U",
                          "slipway", "-c", sql, database},
                         folder_.string() + ".log");
  INFO(sql);
  REQUIRE(wait_for(pid) == 0);
}

Database::Database(Kind kind) : folder(fresh_folder("/tmp/slipway-store-XXXXXX")), kind_(kind) {
  place.file = folder / "slipway.db";
  if (kind == Kind::postgresql) place.url = PostgresServer::shared().create_database();
  reopen();
}

Database::~Database() { std::filesystem::remove_all(folder); }

void Database::reopen() {
  store.reset();
  store = another();
}

std::unique_ptr<Store> Database::another() const {
  auto opened = Store::open(place);
  INFO((opened ? std::string() : opened.error().text()));
  REQUIRE(opened);
  return std::move(*opened);
}

void Database::tamper(const std::string& sql) const {
  if (kind_ == Kind::postgresql) {
    const auto& url = place.url.reveal();
    const auto name = url.substr(url.rfind("@/") + 2);
    PostgresServer::shared().psql(name.substr(0, name.find('?')), sql);
    return;
  }
  const auto command = "sqlite3 " + place.file.string() + " \"" + sql + "\"";
  REQUIRE(std::system(command.c_str()) == 0);
}

}  // namespace slipway::provisioning
