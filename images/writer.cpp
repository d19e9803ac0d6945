#include "images/writer.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>

#include "images/digest.hpp"
#include "images/disk_plan.hpp"
#include "images/feed.hpp"
#include "images/pipeline.hpp"

namespace slipway::images {
namespace {

// A zero range is worked on in pieces, so that progress moves and memory stays small.
constexpr std::uint64_t kZeroPiece = std::uint64_t{64} << 20;
constexpr std::uint64_t kReadPiece = kMaxChunkOctets;
constexpr std::size_t kQueuedJobs = 2;  // with 6 workers: about 60 MiB of buffers

Outcome as_outcome(Fallible<void> result, std::string_view reason, std::string_view remedy) {
  if (result) return {};
  return std::unexpected(
      WriteError{std::string(reason), result.error().text() + "; " + std::string(remedy)});
}
Outcome disk_write(Fallible<void> result) {
  return as_outcome(std::move(result), "disk-write-error", "check or replace the disk");
}
Outcome disk_read(Fallible<void> result) {
  return as_outcome(std::move(result), "disk-read-error", "check or replace the disk");
}

std::uint64_t round_up(std::uint64_t octets, std::uint64_t unit) {
  return (octets + unit - 1) / unit * unit;
}

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

// Buffers of chunk size that workers take and give back.
class Buffers {
 public:
  AlignedBuffer take() {
    const std::scoped_lock lock(mutex_);
    if (free_.empty()) return AlignedBuffer(kMaxChunkOctets);
    auto buffer = std::move(free_.back());
    free_.pop_back();
    return buffer;
  }
  void give(AlignedBuffer buffer) {
    const std::scoped_lock lock(mutex_);
    free_.push_back(std::move(buffer));
  }

 private:
  std::mutex mutex_;
  std::vector<AlignedBuffer> free_;
};

// One write_image(): the steps share what is here.
class Flash {
 public:
  explicit Flash(const WriteJob& job) : job_(job), disk_(job.disk), manifest_(job.manifest.get()) {}

  std::expected<WriteReport, WriteError> run();

 private:
  using Step = Outcome (Flash::*)();
  Outcome timed(std::string_view name, std::uint64_t total_octets, Step step);
  Outcome prepare();
  Outcome wipe();
  Outcome write_body();
  Outcome read_back();
  Outcome finish();
  Outcome commit();

  Outcome write_chunk(Job& job);
  Outcome write_zeros(const Job& job);
  Outcome write_seed();
  Outcome check_chunk(ReadBack& proof, const Job& job);
  Outcome check_zeros(ReadBack& proof, const Job& job);
  Outcome check_seed(ReadBack& proof);
  Outcome count_written(std::uint64_t octets);
  Outcome watch();
  Outcome run_workers(std::function<Outcome(const std::function<bool(Job)>&)> produce,
                      std::function<Outcome(Job&)> work);
  void report() { job_.progress({step_, done_octets_.load(), total_octets_}); }

  const WriteJob& job_;
  BlockDevice& disk_;
  const Manifest& manifest_;
  std::optional<DiskPlan> plan_;
  std::optional<Verified> proof_;
  WriteReport report_;
  Buffers buffers_;

  std::string_view step_;
  std::uint64_t total_octets_ = 0;
  std::atomic<std::uint64_t> done_octets_ = 0;
  std::atomic<std::uint64_t> written_octets_ = 0;
};

std::expected<WriteReport, WriteError> Flash::run() {
  const auto everything = manifest_.raw_size + round_up(job_.seed.iso.size(), kHeadOctets);
  auto outcome = timed("checks", 0, &Flash::prepare);
  if (outcome) outcome = timed("wipe", 2 * kHeadOctets, &Flash::wipe);
  if (outcome) outcome = timed("write", everything, &Flash::write_body);
  if (outcome) outcome = timed("verify", everything, &Flash::read_back);
  if (outcome && job_.finishing) outcome = timed("finishing", 0, &Flash::finish);
  if (outcome) outcome = timed("commit", kHeadOctets, &Flash::commit);
  if (!outcome) return std::unexpected(outcome.error());
  report_.raw_sha256 = manifest_.raw_sha256;
  report_.written_octets = written_octets_;
  report_.partitions = plan_->partitions();
  return std::move(report_);
}

Outcome Flash::timed(std::string_view name, std::uint64_t total_octets, Step step) {
  const auto start = std::chrono::steady_clock::now();
  step_ = name;
  total_octets_ = total_octets;
  done_octets_ = 0;
  auto outcome = watch();
  if (outcome) outcome = (this->*step)();
  if (!outcome) return outcome;
  done_octets_ = total_octets;
  report();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  report_.seconds[std::string(name)] = took.count();
  return {};
}

// The image's first MiB is needed to compute the tables; the chunks that hold it are fetched again
// with the body, which is simpler than to keep them and costs 4 MiB.
Outcome Flash::prepare() {
  AlignedBuffer head(kHeadOctets);
  const auto is_behind = [](const Chunk& chunk) { return chunk.raw_offset >= kHeadOctets; };
  const auto end = std::ranges::find_if(manifest_.chunks, is_behind);
  const std::span<const Chunk> chunks(manifest_.chunks.begin(), end);
  const auto work = [&](Job& job) -> Outcome {
    auto chunk = VerifiedChunk::verify(job.index, chunks[job.index], job.stored, buffers_.take());
    if (!chunk) {
      return std::unexpected(WriteError{"chunk-digest-mismatch", chunk.error().text()});
    }
    const auto octets = std::min<std::uint64_t>(job.length, kHeadOctets - job.offset);
    std::ranges::copy(chunk->raw().first(octets), head.span().subspan(job.offset).begin());
    return {};
  };
  auto outcome = run_workers(
      [&](const auto& push) { return feed_chunks(job_.fetcher, chunks, 0, push); }, work);
  if (!outcome) return outcome;
  auto plan = DiskPlan::make(job_, std::move(head));
  if (!plan) return std::unexpected(plan.error());
  plan_ = std::move(*plan);
  return {};
}

// Nothing that was on the disk can be booted after the first flush. Only then its inside is
// touched: else the old table could outlive a power cut that the old content did not.
Outcome Flash::wipe() {
  const auto tail = plan_->tail();
  auto outcome = disk_write(disk_.zero_range(0, kHeadOctets));
  if (outcome) {
    outcome = disk_write(disk_.zero_range(disk_.size_octets() - kHeadOctets, kHeadOctets));
  }
  if (outcome) outcome = disk_write(disk_.flush());
  if (outcome) outcome = disk_write(disk_.zero_range(tail.offset, tail.length));
  return outcome;
}

bool push_pieces(Job::Kind kind, Extent extent, std::uint64_t piece,
                 const std::function<bool(Job)>& push) {
  for (std::uint64_t done = 0; done < extent.length; done += piece) {
    const auto length = std::min(piece, extent.length - done);
    if (!push({.kind = kind, .offset = extent.offset + done, .length = length})) return false;
  }
  return true;
}

Outcome Flash::write_body() {
  const auto produce = [this](const auto& push) -> Outcome {
    const auto seed = plan_->seed_extent();
    bool going = push_pieces(Job::Kind::seed, seed, seed.length, push);
    for (const auto& range : manifest_.zero) {
      going = going && push_pieces(Job::Kind::zero, {range.offset, range.length}, kZeroPiece, push);
    }
    if (!going) return {};
    return feed_chunks(job_.fetcher, manifest_.chunks, 0, push);
  };
  const auto work = [this](Job& job) {
    if (job.kind == Job::Kind::chunk) return write_chunk(job);
    return job.kind == Job::Kind::zero ? write_zeros(job) : write_seed();
  };
  auto outcome = run_workers(produce, work);
  if (outcome) outcome = disk_write(disk_.flush());
  return outcome;
}

Outcome Flash::write_chunk(Job& job) {
  auto chunk =
      VerifiedChunk::verify(job.index, manifest_.chunks[job.index], job.stored, buffers_.take());
  if (!chunk) {
    return std::unexpected(WriteError{
        "chunk-digest-mismatch", chunk.error().text() + "; import the image again on the server"});
  }
  plan_->keep(chunk->raw_offset(), chunk->raw());
  const auto part = plan_->body({job.offset, job.length});
  if (part.length > 0) {
    const auto octets = chunk->raw().subspan(part.offset - job.offset, part.length);
    auto outcome = disk_write(disk_.write_at(part.offset, octets));
    if (outcome) outcome = count_written(part.length);
    if (!outcome) return outcome;
  }
  buffers_.give(std::move(*chunk).release());
  done_octets_ += job.length;
  return {};
}

Outcome Flash::write_zeros(const Job& job) {
  const auto part = plan_->body({job.offset, job.length});
  auto outcome = disk_write(disk_.zero_range(part.offset, part.length));
  if (outcome) done_octets_ += job.length;
  return outcome;
}

Outcome Flash::write_seed() {
  const auto extent = plan_->seed_extent();
  auto outcome = disk_write(disk_.write_at(extent.offset, plan_->seed()));
  if (outcome) outcome = count_written(extent.length);
  if (outcome) done_octets_ += extent.length;
  return outcome;
}

// Flushes each time that a multiple of flush_every_octets is passed, so that a disk's cache does
// not swallow more, and its errors show early.
Outcome Flash::count_written(std::uint64_t octets) {
  const auto before = written_octets_.fetch_add(octets);
  const auto every = job_.flush_every_octets;
  if (before / every == (before + octets) / every) return {};
  return disk_write(disk_.flush());
}

Outcome Flash::read_back() {
  ReadBack proof(manifest_.raw_size + plan_->seed_extent().length);
  const auto produce = [this](const auto& push) -> Outcome {
    const auto seed = plan_->seed_extent();
    bool going = push_pieces(Job::Kind::seed, seed, seed.length, push);
    for (const auto& range : manifest_.zero) {
      going = going && push_pieces(Job::Kind::zero, {range.offset, range.length}, kReadPiece, push);
    }
    for (std::size_t i = 0; going && i < manifest_.chunks.size(); ++i) {
      const auto& chunk = manifest_.chunks[i];
      going = push({.index = i, .offset = chunk.raw_offset, .length = chunk.raw_length});
    }
    return {};
  };
  const auto work = [&](Job& job) {
    if (job.kind == Job::Kind::chunk) return check_chunk(proof, job);
    return job.kind == Job::Kind::zero ? check_zeros(proof, job) : check_seed(proof);
  };
  auto outcome = run_workers(produce, work);
  if (!outcome) return outcome;
  auto verified = std::move(proof).finish();
  if (!verified) return std::unexpected(WriteError{"internal", verified.error().text()});
  proof_ = *verified;
  return disk_write(disk_.flush());
}

std::unexpected<WriteError> mismatch(const BlockDevice& disk, const std::string& what) {
  return std::unexpected(WriteError{"verify-mismatch", what + ": " + disk.name() +
                                                           " gives other octets than were written; "
                                                           "replace the disk"});
}

Outcome Flash::check_chunk(ReadBack& proof, const Job& job) {
  auto buffer = buffers_.take();
  const auto found = buffer.span().first(job.length);
  auto outcome = disk_read(disk_.read_at(job.offset, found));
  if (!outcome) return outcome;
  plan_->overlay(job.offset, found);
  const auto& chunk = manifest_.chunks[job.index];
  if (!proof.accept(found, chunk.raw_sha256)) {
    return mismatch(disk_, chunk_label(job.index, chunk));
  }
  buffers_.give(std::move(buffer));
  done_octets_ += job.length;
  return {};
}

Outcome Flash::check_zeros(ReadBack& proof, const Job& job) {
  auto buffer = buffers_.take();
  const auto found = buffer.span().first(job.length);
  auto outcome = disk_read(disk_.read_at(job.offset, found));
  if (!outcome) return outcome;
  plan_->overlay(job.offset, found);
  if (!proof.accept_zero(found)) {
    return mismatch(disk_, "zeros at raw offset " + std::to_string(job.offset));
  }
  buffers_.give(std::move(buffer));
  done_octets_ += job.length;
  return {};
}

Outcome Flash::check_seed(ReadBack& proof) {
  const auto extent = plan_->seed_extent();
  AlignedBuffer buffer(extent.length);
  auto outcome = disk_read(disk_.read_at(extent.offset, buffer.span()));
  if (!outcome) return outcome;
  if (!proof.accept(buffer.view(), Sha256::of(plan_->seed()))) {
    return mismatch(disk_, "the seed's partition");
  }
  done_octets_ += extent.length;
  return {};
}

Outcome Flash::finish() {
  auto outcome = job_.finishing(plan_->partitions());
  if (outcome) outcome = disk_write(disk_.flush());
  return outcome;
}

Outcome Flash::commit() {
  auto outcome = Tables(disk_, *plan_).commit(*proof_);
  if (outcome) written_octets_ += plan_->head().size() + plan_->backup().size();
  return outcome;
}

Outcome Flash::watch() {
  if (job_.cancel != nullptr && job_.cancel->load()) {
    return std::unexpected(
        WriteError{"cancelled", "the write was stopped; the disk cannot boot; arm the host again"});
  }
  report();
  return {};
}

Outcome Flash::run_workers(std::function<Outcome(const std::function<bool(Job)>&)> produce,
                           std::function<Outcome(Job&)> work) {
  const auto cpus = std::clamp(std::thread::hardware_concurrency(), 2U, 6U);
  return run_pipeline({.workers = job_.workers > 0 ? job_.workers : cpus,
                       .queue = kQueuedJobs,
                       .produce = std::move(produce),
                       .work = std::move(work),
                       .watch = [this] { return watch(); },
                       .interrupt = [this] { job_.fetcher.interrupt(); }});
}

}  // namespace

std::expected<WriteReport, WriteError> write_image(const WriteJob& job) { return Flash(job).run(); }

}  // namespace slipway::images
