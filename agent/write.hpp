// agent/write.hpp -- one plan onto one disk: fetch, verify, write, read back, boot entry.
#pragma once

#include <expected>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/console.hpp"
#include "agent/failure.hpp"
#include "agent/finishing.hpp"
#include "agent/network.hpp"
#include "agent/report.hpp"
#include "agent/session.hpp"

namespace slipway::agent {

struct Written {
  std::string raw_sha256;
  std::map<std::string, double> seconds;  // by step
  std::string warning;                    // empty, or what is missing of a success
};

class DiskWrite {
 public:
  // All must outlive this.
  DiskWrite(const std::filesystem::path& root, Console& console, Session& session, Network& network,
            ProgressReport& report);

  // Whether all that run() checks before its first write is good, for a plan that changes or tires
  // the disk before that: an erase must not be followed by "the image is too large".
  [[nodiscard]] std::expected<void, Failure> check(const Plan& plan, const Disk& disk);

  // Blocks until all of the image is on `disk` and verified, or why it is not; `cancelled` when the
  // server revoked the attempt.
  [[nodiscard]] std::expected<Written, Failure> run(const Plan& plan, const Disk& disk);

 private:
  struct Prepared {
    images::VerifiedManifest manifest;
    std::unique_ptr<images::BlockDevice> device;
    std::unique_ptr<images::Fetcher> fetcher;
    Finishing finishing;
    images::Seed seed = {};
  };
  [[nodiscard]] std::expected<images::VerifiedManifest, Failure> fetch_manifest(const Plan& plan);
  [[nodiscard]] std::expected<std::string, Failure> fetch_config(const SeedSource& source);
  [[nodiscard]] std::expected<void, Failure> fetch_seed(const Plan& plan, Prepared& prepared);
  // All that is known to be good before the first octet of the disk is changed.
  [[nodiscard]] std::expected<Prepared, Failure> prepare(const Plan& plan, const Disk& disk);
  [[nodiscard]] images::WriteJob job_of(const Plan& plan, Prepared& prepared);
  [[nodiscard]] std::expected<images::WriteReport, Failure> write(const Plan& plan,
                                                                  Prepared& prepared);
  [[nodiscard]] std::string write_entry(const std::vector<images::Partition>& partitions,
                                        std::uint32_t sector_octets);
  void show(std::string_view step, std::uint64_t done_octets, std::uint64_t total_octets);

  std::filesystem::path root_;
  Console& console_;
  Session& session_;
  Network& network_;
  ProgressReport& report_;
  RateMeter meter_;
};

}  // namespace slipway::agent
