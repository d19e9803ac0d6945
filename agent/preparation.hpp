// agent/preparation.hpp -- what comes between the choice of a disk and its write: its health, the
// burn-in of the host, the erase of the disk's old content.
//
// Everything that could refuse is asked first: an hour of burn-in must not end with "the disk
// cannot be erased".
#pragma once

#include <expected>
#include <filesystem>
#include <functional>

#include "agent/console.hpp"
#include "agent/erase.hpp"
#include "agent/failure.hpp"
#include "agent/report.hpp"
#include "agent/session.hpp"

namespace slipway::agent {

class Preparation {
 public:
  // All must outlive this. `root` is "/" but in tests.
  struct Parts {
    std::filesystem::path root;
    Console& console;
    ProgressReport& report;
    const Tools& tools;
    std::function<Fallible<std::unique_ptr<EraseTarget>>(const std::string&, const Tools&)> open =
        open_erase_target;
  };
  explicit Preparation(Parts parts) : parts_(std::move(parts)) {}

  // Fills health, erase and seconds of `outcome`, also when it fails. `cpus` are the host's. The
  // disk is free again when it returns.
  [[nodiscard]] std::expected<void, Failure> run(const Plan& plan, const Disk& disk,
                                                 std::uint64_t cpus, Outcome& outcome);

 private:
  using Done = std::expected<void, Failure>;
  [[nodiscard]] Done prepare(const Plan& plan, const Disk& disk, std::uint64_t cpus,
                             Outcome& outcome);
  [[nodiscard]] Done check(const Plan& plan, const Disk& disk, Outcome& outcome);
  [[nodiscard]] Done open(const Plan& plan, const Disk& disk);
  [[nodiscard]] Done try_host(const Plan& plan, const Disk& disk, std::uint64_t cpus);
  [[nodiscard]] Done erase(const Disk& disk, Outcome& outcome);
  void show(std::string_view step, std::uint64_t done, std::uint64_t all);

  Parts parts_;
  std::unique_ptr<EraseTarget> target_;  // null when nothing but the write needs the disk
  std::optional<EraseMethod> method_;
};

}  // namespace slipway::agent
