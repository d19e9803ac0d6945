// provisioning/operator.hpp -- what a person does to hosts, and how hosts follow the inventory.
//
// Deciding thread only. Only here is a host armed (SG6).
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "provisioning/artifacts.hpp"
#include "provisioning/ledger.hpp"
#include "provisioning/recipe.hpp"

namespace slipway::provisioning {

// Why something was not done: 409 when the host is in another state, 422 when something must be
// prepared first, 503 when we failed.
struct Refusal {
  int status = 409;
  std::string text{};  // a sentence with the remedy
};
[[nodiscard]] std::expected<void, Refusal> refused(int status, std::string text);
// "host h1 is armed", as sentences that refuse something begin.
[[nodiscard]] std::string state_of(const Host& host);

// Who asks, and what the audit log shall say.
struct Order {
  std::string who{}, why{};
};

struct Assignment {
  std::string profile{};  // NAME or NAME@VERSION
  std::string site{};     // may be empty
  std::string name{};     // of the host; empty: as it is
};

// A place of a batch, and what it says where nothing else does.
struct BatchPlace {
  std::string batch{};
  std::int64_t number = 0;
  std::string profile{};  // NAME@VERSION
  std::string site{};     // may be empty
};

class Operator {
 public:
  using Outcome = std::expected<void, Refusal>;
  using Done = std::move_only_function<void(const Outcome&)>;

  Operator(Ledger& ledger, Artifacts& artifacts) : ledger_(ledger), artifacts_(artifacts) {}

  // Permission to write the host's disk once, within `lifetime`. Refused unless profile, site,
  // image and installer are all there and fit.
  void arm(Host& host, std::chrono::seconds lifetime, const Order& order, Done done);
  void disarm(Host& host, const Order& order, Done done);

  // The same as arm() for a place of a batch that a person opened: place, assignment and arming are
  // one transaction. `order` names the batch and that person.
  void arm_in_batch(Host& host, const BatchPlace& place, std::chrono::seconds lifetime,
                    const Order& order, Done done);
  // Whether arm_in_batch() would do it now: the host can be armed, neither inventory nor an
  // operator says otherwise, and nothing is missing.
  [[nodiscard]] Outcome may_arm_in_batch(const Host& host, const BatchPlace& place);
  // Takes `arming` back unless it is used up, replaced or at work: then nothing is done.
  void withdraw(Host& host, std::int64_t arming, const Order& order, Done done);

  // Lets a failed host go on: with what its arming has left, or else armed again for `lifetime`.
  void retry(Host& host, std::chrono::seconds lifetime, const Order& order, Done done);
  // A root shell on the consoles of a host whose agent waits, or no more. Refused while an attempt
  // runs, and when nothing was heard of an agent for kAgentTalks.
  void rescue(Host& host, bool open, const Order& order, Done done);
  static constexpr std::chrono::seconds kAgentTalks{60};  // a waiting one asks every 30 s

  // A discovered host is never answered again; `assign` takes that back.
  void ignore(Host& host, const Order& order, Done done);
  // For hosts that are not in the inventory.
  void assign(Host& host, const Assignment& assignment, const Order& order, Done done);

  // From now on `inventory` counts. Its hosts get records and become assigned when they are
  // complete; an armed host keeps what it was armed with. Returns what could not be followed,
  // one sentence each.
  std::vector<std::string> use_inventory(std::shared_ptr<const Inventory> inventory);

 private:
  struct Prepared {
    Recipe recipe{};
    ImageFiles image{};
    Sha256 digest{};
    std::string warning{};  // what a person should know, and no reason to refuse
    bool is_new_profile = false;
  };
  [[nodiscard]] std::expected<Prepared, Refusal> prepare(const Host& host);
  [[nodiscard]] Fallible<ImageFiles> flash_files(const Profile& profile);
  [[nodiscard]] Fallible<ImageFiles> third_party_files(const Host& host, const Recipe& recipe);
  void arm_free(Host& host, std::chrono::seconds lifetime, const Order& order, Done done);
  struct Term {
    std::int64_t id = 0;
    std::chrono::seconds lifetime{};
  };
  [[nodiscard]] Move arming_of(const Host& host, const Prepared& prepared, const Term& term,
                               const Order& order);
  void commit_arming(Host& host, Move change, Prepared prepared, const Order& order, Done done);
  [[nodiscard]] std::expected<Prepared, Refusal> prepare_in(const Host& host,
                                                            const BatchPlace& place);
  [[nodiscard]] Outcome contradiction(const Host& host, const BatchPlace& place) const;
  [[nodiscard]] Host wanted_in(const Host& host, const BatchPlace& place) const;
  [[nodiscard]] Outcome may_assign(const Host& host, const Assignment& assignment);
  void assign_free(Host& host, const Assignment& assignment, const Order& order, Done done);
  void move(Host& host, Move move, std::string_view event, std::string text, Done done);

  [[nodiscard]] Host& record_of(const HostEntry& entry);
  void follow_entry(Host& host, const HostEntry& entry, std::vector<std::string>& problems);
  void take_macs(Host& host, const HostEntry& entry, std::vector<std::string>& problems);
  void share_macs(const Inventory& inventory);
  void keep_facts(Host& host);
  void follow_states(std::vector<std::string> ids, unsigned inventory);
  void follow_state(Host& host);
  void go_silently(Host& host, HostState to, std::string why);

  Ledger& ledger_;
  Artifacts& artifacts_;
  unsigned inventories_used_ = 0;
};

}  // namespace slipway::provisioning
