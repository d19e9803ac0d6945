#include "images/body.hpp"

#include <algorithm>
#include <thread>

#include "images/feed.hpp"

namespace slipway::images {
namespace {

// A zero range is worked on in pieces, so that progress moves and other work goes on beside it.
constexpr std::uint64_t kZeroPiece = std::uint64_t{64} << 20;
constexpr std::size_t kQueuedJobs = 2;

Outcome as_outcome(Fallible<void> result, std::string_view reason, std::string_view remedy) {
  if (result) return {};
  return std::unexpected(
      WriteError{std::string(reason), result.error().text() + "; " + std::string(remedy)});
}

bool push_zeros(const ZeroRange& range, const std::function<bool(Job)>& push) {
  for (std::uint64_t done = 0; done < range.length; done += kZeroPiece) {
    const auto length = std::min(kZeroPiece, range.length - done);
    const Piece piece{.kind = Piece::Kind::zero, .offset = range.offset + done, .length = length};
    if (!push({.piece = piece})) return false;
  }
  return true;
}

std::unexpected<WriteError> bad_chunk(const Error& error) {
  return std::unexpected(
      WriteError{"chunk-digest-mismatch", error.text() + "; import the image again on the server"});
}

}  // namespace

Outcome disk_write(Fallible<void> result) {
  return as_outcome(std::move(result), "disk-write-error", "check or replace the disk");
}
Outcome disk_read(Fallible<void> result) {
  return as_outcome(std::move(result), "disk-read-error", "check or replace the disk");
}

Body::Body(const WriteJob& job, std::function<Outcome()> watch)
    : job_(job), disk_(job.disk), manifest_(job.manifest.get()), watch_(std::move(watch)) {}

// The chunks that hold the first MiB are fetched again with the body, which is simpler than to
// keep them and costs 4 MiB.
std::expected<AlignedBuffer, WriteError> Body::fetch_head() {
  AlignedBuffer head(kHeadOctets);
  const auto is_behind = [](const Chunk& chunk) { return chunk.raw_offset >= kHeadOctets; };
  const auto end = std::ranges::find_if(manifest_.chunks, is_behind) - manifest_.chunks.begin();
  const auto outcome =
      fetch_chunks(0, static_cast<std::size_t>(end), [&](const VerifiedChunk& chunk) {
        const auto room = head.span().subspan(chunk.raw_offset());
        std::ranges::copy(chunk.raw().first(std::min(chunk.raw().size(), room.size())),
                          room.begin());
      });
  if (!outcome) return std::unexpected(outcome.error());
  return head;
}

// Gives chunks `first` to `end` to `take`, each once, from several threads.
Outcome Body::fetch_chunks(std::size_t first, std::size_t end, const TakeRaw& take) {
  const auto chunks = std::span(manifest_.chunks).subspan(first, end - first);
  const auto work = [&](Job& job) -> Outcome {
    const auto index = job.piece.index;
    auto chunk = VerifiedChunk::verify(index, manifest_.chunks[index], job.stored, take_buffer());
    if (!chunk) return bad_chunk(chunk.error());
    take(*chunk);
    give_buffer(std::move(*chunk).release());
    return {};
  };
  return run_workers(
      {.produce = [&](const auto& push) { return feed_chunks(job_.fetcher, chunks, first, push); },
       .work = work});
}

Outcome Body::write() {
  const auto seed_octets = plan_->seed_extent().length;
  proof_.emplace(manifest_.raw_size + seed_octets);
  marks_.emplace(manifest_.chunks.size());
  std::uint64_t chunk_octets = 0;
  for (const auto& chunk : manifest_.chunks) chunk_octets += chunk.raw_length;
  total_octets_ = chunk_octets + seed_octets;
  Pipeline pipeline{.produce = [this](const auto& push) { return feed(push); },
                    .work = [this](Job& job) { return do_job(job); }};
  if (!disk_.is_rotational()) {
    pipeline.spare = [this]() -> std::optional<Job> {
      const auto piece = backlog_.next();
      if (!piece) return std::nullopt;
      return Job{.piece = *piece, .is_read_back = true};
    };
  }
  auto outcome = run_workers(std::move(pipeline));
  if (outcome) outcome = flush(backlog_.begin_flush());
  return outcome;
}

// Everything by offset; the seed, which lies at the disk's end, is there already.
Outcome Body::feed(const std::function<bool(Job)>& push) {
  const auto seed = plan_->seed_extent();
  if (seed.length > 0 &&
      !push({.piece = {.kind = Piece::Kind::seed, .offset = seed.offset, .length = seed.length}})) {
    return {};
  }
  auto zero = manifest_.zero.begin();
  const auto push_zeros_before = [&](std::uint64_t offset) {
    bool going = true;
    for (; going && zero != manifest_.zero.end() && zero->offset < offset; ++zero) {
      going = push_zeros(*zero, push);
    }
    return going;
  };
  auto outcome = feed_chunks(job_.fetcher, manifest_.chunks, 0, [&](Job job) {
    return push_zeros_before(job.piece.offset) && push(std::move(job));
  });
  if (outcome) (void)push_zeros_before(manifest_.raw_size);  // stopped: the failure is known
  return outcome;
}

Outcome Body::do_job(Job& job) {
  return job.is_read_back ? check_piece(job.piece) : write_piece(job);
}

Outcome Body::write_piece(Job& job) {
  const auto& piece = job.piece;
  Outcome outcome;
  switch (piece.kind) {
    case Piece::Kind::chunk: outcome = write_chunk(job); break;
    case Piece::Kind::zero: outcome = write_zeros(piece); break;
    case Piece::Kind::seed: outcome = write_seed(); break;
  }
  if (!outcome) return outcome;
  const bool is_free = piece.kind == Piece::Kind::zero && !disk_.writes_zeros();
  const auto octets = is_free ? 0 : piece.length;
  done_octets_ += octets;
  backlog_.wrote(piece, octets);
  return flush(backlog_.begin_due_flush(early_flush_octets(), job_.flush_every_octets));
}

// Where the network is slower than the disk, the read-back would wait for a whole flush interval
// and then for the last one alone: an eighth of it is enough while nothing is left to read.
std::uint64_t Body::early_flush_octets() const {
  return disk_.is_rotational() ? job_.flush_every_octets : job_.flush_every_octets / 8;
}

Outcome Body::write_chunk(Job& job) {
  const auto& piece = job.piece;
  auto chunk = VerifiedChunk::verify(piece.index, manifest_.chunks[piece.index], job.stored,
                                     take_buffer(), &*marks_);
  if (!chunk) return bad_chunk(chunk.error());
  job.stored = {};
  plan_->keep(chunk->raw_offset(), chunk->raw());
  const auto part = plan_->body({piece.offset, piece.length});
  if (part.length > 0) {
    const auto octets = chunk->raw().subspan(part.offset - piece.offset, part.length);
    auto outcome = disk_write(disk_.write_at(part.offset, octets));
    if (!outcome) return outcome;
    written_octets_ += part.length;
  }
  give_buffer(std::move(*chunk).release());
  return {};
}

Outcome Body::write_zeros(const Piece& piece) {
  const auto part = plan_->body({piece.offset, piece.length});
  auto outcome = disk_write(disk_.zero_range(part.offset, part.length));
  if (outcome && disk_.writes_zeros()) total_octets_ += piece.length;
  return outcome;
}

Outcome Body::write_seed() {
  const auto extent = plan_->seed_extent();
  auto outcome = disk_write(disk_.write_at(extent.offset, plan_->seed()));
  if (outcome) written_octets_ += extent.length;
  return outcome;
}

// Flushed now and then, so that a disk's cache does not swallow more, and its errors show early.
// What is written while the flush runs belongs to the next one.
Outcome Body::flush(const std::vector<Piece>& pieces) {
  if (pieces.empty()) return {};
  auto outcome = disk_write(disk_.flush());
  if (outcome) backlog_.flushed(pieces);
  return outcome;
}

Outcome Body::assume_written() {
  const auto tail = plan_->tail();
  const auto is_withheld = [&](const Chunk& chunk) {
    return chunk.raw_offset + chunk.raw_length > tail.offset;
  };
  const auto first = std::ranges::find_if(manifest_.chunks, is_withheld);
  auto outcome = fetch_chunks(
      static_cast<std::size_t>(first - manifest_.chunks.begin()), manifest_.chunks.size(),
      [this](const VerifiedChunk& chunk) { plan_->keep(chunk.raw_offset(), chunk.raw()); });
  if (!outcome) return outcome;
  proof_.emplace(manifest_.raw_size + plan_->seed_extent().length);
  for (std::size_t i = 0; i < manifest_.chunks.size(); ++i) {
    const auto& chunk = manifest_.chunks[i];
    backlog_.wrote({.index = i, .offset = chunk.raw_offset, .length = chunk.raw_length});
  }
  for (const auto& range : manifest_.zero) {
    backlog_.wrote({.kind = Piece::Kind::zero, .offset = range.offset, .length = range.length});
  }
  const auto seed = plan_->seed_extent();
  if (seed.length > 0) {
    backlog_.wrote({.kind = Piece::Kind::seed, .offset = seed.offset, .length = seed.length});
  }
  backlog_.flushed(backlog_.begin_flush());
  difference_text_ = "holds other octets than the image";
  return outcome;
}

std::expected<Verified, WriteError> Body::read_back() {
  backlog_.sort();
  total_octets_ = backlog_.octets();
  const auto produce = [this](const auto& push) -> Outcome {
    bool going = true;
    while (going) {
      const auto piece = backlog_.next();
      going = piece && push({.piece = *piece, .is_read_back = true});
    }
    return {};
  };
  const auto work = [this](Job& job) {
    auto outcome = check_piece(job.piece);
    if (outcome) done_octets_ += job.piece.length;
    return outcome;
  };
  const auto outcome = run_workers({.produce = produce, .work = work});
  if (!outcome) return std::unexpected(outcome.error());
  auto verified = std::move(*proof_).finish();
  if (!verified) return std::unexpected(WriteError{"internal", verified.error().text()});
  return *verified;
}

Outcome Body::check_piece(const Piece& piece) {
  auto buffer = piece.length > kMaxChunkOctets ? AlignedBuffer(piece.length) : take_buffer();
  const auto found = buffer.span().first(piece.length);
  auto outcome = disk_read(disk_.read_at(piece.offset, found));
  if (!outcome) return outcome;
  if (piece.kind != Piece::Kind::seed) plan_->overlay(piece.offset, found);
  if (!is_good(piece, found)) {
    const std::scoped_lock lock(mutex_);
    if (!difference_ || piece.offset < difference_->offset) difference_ = piece;
    return std::unexpected(WriteError{"verify-mismatch", label(piece)});
  }
  if (buffer.size() == kMaxChunkOctets) give_buffer(std::move(buffer));
  return {};
}

bool Body::is_good(const Piece& piece, std::span<std::uint8_t> found) {
  switch (piece.kind) {
    case Piece::Kind::chunk:
      if (marks_) return proof_->accept(found, *marks_, piece.index);
      return proof_->accept(found, manifest_.chunks[piece.index].raw_sha256);
    case Piece::Kind::zero: return proof_->accept_zero(found);
    case Piece::Kind::seed: return proof_->accept(found, Sha256::of(plan_->seed()));
  }
  return false;
}

std::string Body::label(const Piece& piece) const {
  switch (piece.kind) {
    case Piece::Kind::chunk: return chunk_label(piece.index, manifest_.chunks[piece.index]);
    case Piece::Kind::zero: return "zeros at raw offset " + std::to_string(piece.offset);
    case Piece::Kind::seed: break;
  }
  return "the seed's partition";
}

Outcome Body::run_workers(Pipeline pipeline) {
  // Two more than compute, since some wait for the disk; about 9 MiB of memory for each.
  const auto threads = std::clamp(std::thread::hardware_concurrency() + 2, 4U, 6U);
  pipeline.workers = job_.workers > 0 ? job_.workers : threads;
  pipeline.queue = kQueuedJobs;
  pipeline.watch = watch_;
  pipeline.interrupt = [this] { job_.fetcher.interrupt(); };
  const auto outcome = run_pipeline(pipeline);
  if (!difference_) return outcome;
  // Pieces are taken by offset, and those under way were finished: this is the first one.
  return std::unexpected(WriteError{
      "verify-mismatch", label(*difference_) + ": " + disk_.name() + " " + difference_text_});
}

AlignedBuffer Body::take_buffer() {
  const std::scoped_lock lock(mutex_);
  if (buffers_.empty()) return AlignedBuffer(kMaxChunkOctets);
  auto buffer = std::move(buffers_.back());
  buffers_.pop_back();
  return buffer;
}

void Body::give_buffer(AlignedBuffer buffer) {
  const std::scoped_lock lock(mutex_);
  buffers_.push_back(std::move(buffer));
}

}  // namespace slipway::images
