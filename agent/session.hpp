// agent/session.hpp -- the agent protocol as a client speaks it (docs/boot-flow.md s.3).
//
// Every request is repeated without end until the server answers: a depot's server may be restarted
// while a hundred hosts are at work. What does not answer, or answers 408, 429 or 5xx, counts as
// "not now". Any other answer ends the request. Not for several threads at once.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/backoff.hpp"
#include "agent/disk_rule.hpp"
#include "agent/health.hpp"
#include "agent/inventory.hpp"
#include "agent/order.hpp"
#include "agent/transport.hpp"
#include "agent/waiting_screen.hpp"

namespace slipway::agent {

// The server answered and said no.
struct Refusal {
  int status = 0;      // 403 wrong taker, 404 unknown token, 409 attempt revoked, 410 finished
  std::string detail;  // from the problem document
};

template <class T>
using Answered = std::expected<T, Refusal>;

// How the old content of the disk was erased.
struct EraseReport {
  std::string method;  // "nvme-format"
  double seconds = 0;
  bool verified = false;  // by reading afterwards
};

// What POST result carries.
struct Outcome {
  std::uint64_t attempt = 0;
  bool installed = false;
  std::string reason, detail;             // of a failure; of a success, `detail` may hold a warning
  std::string disk;                       // empty when none was chosen
  std::string raw_sha256;                 // empty unless installed
  std::map<std::string, double> seconds;  // by step
  std::vector<DiskVerdict> disks;         // every disk, and why it was taken or left
  std::optional<Health> health;           // of the chosen disk
  std::optional<EraseReport> erase;
};

class Session {
 public:
  // `transport` must outlive the session. `trouble` hears once for each run of failures what the
  // matter is, and an empty text when it is over.
  Session(Transport& transport, Secret token, Waiting waiting,
          std::function<void(const std::string&)> trouble);

  // `hear` gets the server's clock (milliseconds since 1970, UTC) with the first answer that opens
  // a session, and never again: later, a write may be running that must not see time jump.
  void on_server_time(std::function<void(std::int64_t unix_ms)> hear) { hear_ = std::move(hear); }

  // Trades the token for a session; `inventory` says who we are. A later request that finds the
  // session gone (401) does this again by itself, once.
  [[nodiscard]] Answered<void> open(const Inventory& inventory);

  [[nodiscard]] Answered<void> post_inventory(const Inventory& inventory);

  // Waits up to 30 s at the server for a plan, or for another hold than the one with the tag
  // `seen`. An order that cannot be understood is a refusal with status 200.
  [[nodiscard]] Answered<Order> order(const std::string& seen);

  [[nodiscard]] Answered<std::string> seed(const SeedSource& source);

  // A small artifact, whole. It is public, so the session stays unsaid.
  [[nodiscard]] Answered<std::string> artifact(const std::string& path);

  // Returns once the server has the outcome on its disk.
  [[nodiscard]] Answered<void> post_result(const Outcome& outcome);

  // One try: lines for the host's timeline are not worth holding anything up.
  void post_log(const std::vector<std::string>& lines);

  // The diagnosis of a failure; three tries, for the host has to go on asking for its next plan.
  void post_diagnosis(const std::string& json);

  // What must stand nowhere else.
  [[nodiscard]] std::vector<Secret> secrets() const { return {token_, bearer_}; }

  // As of the last open(), also of one that a request did by itself.
  [[nodiscard]] const Registration& registration() const { return registration_; }
  [[nodiscard]] const Secret& bearer() const { return bearer_; }

 private:
  [[nodiscard]] Answer send(Call call);  // until answered
  [[nodiscard]] Answer send_as_session(Call call);
  [[nodiscard]] Answered<void> expect(Call call, int status);

  Transport& transport_;
  Secret token_;
  Waiting waiting_;
  std::function<void(const std::string&)> trouble_;
  std::function<void(std::int64_t)> hear_;
  Inventory identity_;
  Secret bearer_;
  Registration registration_;
};

// Bodies, for tests as well.
[[nodiscard]] std::string result_json(const Outcome& outcome);
[[nodiscard]] std::string progress_json(std::uint64_t attempt, std::string_view step,
                                        std::uint64_t done_octets, std::uint64_t total_octets,
                                        std::uint64_t rate_octets);

}  // namespace slipway::agent
