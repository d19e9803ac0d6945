// agent/install.hpp -- the story: from a lease to a written disk and an acknowledged report.
//
// Reads like the ADR of the flow; each step lives in a file of its own. Nothing is written before
// the plan is there, the requirements are met, exactly one disk fits, and the manifest is the one
// that the plan names.
#pragma once

#include <expected>
#include <filesystem>
#include <functional>
#include <optional>

#include "agent/console.hpp"
#include "agent/failure.hpp"
#include "agent/network.hpp"
#include "agent/report.hpp"
#include "agent/rescue.hpp"
#include "agent/session.hpp"

namespace slipway::agent {

class Install {
 public:
  // All must outlive this. `root` is "/" but in tests.
  struct Parts {
    Console& console;
    Session& session;
    Network& network;
    RescueShell& shell;
    Waiting waiting;
    std::function<std::string()> kernel_messages;
  };
  // `server` is its address for people: "http://10.88.0.2:8080".
  Install(std::filesystem::path root, std::string server, Parts parts);

  // Returns how this host leaves the network: as the plan says after a success that the server
  // acknowledged, or by a restart when the server does not know the host's token any more. A failed
  // attempt keeps the host on, shows the reason and asks for the next plan.
  [[nodiscard]] Finish run();

 private:
  // Nothing: this attempt is over without a report, because the server has revoked it.
  using Attempt = std::optional<Outcome>;

  [[nodiscard]] std::optional<Finish> register_host();
  [[nodiscard]] std::optional<Finish> on_refusal(const Refusal& refusal);
  [[nodiscard]] std::optional<Finish> carry_out(const Plan& plan);
  [[nodiscard]] Attempt attempt(const Plan& plan);
  [[nodiscard]] std::expected<void, Failure> carry_out(const Plan& plan, ProgressReport& report,
                                                       Outcome& outcome);
  [[nodiscard]] std::expected<Disk, Failure> pick_disk(const Plan& plan, Outcome& outcome);
  void settle_disks(const Plan& plan);

  [[nodiscard]] std::optional<Finish> follow(const Order& order);
  void follow_shell();
  void send_diagnosis(const Outcome& outcome);
  void show_waiting();
  void show_failure(const Outcome& outcome);

  std::filesystem::path root_;
  std::string server_;
  Console& console_;
  Session& session_;
  Network& network_;
  RescueShell& shell_;
  Waiting waiting_;
  std::function<std::string()> kernel_messages_;
  Inventory inventory_;
  Hold hold_;                       // the last one
  std::vector<std::string> shown_;  // the waiting screen, unless something else was shown since
  bool has_failed_ = false;         // the reason of a failure is on the screen
};

}  // namespace slipway::agent
