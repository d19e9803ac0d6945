// A whole provisioning side without sockets: real store, router and parts; time, neighbours and
// artifacts by hand.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "provisioning/provisioning.hpp"

namespace slipway::provisioning {

// Time moves when the test says so; tasks from the store's thread are taken when it looks.
class HandScheduler final : public Scheduler {
 public:
  void post(Task task) override;
  void after(std::chrono::milliseconds delay, Task task) override;

  // Runs what was posted; waits up to a second for something to be posted when `wait`.
  void run(bool wait);
  // Moves time on and runs what falls due, in order.
  void advance(std::chrono::milliseconds by);
  [[nodiscard]] Now now() const {
    const std::scoped_lock lock(mutex_);
    return now_;
  }
  void drop_all();

  std::chrono::steady_clock::duration longest{};  // of one task

 private:
  void run_timers();
  struct Timer {
    TimePoint due;
    Task task;
  };
  Now now_{.steady = TimePoint(std::chrono::hours(1000)), .unix_ms = 1'700'000'000'000};
  mutable std::mutex mutex_;
  std::condition_variable posted_;
  std::vector<Task> tasks_;
  std::vector<Timer> timers_;
};

class FakeArtifacts final : public Artifacts {
 public:
  Fallible<ImageFiles> find_image(std::string_view name) override;
  Fallible<InstallerSet> find_installer(std::string_view name) override;
  Fallible<std::vector<ContentPart>> find_content(std::string_view name) override;
  Fallible<InstallerFiles> installer() override;
  std::shared_ptr<const http::File> open(const Sha256& digest) override;
  Fallible<Bytes> cidata_iso(const Seed& seed) override;
  Fallible<Bytes> cidata_fat(const Seed& seed) override;
  Fallible<Bytes> token_cpio(std::string_view token) override;

  bool has_image = true, has_installer = true;
  std::map<std::string, std::vector<ContentPart>, std::less<>> content;
  std::optional<InstallerSet> set;  // the installer of others, if there is one
  std::filesystem::path blob;       // served for the digest of "vmlinuz"
};

// An answer that may still be to come.
using Pending = std::shared_ptr<std::optional<http::Response>>;

struct Ask {
  std::string body{}, bearer{};
  std::string from = "10.0.0.21";
  http::Method method = http::Method::get;
  bool operator_plane = false;
};

class Depot {
 public:
  // Its files lie under `where`, its store in SQLite there or in the PostgreSQL database `url`.
  explicit Depot(const std::filesystem::path& where = std::filesystem::temp_directory_path(),
                 const Secret& url = {});
  ~Depot();
  Depot(const Depot&) = delete;
  Depot& operator=(const Depot&) = delete;

  // As after kill -9 and a new start: a fresh process on the same files.
  void restart();

  // Sends `target` (path and query); the answer when there is one at once or after the store.
  http::Response ask(const std::string& target, Ask ask = {});
  http::Response post(const std::string& target, std::string body, std::string bearer = {});
  Pending begin(const std::string& target, Ask ask = {});
  // An order on the operator plane.
  http::Response order(const std::string& target, std::string body = "{}");
  http::Response show(const std::string& target);

  // The steps of a host's life, each checked.
  void arm(const std::string& host);
  std::string script_for(const std::string& mac, const std::string& from = "10.0.0.21");
  std::string token_for(const std::string& mac, const std::string& from = "10.0.0.21");
  std::string session_for(const std::string& token, const std::string& from = "10.0.0.21");

  void settle();  // until no host has a move on its way
  void fence();   // until everything that was asked of the store has come home
  void advance(std::chrono::milliseconds by);

  Host& host(const std::string& reference);
  std::string state(const std::string& reference);
  [[nodiscard]] std::vector<AuditRow> audit();
  // As Store::verify_audit(), on the thread that uses the store.
  [[nodiscard]] Fallible<std::int64_t> verify_audit();

  Config config;
  Inventory inventory;
  FakeArtifacts artifacts;
  std::map<Ipv4, Mac> neighbours;
  std::filesystem::path folder;
  HandScheduler scheduler;
  std::unique_ptr<Provisioning> provisioning;
  http::Router boot, operations;
  std::vector<std::string> reload_mistakes;

  void start();
  void stop();

 private:
  // Runs what is posted until `done`; the test fails if that takes longer than anything may.
  void run_until(const std::function<bool()>& done);
  std::unique_ptr<Store> store_;  // used by the thread of `provisioning`, and by nobody else
};

[[nodiscard]] std::string text_of(const http::Response& response);
// The value of string or number member `name` of a JSON document, as text.
[[nodiscard]] std::string member(const http::Response& response, const std::string& name);

}  // namespace slipway::provisioning
