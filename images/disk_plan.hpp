// images/disk_plan.hpp -- what goes where on the disk, known before the first write.
//
// Two parts of the image do not go with the body: the head (first MiB, written at the very end)
// and the tail (from the image's own backup table on, or from the seed's partition or the disk's
// backup table where these come first: never written). The plan keeps their octets in memory, so
// that the read-back can still be held against the digests of whole chunks.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <span>

#include "images/block_device.hpp"
#include "images/gpt.hpp"
#include "images/writer.hpp"

namespace slipway::images {

struct Extent {
  std::uint64_t offset = 0, length = 0;  // octets
};

class DiskPlan {
 public:
  // `head` is the image's first MiB, with zeros behind the image's end. Writes nothing; fails with
  // seed-digest-mismatch, image-too-large, sector-size-mismatch or bad-partition-table.
  [[nodiscard]] static std::expected<DiskPlan, WriteError> make(const WriteJob& job,
                                                                AlignedBuffer head);

  // The part of an extent of the image that goes with the body; may be empty.
  [[nodiscard]] Extent body(Extent extent) const;
  // Remembers the withheld octets of a part of the image. Different parts may come from several
  // threads at once.
  void keep(std::uint64_t raw_offset, ByteView raw);
  // Puts the remembered octets over what was read from the disk.
  void overlay(std::uint64_t raw_offset, std::span<std::uint8_t> read) const;

  [[nodiscard]] Extent tail() const { return {tail_offset_, tail_length_}; }
  // The seed's partition with its content; no octets when there is no seed.
  [[nodiscard]] Extent seed_extent() const { return {seed_offset_, seed_.size()}; }
  [[nodiscard]] ByteView seed() const { return seed_.view(); }

  // The tables, as they will be: the whole head, and the backup at the disk's end (may be empty).
  [[nodiscard]] ByteView head() const { return head_.view(); }
  [[nodiscard]] ByteView backup() const { return backup_.view(); }
  [[nodiscard]] std::uint64_t backup_offset() const { return backup_offset_; }
  [[nodiscard]] const std::vector<Partition>& partitions() const { return partitions_; }

 private:
  DiskPlan() = default;
  [[nodiscard]] Outcome set_tables(const WriteJob& job, const GptTable& image);
  [[nodiscard]] Outcome set_tail(const Manifest& manifest);

  AlignedBuffer image_head_;  // as the image has it: what the digests know
  AlignedBuffer head_;        // as the disk gets it
  AlignedBuffer backup_, seed_;
  std::uint64_t tail_offset_ = 0, tail_length_ = 0;
  std::map<std::uint64_t, Bytes> tail_;  // by offset: its parts that are not zeros
  std::uint64_t backup_offset_ = 0, seed_offset_ = 0;
  std::vector<Partition> partitions_;
};

}  // namespace slipway::images
