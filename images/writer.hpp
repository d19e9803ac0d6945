// images/writer.hpp -- the flash pipeline: image data -> digests -> disk -> read back -> commit.
//
// The order is that of docs/architecture.md "Writing a disk" and cannot be had in another way: only
// a successful read-back makes the Verified that commit() needs (digest.hpp). Up to that moment the
// disk's first MiB is empty, so a host whose power fails never boots what was half written.
// Chunks are fetched by one thread, and checked, unpacked, written and read back by several. No
// clock but the report's seconds, no log: the caller reports.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "images/block_device.hpp"
#include "images/gpt.hpp"
#include "images/manifest.hpp"

namespace slipway::images {

// Where the image's data blob comes from; implemented by whoever has a network.
class Fetcher {
 public:
  // Takes the next octets; false means "stop": fetch() then returns soon, with any result.
  using Sink = std::function<bool(ByteView)>;

  Fetcher() = default;
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;
  virtual ~Fetcher() = default;

  // Hands octets [stored_offset, stored_offset + stored_length) of the blob to `sink`, in order,
  // each once, in pieces of any size, and then returns. Retrying and resuming after a broken
  // connection is done in here. The sink blocks when the disk is slower than the network, so
  // a connection may idle for long. Called from one thread at a time, not always the same, and not
  // that of write_image()'s caller. An error ends the write with reason network-error.
  [[nodiscard]] virtual Fallible<void> fetch(std::uint64_t stored_offset,
                                             std::uint64_t stored_length, const Sink& sink) = 0;

  // Makes a running fetch() return soon, from any thread: the write was cancelled or failed on the
  // disk's side. A fetcher that cannot block for long needs nothing here.
  virtual void interrupt() {}
};

// The host's own data, written into a partition `cidata` at the end of the disk.
struct Seed {
  Bytes iso;      // as make_iso() built it; empty: no such partition
  Sha256 sha256;  // what `iso` must hash to, from the plan
};

struct WriteProgress {
  // "checks", "wipe", "write", "verify", "finishing" (when there is one), "commit"
  std::string_view step;
  std::uint64_t done_octets = 0;
  std::uint64_t total_octets = 0;
};

struct WriteError {
  std::string reason;  // chunk-digest-mismatch, seed-digest-mismatch, sector-size-mismatch,
                       // image-too-large, bad-partition-table, network-error, disk-write-error,
                       // disk-read-error, verify-mismatch, cancelled, internal, or what
                       // WriteJob::finishing gave
  std::string detail;  // one sentence: which chunk, disk and offset, and what to do
};

using Outcome = std::expected<void, WriteError>;

struct WriteReport {
  Sha256 raw_sha256;                      // of the image; each of its chunks matched
  std::uint64_t written_octets = 0;       // data, seed and tables; zero ranges not counted
  std::map<std::string, double> seconds;  // by step name
  std::vector<Partition> partitions;      // as the new table lists them; empty without GPT
};

struct WriteJob {
  Fetcher& fetcher;
  const VerifiedManifest& manifest;
  BlockDevice& disk;
  Seed seed = {};
  Guid seed_partition = {};  // unique GUID of the cidata partition; Guid::random()
  bool new_guids = false;    // random GUIDs for the disk and its partitions, not the image's
  bool grow_last = false;    // the image's last partition goes on up to the end of the disk
  // Completes what is in the partitions (grows a file system, adds files); may be empty. Runs on
  // write_image()'s thread after all was read back, and is flushed before the tables are written:
  // whatever it writes by byte offset, the disk cannot boot before it is done. It gets the
  // partitions as the new table will list them; no table is on the disk yet. An error ends the
  // write with that reason.
  std::function<Outcome(const std::vector<Partition>&)> finishing = {};
  // Called by write_image()'s thread at each step's start and end, and at least 4 times a second.
  std::function<void(const WriteProgress&)> progress = [](const WriteProgress&) {};
  // Set from any thread to stop soon (reason `cancelled`); nullptr: never. The disk cannot boot
  // then.
  const std::atomic<bool>* cancel = nullptr;
  unsigned workers = 0;  // threads that check, unpack and write; 0: two more than CPUs, 4..6
  std::uint64_t flush_every_octets = std::uint64_t{256} << 20;
};

// Writes the whole image and the seed and returns when all of it is durable. Before anything is
// written, it is known that the tables are good and that everything fits. Blocks; starts and joins
// its own threads.
[[nodiscard]] std::expected<WriteReport, WriteError> write_image(const WriteJob& job);

// Only the step "checks" of write_image(): whether tables and seed are good and all of it fits.
// Reads no disk and writes none.
[[nodiscard]] Outcome check_image(const WriteJob& job);

// Reads only: whether the disk holds what write_image() would have put there, tables included
// (their GUIDs as the image has them, `new_guids` must not be set). Steps "checks" and "verify". A
// difference is verify-mismatch, and names the first chunk that differs, or the table.
[[nodiscard]] std::expected<WriteReport, WriteError> verify_image(const WriteJob& job);

}  // namespace slipway::images
