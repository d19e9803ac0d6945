#include "agent/preparation.hpp"

#include "agent/burn_in.hpp"
#include "agent/text_file.hpp"

namespace slipway::agent {
namespace {

double seconds_since(TimePoint start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// MemAvailable of /proc/meminfo: what can be used without swapping.
std::uint64_t free_memory(const std::filesystem::path& root) {
  const auto meminfo = read_text(root / "proc/meminfo");
  const auto at = meminfo.find("MemAvailable:");
  if (at == std::string::npos) return 0;
  return std::strtoull(meminfo.c_str() + at + std::string_view("MemAvailable:").size(), nullptr,
                       10) *
         1024;
}

}  // namespace

void Preparation::show(std::string_view step, std::uint64_t done, std::uint64_t all) {
  const Progress progress{std::string(step), done, all, 0};
  parts_.report.update(progress);
  parts_.console.progress(progress, std::chrono::steady_clock::now());
}

Preparation::Done Preparation::open(const Plan& plan, const Disk& disk) {
  if (plan.erase == Erase::none && plan.burn_in.disk_read.count() == 0) return {};
  const auto path = parts_.root / std::filesystem::path(disk.path).relative_path();
  auto opened = parts_.open(path, parts_.tools);
  if (!opened) {
    return std::unexpected(
        Failure{"disk-read-error", opened.error().text() + "; free the disk or choose another."});
  }
  target_ = std::move(*opened);
  return {};
}

Preparation::Done Preparation::check(const Plan& plan, const Disk& disk, Outcome& outcome) {
  if (plan.requirements.healthy_disk) {
    const auto path = parts_.root / std::filesystem::path(disk.path).relative_path();
    const auto health = read_health(disk, path, parts_.tools);
    if (!health) return std::unexpected(health.error());
    outcome.health = *health;
    parts_.console.say(disk.path + ": " + health->summary);
    if (const auto failure = check_health(disk, *health)) return std::unexpected(*failure);
  }
  if (const auto failure = check_burn_in(plan.burn_in, parts_.tools)) {
    return std::unexpected(*failure);
  }
  if (const auto opened = open(plan, disk); !opened) return opened;
  if (plan.erase == Erase::none) return {};
  const auto method = choose_erase(plan.erase, disk, *target_, parts_.tools);
  if (!method) return std::unexpected(method.error());
  method_ = *method;
  return {};
}

Preparation::Done Preparation::try_host(const Plan& plan, const Disk& disk, std::uint64_t cpus) {
  return burn_in(
      {.times = plan.burn_in,
       .tools = parts_.tools,
       .cpus = cpus,
       .free_memory_octets = free_memory(parts_.root),
       .disk = disk.path,
       .disk_octets = disk.size_octets,
       .read = [this](std::uint64_t offset,
                      std::span<std::uint8_t> out) { return target_->read_at(offset, out); },
       .now = [] { return std::chrono::steady_clock::now(); },
       .begin =
           [this](const std::string& part, std::chrono::seconds time) {
             parts_.console.say("Burn-in: " + part + " for " + std::to_string(time.count()) + " s");
           },
       .cancel = &parts_.report.revoked()});
}

Preparation::Done Preparation::erase(const Disk& disk, Outcome& outcome) {
  const auto start = std::chrono::steady_clock::now();
  parts_.console.say("Erasing " + disk.path + ": " + std::string(to_text(*method_)));
  const auto done = erase_disk(
      {.method = *method_,
       .target = *target_,
       .path = disk.path,
       .progress = [this](std::uint64_t octets, std::uint64_t all) { show("erase", octets, all); },
       .cancel = &parts_.report.revoked()});
  outcome.erase = EraseReport{.method = std::string(to_text(*method_)),
                              .seconds = seconds_since(start),
                              .verified = done.has_value()};
  outcome.seconds["erase"] = outcome.erase->seconds;
  return done;
}

std::expected<void, Failure> Preparation::run(const Plan& plan, const Disk& disk,
                                              std::uint64_t cpus, Outcome& outcome) {
  auto done = prepare(plan, disk, cpus, outcome);
  target_.reset();  // it holds the disk for itself alone, and the writer is next
  return done;
}

Preparation::Done Preparation::prepare(const Plan& plan, const Disk& disk, std::uint64_t cpus,
                                       Outcome& outcome) {
  auto start = std::chrono::steady_clock::now();
  if (const auto checked = check(plan, disk, outcome); !checked) return checked;
  outcome.seconds["checks"] += seconds_since(start);
  if (plan.burn_in != BurnIn{}) {
    start = std::chrono::steady_clock::now();
    show("burn-in", 0, 0);
    const auto tried = try_host(plan, disk, cpus);
    outcome.seconds["burn-in"] = seconds_since(start);
    if (!tried) return tried;
  }
  if (!method_) return {};
  show("erase", 0, disk.size_octets);
  return erase(disk, outcome);
}

}  // namespace slipway::agent
