// images/body.hpp -- all of an image but its tables: written, flushed, read back.
//
// The stages of a chunk are fetch -> stored digest -> unpack -> mark, raw digest -> write -> flush
// -> read back -> mark. On a disk that does not rotate, what was flushed is read back while the
// rest is being fetched and written; on one that does, all is read back in the end, in order.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "images/backlog.hpp"
#include "images/digest.hpp"
#include "images/disk_plan.hpp"
#include "images/pipeline.hpp"
#include "images/writer.hpp"

namespace slipway::images {

// What the disk said, as an outcome of the write.
[[nodiscard]] Outcome disk_write(Fallible<void> result);
[[nodiscard]] Outcome disk_read(Fallible<void> result);

class Body {
 public:
  // `watch` is called on the caller's thread at least 4 times a second; its failure stops the work.
  Body(const WriteJob& job, std::function<Outcome()> watch);

  // The image's first MiB, from which the plan is made; the rest of its chunks is dropped.
  [[nodiscard]] std::expected<AlignedBuffer, WriteError> fetch_head();

  // `plan` must outlive this; needed by all that follows.
  void follow(DiskPlan& plan) { plan_ = &plan; }

  // Writes and flushes everything that goes with the body.
  [[nodiscard]] Outcome write();
  // Instead of write(): the disk is said to hold everything already. Fetches what the plan
  // withholds.
  [[nodiscard]] Outcome assume_written();
  // Reads back what was not read back meanwhile. A disk that gives other octets fails with
  // verify-mismatch, which names the first such piece.
  [[nodiscard]] std::expected<Verified, WriteError> read_back();

  // Both counts are zero again.
  void begin_step() { done_octets_ = total_octets_ = 0; }
  // Of the present step. The zeros of an image count only where they are written or read.
  [[nodiscard]] std::uint64_t done_octets() const { return done_octets_; }
  [[nodiscard]] std::uint64_t total_octets() const { return total_octets_; }
  [[nodiscard]] std::uint64_t written_octets() const { return written_octets_; }

 private:
  using TakeRaw = std::function<void(const VerifiedChunk&)>;
  Outcome fetch_chunks(std::size_t first, std::size_t end, const TakeRaw& take);
  Outcome feed(const std::function<bool(Job)>& push);
  Outcome do_job(Job& job);
  Outcome write_piece(Job& job);
  Outcome write_chunk(Job& job);
  Outcome write_zeros(const Piece& piece);
  Outcome write_seed();
  [[nodiscard]] std::uint64_t early_flush_octets() const;
  Outcome flush(const std::vector<Piece>& pieces);

  Outcome check_piece(const Piece& piece);
  bool is_good(const Piece& piece, std::span<std::uint8_t> found);
  [[nodiscard]] std::string label(const Piece& piece) const;
  Outcome run_workers(Pipeline pipeline);

  // Buffers of chunk size that workers take and give back.
  AlignedBuffer take_buffer();
  void give_buffer(AlignedBuffer buffer);

  const WriteJob& job_;
  BlockDevice& disk_;
  const Manifest& manifest_;
  std::function<Outcome()> watch_;
  DiskPlan* plan_ = nullptr;
  Backlog backlog_;
  std::optional<ReadBack> proof_;
  std::optional<Marks> marks_;  // of what this run wrote; none when it only compares
  std::atomic<std::uint64_t> done_octets_ = 0, total_octets_ = 0;
  std::atomic<std::uint64_t> written_octets_ = 0;

  std::mutex mutex_;
  std::vector<AlignedBuffer> buffers_;
  std::optional<Piece> difference_;  // the first one, by offset
  std::string difference_text_ = "gives other octets than were written; replace the disk";
};

}  // namespace slipway::images
