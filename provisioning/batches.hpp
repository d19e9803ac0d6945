// provisioning/batches.hpp -- batches as they are carried out.
//
// Deciding thread only. A batch arms in the name of the person that opened it, and only while it
// is open (SG6). A place is claimed in the same transaction that arms its host, so neither two
// hosts nor two servers get the same one, and a restart in between loses nothing.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "provisioning/batch.hpp"
#include "provisioning/ledger.hpp"
#include "provisioning/operator.hpp"

namespace slipway::provisioning {

// What a person asks for.
struct BatchRequest {
  struct Entry {
    std::string host{};  // name, MAC or ID; a MAC that nobody has becomes a host
    std::string site{};
  };
  std::string profile{};  // NAME or NAME@VERSION
  BatchKind kind = BatchKind::hosts;
  std::vector<Entry> entries{};
  std::optional<std::uint64_t> limit{};  // sites: so many of them at most
  std::vector<std::string> allow{};
  std::chrono::seconds lifetime{};
};

// `pointer` is a JSON pointer into the request: "/sites/3".
struct BatchMistake {
  std::string pointer{}, text{};
};

struct BatchRefusal {
  int status = 422;
  std::string text{};
  std::vector<BatchMistake> mistakes{};
};

class Batches {
 public:
  // The id of the new batch.
  using Opened = std::move_only_function<void(const std::expected<std::string, BatchRefusal>&)>;
  using Done = Operator::Done;

  Batches(Ledger& ledger, Operator& operations, std::vector<Batch> stored);

  // All mistakes at once, and then nothing is armed. `opened` runs when every named host is armed.
  void open(const BatchRequest& request, const Order& order, Opened opened);
  // Nobody is taken any more, and what the batch has armed is disarmed, unless it is at work. What
  // a person armed by hand stays armed.
  void close(std::string_view id, const Order& order, Done done);

  // A host whose agent waits with nothing to do: the oldest batch that lets it in takes it.
  void consider(Host& host);

  // Begins to look for what is due, every kSweepEvery.
  void start();
  void sweep();

  [[nodiscard]] const Batch* find(std::string_view id) const;
  // Why `host` could not be armed when it was last tried; empty: it was not refused.
  [[nodiscard]] std::string refusal_of(const Batch& batch, std::string_view host) const;
  [[nodiscard]] std::vector<const Batch*> all() const;  // in the order in which they were opened

  static constexpr std::chrono::seconds kSweepEvery{5};

 private:
  struct Live {
    explicit Live(Batch stored) : batch(std::move(stored)) {}
    Batch batch;
    std::set<std::int64_t> pending;                           // places that a host is about to take
    std::map<std::string, std::string, std::less<>> refused;  // host id: why it could not be armed
    bool settled = false;  // closed, and nothing of it is armed any more
  };
  class Check;  // batch_check.cpp
  [[nodiscard]] std::expected<Batch, BatchRefusal> planned(const BatchRequest& request,
                                                           const Order& order);
  [[nodiscard]] Live* live(std::string_view id);
  void arm_named(const std::string& id, Scheduler::Task done);
  void take(Live& batch, const BatchSlot& slot, Host& host, Scheduler::Task done);
  void taken(const std::string& id, std::int64_t number, Host& host,
             const Operator::Outcome& outcome);
  [[nodiscard]] const BatchSlot* free_place(const Live& batch) const;
  void consider_waiting();
  void commit_close(Live& batch, const Order& order, Done done);
  void withdraw_rest(Live& batch, const Order& order, Scheduler::Task done);
  void reload();
  void merge(std::vector<Batch> stored);

  Ledger& ledger_;
  Operator& operator_;
  std::vector<std::unique_ptr<Live>> batches_;
};

}  // namespace slipway::provisioning
