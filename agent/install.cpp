#include "agent/install.hpp"

#include <algorithm>

#include "agent/checks.hpp"
#include "agent/diagnosis.hpp"
#include "agent/disk_rule.hpp"
#include "agent/preparation.hpp"
#include "agent/text_file.hpp"
#include "agent/write.hpp"
#include "base/failures.hpp"
#include "base/progress.hpp"

namespace slipway::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Disks appear while the kernel probes. One that comes late must not turn "two disks fit" into "one
// disk fits", so the list has to stand still for a while before it is believed.
constexpr milliseconds kLook{500};
constexpr int kQuietLooks = 4;     // 2 s without a change
constexpr int kPatientLooks = 40;  // 20 s when no disk fits at all: spinning up, or USB

constexpr milliseconds kReportPatience{5'000};

std::string describe(const Disk& disk) {
  const std::string model = disk.model.empty() ? "" : "  " + disk.model;
  return disk.path + "  " + disk.type + "  " + human_octets(disk.size_octets) + model;
}

std::vector<std::string> describe(const DiskChoice& choice) {
  std::vector<std::string> lines;
  for (const auto& verdict : choice.verdicts) lines.push_back(verdict.path + " " + verdict.why);
  return lines;
}

}  // namespace

Install::Install(std::filesystem::path root, std::string server, Parts parts)
    : root_(std::move(root)),
      server_(std::move(server)),
      console_(parts.console),
      session_(parts.session),
      network_(parts.network),
      shell_(parts.shell),
      waiting_(std::move(parts.waiting)),
      kernel_messages_(std::move(parts.kernel_messages)) {}

Finish Install::run() {
  if (const auto leave = register_host()) return *leave;
  for (;;) {
    const auto order = session_.order(hold_.tag);
    const auto leave = order ? follow(*order) : on_refusal(order.error());
    if (leave) return *leave;
  }
}

std::optional<Finish> Install::follow(const Order& order) {
  if (const auto* hold = std::get_if<Hold>(&order)) {
    hold_ = *hold;
    if (hold_.state != "failed") has_failed_ = false;
    show_waiting();
    follow_shell();
    return std::nullopt;
  }
  const auto* plan = std::get_if<Plan>(&order);
  if (plan == nullptr) {
    show_waiting();
    return std::nullopt;
  }
  hold_ = {};  // what comes afterwards is to be shown, whatever it is
  shown_.clear();
  has_failed_ = false;
  return carry_out(*plan);
}

// Opened anew when it is asked for again: the former one may have ended by `exit`.
void Install::follow_shell() {
  if (hold_.shell) {
    console_.show({"A rescue shell of root opens here, by order of " + hold_.by + ".",
                   "It is closed from the server, or when this host is armed."});
    shell_.open();
    shown_.clear();
  } else if (!shell_.close()) {
    console_.say("The rescue shell cannot be ended; switch the host off and on again.");
  }
}

std::optional<Finish> Install::register_host() {
  inventory_ = read_inventory(root_);
  for (;;) {
    auto done = session_.open(inventory_);
    if (done) done = session_.post_inventory(inventory_);
    if (done) return std::nullopt;
    if (const auto leave = on_refusal(done.error())) return leave;
  }
}

// What is refused for good is not asked again: the firmware's next round through the network gives
// the host a new token, or its own disk.
std::optional<Finish> Install::on_refusal(const Refusal& refusal) {
  const bool final = refusal.status == 403 || refusal.status == 404 || refusal.status == 410;
  if (!final) {
    console_.say("The server refused: " + refusal.detail);
    waiting_.sleep(seconds(15));
    return std::nullopt;
  }
  const auto pause = refusal.status == 410 ? seconds(60) : seconds(300);
  console_.show({"The server does not work on this host any more:", refusal.detail,
                 "The host restarts in " + std::to_string(pause.count()) + " seconds."});
  waiting_.sleep(pause);
  return Finish::reboot;
}

std::optional<Finish> Install::carry_out(const Plan& plan) {
  console_.say("Attempt " + std::to_string(plan.attempt) + ": " + plan.image.name + " for " +
               plan.host);
  const auto outcome = attempt(plan);
  if (!outcome) {
    console_.show({"The server has revoked this attempt.",
                   "What was written cannot boot. The host waits for a new plan."});
    return std::nullopt;
  }
  const auto acknowledged = session_.post_result(*outcome);
  if (!outcome->installed) {
    show_failure(*outcome);
    send_diagnosis(*outcome);
    return std::nullopt;
  }
  if (!acknowledged) return on_refusal(acknowledged.error());
  console_.show({plan.host + " is written and verified.",
                 plan.finish == Finish::poweroff ? "It switches off now." : "It restarts now."});
  return plan.finish;
}

Install::Attempt Install::attempt(const Plan& plan) {
  Outcome outcome;
  outcome.attempt = plan.attempt;
  if (!shell_.close()) {
    outcome.reason = "shell-not-closed";
    outcome.detail =
        "A process of the rescue shell cannot be ended; switch the host off and on again.";
    return outcome;
  }
  ProgressReport report(network_.connect(kReportPatience), session_.bearer(), plan.attempt);
  report.update({.step = "checks"});
  const auto done = carry_out(plan, report, outcome);
  report.stop();
  if (!done && report.revoked()) return std::nullopt;
  outcome.installed = done.has_value();
  if (!done) {
    outcome.reason = done.error().reason;
    outcome.detail = done.error().detail;
  }
  return outcome;
}

std::expected<void, Failure> Install::carry_out(const Plan& plan, ProgressReport& report,
                                                Outcome& outcome) {
  const auto start = std::chrono::steady_clock::now();
  const auto disk = pick_disk(plan, outcome);
  const std::chrono::duration<double> checking = std::chrono::steady_clock::now() - start;
  outcome.seconds["checks"] = checking.count();
  if (!disk) return std::unexpected(disk.error());
  outcome.disk = disk->path;

  DiskWrite write(root_, console_, session_, network_, report);
  if (plan.erase != Erase::none || plan.burn_in != BurnIn{}) {
    const auto good = write.check(plan, *disk);
    if (!good) return good;
  }
  const Tools tools;
  Preparation preparation({root_, console_, report, tools});
  const auto prepared = preparation.run(plan, *disk, inventory_.cpus, outcome);
  if (!prepared) return prepared;

  console_.say("Writing " + describe(*disk));
  const auto written = write.run(plan, *disk);
  if (!written) return std::unexpected(written.error());
  outcome.detail = written->warning;
  outcome.raw_sha256 = written->raw_sha256;
  // The writer has checks of its own.
  for (const auto& [step, seconds] : written->seconds) outcome.seconds[step] += seconds;
  return {};
}

std::expected<Disk, Failure> Install::pick_disk(const Plan& plan, Outcome& outcome) {
  settle_disks(plan);
  auto choice = choose_disk(inventory_.disks, plan.disk, plan.pick);
  outcome.disks = choice.verdicts;
  if (const auto failure = check_host(plan.requirements, inventory_)) {
    return std::unexpected(*failure);
  }
  session_.post_log(describe(choice));
  for (const auto& line : describe(choice)) console_.say(line);
  if (!choice.disk) return choice.disk;
  if (const auto failure = check_disk(plan.requirements, *choice.disk)) {
    return std::unexpected(*failure);
  }
  return choice.disk;
}

void Install::settle_disks(const Plan& plan) {
  const auto posted = inventory_;
  int quiet = 0;
  for (int look = 0; look < kPatientLooks; ++look) {
    auto disks = read_disks(root_);
    quiet = disks == inventory_.disks ? quiet + 1 : 0;
    inventory_.disks = std::move(disks);
    const bool some_fit =
        std::ranges::any_of(choose_disk(inventory_.disks, plan.disk).verdicts, &DiskVerdict::fits);
    if (quiet >= kQuietLooks && some_fit) break;
    waiting_.sleep(kLook);
  }
  inventory_ = read_inventory(root_);
  // A refusal here shows again, with its consequences, at the next request.
  if (inventory_ != posted) (void)session_.post_inventory(inventory_);
}

void Install::send_diagnosis(const Outcome& outcome) {
  const auto& said = console_.recent();
  session_.post_diagnosis(diagnosis_json(root_, {.reason = outcome.reason,
                                                 .detail = outcome.detail,
                                                 .kernel = kernel_messages_(),
                                                 .console = {said.begin(), said.end()},
                                                 .inventory = inventory_,
                                                 .secrets = session_.secrets()}));
}

// Drawn again only when it says something new: a serial terminal scrolls, and a person reads. The
// reason of a failure stays until the host is in another state.
void Install::show_waiting() {
  if (has_failed_) return;
  auto lines = waiting_lines({.registration = session_.registration(),
                              .hold = hold_,
                              .server = server_,
                              .boot_mac = boot_mac_of(read_line(root_ / "proc/cmdline")),
                              .inventory = inventory_});
  if (lines == shown_) return;
  console_.show(lines);
  shown_ = std::move(lines);
}

void Install::show_failure(const Outcome& outcome) {
  const auto& about = session_.registration();
  std::vector<std::string> lines = {"This host was NOT written: " + outcome.reason};
  const auto* kind = find_failure_kind(outcome.reason);
  if (kind != nullptr) lines.emplace_back(kind->sentence);
  lines.push_back(outcome.detail);
  if (kind != nullptr) lines.emplace_back(kind->remedy);
  lines.insert(lines.end(),
               {"", "Host    " + about.host, "ID      " + about.id, "",
                "It stays on. Try again from the server: slipway host retry " + about.host});
  console_.show(lines);
  has_failed_ = true;
}

}  // namespace slipway::agent
