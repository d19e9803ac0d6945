#include "images/writer.hpp"

#include <algorithm>
#include <chrono>

#include "images/body.hpp"
#include "images/digest.hpp"
#include "images/disk_plan.hpp"
#include "images/old_content.hpp"

namespace slipway::images {
namespace {

// The last steps, in the one order that leaves no bootable half state (docs/architecture.md).
class Tables {
 public:
  Tables(BlockDevice& disk, const DiskPlan& plan) : disk_(disk), plan_(plan) {}

  // `proof`: everything else is on the disk and good. Consumes the object: nothing comes after.
  Outcome commit(const Verified& proof) && {
    (void)proof;  // its existence is the check
    const auto sector = disk_.sector_octets();
    const auto head = plan_.head();
    auto outcome = write(2 * std::uint64_t{sector}, head.subspan(2 * std::size_t{sector}));
    if (outcome) outcome = write(plan_.backup_offset(), plan_.backup());
    if (outcome) outcome = write(sector, head.subspan(sector, sector));
    if (outcome) outcome = write(0, head.first(sector));
    return outcome;
  }

 private:
  Outcome write(std::uint64_t offset, ByteView octets) {
    if (octets.empty()) return {};
    // A part of the head starts within its buffer; direct I/O wants an aligned start.
    AlignedBuffer aligned(octets.size());
    std::ranges::copy(octets, aligned.span().begin());
    auto outcome = disk_write(disk_.write_at(offset, aligned.view()));
    if (outcome) outcome = disk_write(disk_.flush());
    return outcome;
  }

  BlockDevice& disk_;
  const DiskPlan& plan_;
};

// One write_image() or verify_image(): the steps share what is here.
class Flash {
 public:
  explicit Flash(const WriteJob& job)
      : job_(job), disk_(job.disk), body_(job, [this] { return watch(); }) {}

  std::expected<WriteReport, WriteError> write();
  std::expected<WriteReport, WriteError> verify();
  Outcome check() { return timed("checks", &Flash::prepare); }

 private:
  Outcome timed(std::string_view name, Outcome (Flash::*step)());
  Outcome prepare();
  Outcome wipe();
  Outcome discard_rest();
  Outcome write_body();
  Outcome read_back();
  Outcome compare();
  Outcome compare_table(std::uint64_t offset, ByteView expected, const std::string& what);
  Outcome finish();
  Outcome commit();

  Outcome watch();
  std::expected<WriteReport, WriteError> done(const Outcome& outcome);

  const WriteJob& job_;
  BlockDevice& disk_;
  Body body_;
  std::optional<DiskPlan> plan_;
  std::optional<Verified> proof_;
  WriteReport report_;
  std::string_view step_;
};

std::expected<WriteReport, WriteError> Flash::write() {
  auto outcome = timed("checks", &Flash::prepare);
  if (outcome) outcome = timed("wipe", &Flash::wipe);
  if (outcome) outcome = timed("write", &Flash::write_body);
  if (outcome) outcome = timed("verify", &Flash::read_back);
  if (outcome && job_.finishing) outcome = timed("finishing", &Flash::finish);
  if (outcome) outcome = timed("commit", &Flash::commit);
  report_.written_octets = body_.written_octets();
  if (outcome) report_.written_octets += plan_->head().size() + plan_->backup().size();
  return done(outcome);
}

std::expected<WriteReport, WriteError> Flash::verify() {
  auto outcome = timed("checks", &Flash::prepare);
  if (outcome) outcome = timed("verify", &Flash::compare);
  return done(outcome);
}

std::expected<WriteReport, WriteError> Flash::done(const Outcome& outcome) {
  if (!outcome) return std::unexpected(outcome.error());
  report_.raw_sha256 = job_.manifest->raw_sha256;
  report_.partitions = plan_->partitions();
  return std::move(report_);
}

Outcome Flash::timed(std::string_view name, Outcome (Flash::*step)()) {
  const auto start = std::chrono::steady_clock::now();
  step_ = name;
  body_.begin_step();
  auto outcome = watch();
  if (outcome) outcome = (this->*step)();
  if (!outcome) return outcome;
  job_.progress({step_, body_.total_octets(), body_.total_octets()});
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  report_.seconds[std::string(name)] = took.count();
  return {};
}

Outcome Flash::prepare() {
  auto head = body_.fetch_head();
  if (!head) return std::unexpected(head.error());
  auto plan = DiskPlan::make(job_, std::move(*head));
  if (!plan) return std::unexpected(plan.error());
  plan_ = std::move(*plan);
  body_.follow(*plan_);
  return {};
}

// Nothing that was on the disk can be booted after the first flush. Only then its inside is
// touched: else the old table could outlive a power cut that the old content did not.
Outcome Flash::wipe() {
  const auto old = old_partitions(disk_);
  if (!old) return disk_read(std::unexpected(old.error()));
  const auto tail = plan_->tail();
  auto outcome = disk_write(disk_.zero_range(0, kHeadOctets));
  if (outcome) {
    outcome = disk_write(disk_.zero_range(disk_.size_octets() - kHeadOctets, kHeadOctets));
  }
  if (outcome) outcome = disk_write(disk_.flush());
  if (outcome) outcome = disk_write(disk_.zero_range(tail.offset, tail.length));
  for (const auto& place : signature_places(*old, job_.manifest->raw_size)) {
    if (outcome) outcome = disk_write(disk_.zero_range(place.offset, place.length));
  }
  return outcome ? discard_rest() : outcome;
}

// What the image does not cover counts no more. Best effort, and in pieces, since some disks take
// seconds for each; a disk that refuses one is not asked again.
Outcome Flash::discard_rest() {
  constexpr std::uint64_t kPiece = std::uint64_t{16} << 30;
  const auto unit = std::max<std::uint64_t>(kHeadOctets, disk_.sector_octets());
  auto offset = (job_.manifest->raw_size + unit - 1) / unit * unit;
  const auto end = disk_.size_octets() - kHeadOctets;
  bool goes = true;
  while (goes && offset < end) {
    const auto length = std::min(kPiece, end - offset);
    goes = disk_.discard(offset, length);
    offset += length;
    auto outcome = watch();
    if (!outcome) return outcome;
  }
  return {};
}

Outcome Flash::write_body() { return body_.write(); }

Outcome Flash::read_back() {
  const auto proof = body_.read_back();
  if (!proof) return std::unexpected(proof.error());
  proof_ = *proof;
  return disk_write(disk_.flush());
}

// The tables first: they are small, and most likely to differ.
Outcome Flash::compare() {
  auto outcome = compare_table(0, plan_->head(), "the first MiB, with the partition table");
  if (outcome) {
    outcome = compare_table(plan_->backup_offset(), plan_->backup(), "the backup partition table");
  }
  if (!outcome) return outcome;
  outcome = body_.assume_written();
  if (!outcome) return outcome;
  const auto proof = body_.read_back();
  return proof ? Outcome{} : std::unexpected(proof.error());
}

Outcome Flash::compare_table(std::uint64_t offset, ByteView expected, const std::string& what) {
  AlignedBuffer found(expected.size());
  auto outcome = disk_read(disk_.read_at(offset, found.span()));
  if (!outcome || std::ranges::equal(found.view(), expected)) return outcome;
  return std::unexpected(WriteError{
      "verify-mismatch", what + ": " + disk_.name() + " holds other octets than the image"});
}

Outcome Flash::finish() {
  auto outcome = job_.finishing(plan_->partitions());
  if (outcome) outcome = disk_write(disk_.flush());
  return outcome;
}

Outcome Flash::commit() { return Tables(disk_, *plan_).commit(*proof_); }

Outcome Flash::watch() {
  if (job_.cancel != nullptr && job_.cancel->load()) {
    return std::unexpected(
        WriteError{"cancelled", "the write was stopped; the disk cannot boot; arm the host again"});
  }
  job_.progress({step_, body_.done_octets(), body_.total_octets()});
  return {};
}

}  // namespace

std::expected<WriteReport, WriteError> write_image(const WriteJob& job) {
  return Flash(job).write();
}

Outcome check_image(const WriteJob& job) { return Flash(job).check(); }

std::expected<WriteReport, WriteError> verify_image(const WriteJob& job) {
  return Flash(job).verify();
}

}  // namespace slipway::images
