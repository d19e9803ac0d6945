// agent/write.hpp -- one plan onto one disk: fetch, verify, write, read back, boot entry.
#pragma once

#include <expected>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "agent/console.hpp"
#include "agent/failure.hpp"
#include "agent/network.hpp"
#include "agent/report.hpp"
#include "agent/session.hpp"

namespace slipway::agent {

struct Written {
  std::string raw_sha256;
  std::map<std::string, double> seconds;  // by step
  std::string warning;                    // empty, or why the boot entry is missing
};

class DiskWrite {
 public:
  // All must outlive this.
  DiskWrite(const std::filesystem::path& root, Console& console, Session& session, Network& network,
            ProgressReport& report);

  // Blocks until all of the image is on `disk` and verified, or why it is not; `cancelled` when the
  // server revoked the attempt.
  [[nodiscard]] std::expected<Written, Failure> run(const Plan& plan, const Disk& disk);

 private:
  [[nodiscard]] std::expected<images::VerifiedManifest, Failure> fetch_manifest(const Plan& plan);
  [[nodiscard]] std::expected<images::Seed, Failure> fetch_seed(const Plan& plan);
  [[nodiscard]] std::expected<images::WriteReport, Failure> write(
      const Plan& plan, const images::VerifiedManifest& manifest, images::Seed seed,
      images::BlockDevice& disk);
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
