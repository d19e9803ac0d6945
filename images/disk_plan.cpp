#include "images/disk_plan.hpp"

#include <algorithm>

namespace slipway::images {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kMaxTailOctets = 32 * kMiB;  // a seed of some MiB may lie there, too

std::unexpected<WriteError> refuse(std::string reason, std::string detail) {
  return std::unexpected(WriteError{std::move(reason), std::move(detail)});
}

AlignedBuffer copy_of(ByteView octets, std::size_t room) {
  AlignedBuffer out(room);
  std::ranges::copy(octets, out.span().begin());
  return out;
}

Outcome check_sizes(const WriteJob& job) {
  const auto size = job.disk.size_octets();
  const auto raw_size = job.manifest->raw_size;
  if (raw_size > size || size < 2 * kHeadOctets) {
    return refuse("image-too-large", "the image has " + std::to_string(raw_size) + " octets, " +
                                         job.disk.name() + " has " + std::to_string(size) +
                                         "; choose a larger disk");
  }
  if (raw_size % job.disk.sector_octets() != 0) {
    return refuse("sector-size-mismatch", "the image's size is not a whole number of the " +
                                              std::to_string(job.disk.sector_octets()) +
                                              "-octet sectors of " + job.disk.name() +
                                              "; use an image made for such disks");
  }
  return {};
}

Outcome check_seed(const Seed& seed) {
  if (seed.iso.empty() || Sha256::of(seed.iso) == seed.sha256) return {};
  return refuse("seed-digest-mismatch",
                "the host's seed does not match the digest in the plan; arm the host again");
}

TableChanges wanted_changes(const WriteJob& job) {
  TableChanges changes{.grow_last = job.grow_last};
  if (!job.seed.iso.empty()) changes.seed = {job.seed.iso.size(), job.seed_partition};
  if (job.new_guids) changes.new_guid = Guid::random;
  return changes;
}

// The image's table, or nothing for an image that has none.
std::expected<std::optional<GptTable>, WriteError> read_table(const WriteJob& job, ByteView head) {
  const auto found = detect_gpt(head);
  if (!found) {
    if (job.seed.iso.empty() && !job.new_guids && !job.grow_last) return std::nullopt;
    return refuse("bad-partition-table",
                  "the image has no GPT, so there is no place for the host's seed and no partition "
                  "to grow or to name anew; use an image with a GPT");
  }
  const auto sector = job.manifest->sector_size;
  if (sector != job.disk.sector_octets()) {
    return refuse("sector-size-mismatch",
                  "the image's GPT counts in sectors of " + std::to_string(sector) + " octets, " +
                      job.disk.name() + " in " + std::to_string(job.disk.sector_octets()) +
                      "; use an image made for such disks");
  }
  auto table = parse_gpt(head, sector, job.manifest->raw_size);
  if (!table) {
    return refuse("bad-partition-table", table.error().text() + "; import the image again");
  }
  return std::move(*table);
}

}  // namespace

std::expected<DiskPlan, WriteError> DiskPlan::make(const WriteJob& job, AlignedBuffer head) {
  auto good = check_seed(job.seed);
  if (good) good = check_sizes(job);
  if (!good) return std::unexpected(good.error());
  DiskPlan plan;
  plan.head_ = copy_of(head.view(), head.size());
  plan.image_head_ = std::move(head);
  plan.tail_offset_ = job.manifest->raw_size;
  const auto table = read_table(job, plan.image_head_.view());
  if (!table) return std::unexpected(table.error());
  if (*table) good = plan.set_tables(job, **table);
  if (!good) return std::unexpected(good.error());
  return plan;
}

Outcome DiskPlan::set_tables(const WriteJob& job, const GptTable& image) {
  const auto made =
      make_disk_table(image, image_head_.view(), job.disk.size_octets(), wanted_changes(job));
  if (!made) {
    const bool too_large = made.error().fault == TableFault::image_too_large;
    return too_large ? refuse("image-too-large", made.error().text + "; choose a larger disk")
                     : refuse("bad-partition-table",
                              made.error().text + "; use an image with a complete GPT");
  }
  const auto sector = image.sector_octets;
  std::ranges::copy(made->lba0, head_.span().begin());
  std::ranges::copy(made->lba1, head_.span().subspan(sector).begin());
  std::ranges::copy(made->entries, head_.span().subspan(made->entries_offset).begin());
  backup_ = copy_of(made->backup, made->backup.size());
  backup_offset_ = made->backup_offset;
  partitions_ = made->partitions;

  tail_offset_ = std::min({tail_offset_, image.backup_offset(), backup_offset_});
  if (!job.seed.iso.empty()) {
    seed_ = copy_of(job.seed.iso, (job.seed.iso.size() + kMiB - 1) / kMiB * kMiB);
    seed_offset_ = made->seed_offset;
    tail_offset_ = std::min(tail_offset_, seed_offset_);
  }
  tail_offset_ = std::max<std::uint64_t>(tail_offset_, kHeadOctets);
  return set_tail(job.manifest.get());
}

// Zeros need no memory; a table that ends long before its image, with data behind it, would.
Outcome DiskPlan::set_tail(const Manifest& manifest) {
  if (manifest.raw_size <= tail_offset_) return {};
  tail_length_ = manifest.raw_size - tail_offset_;
  std::uint64_t kept = 0;
  for (const auto& chunk : manifest.chunks) {
    const auto end = chunk.raw_offset + chunk.raw_length;
    if (end <= tail_offset_) continue;
    const auto start = std::max(chunk.raw_offset, tail_offset_);
    kept += end - start;
    if (kept > kMaxTailOctets) {
      return refuse("bad-partition-table",
                    "more than " + std::to_string(kMaxTailOctets) +
                        " octets of the image lie behind the end of its partition table; use an "
                        "image whose table ends where the image ends (sgdisk -e)");
    }
    tail_.emplace(start, Bytes(end - start));
  }
  return {};
}

Extent DiskPlan::body(Extent extent) const {
  const auto end = std::min(extent.offset + extent.length, tail_offset_);
  const auto start = std::max<std::uint64_t>(extent.offset, kHeadOctets);
  return {start, end > start ? end - start : 0};
}

void DiskPlan::keep(std::uint64_t raw_offset, ByteView raw) {
  const auto end = raw_offset + raw.size();
  if (end <= tail_offset_) return;  // the head is known from the start
  const auto start = std::max(raw_offset, tail_offset_);
  std::ranges::copy(raw.subspan(start - raw_offset), tail_.at(start).begin());
}

void DiskPlan::overlay(std::uint64_t raw_offset, std::span<std::uint8_t> read) const {
  const auto end = raw_offset + read.size();
  if (raw_offset < kHeadOctets) {
    const auto part = image_head_.view().subspan(raw_offset);
    std::ranges::copy(part.first(std::min(part.size(), read.size())), read.begin());
  }
  if (end <= tail_offset_ || tail_length_ == 0) return;
  const auto start = std::max(raw_offset, tail_offset_);
  const auto rest = read.subspan(start - raw_offset);
  std::ranges::fill(rest, std::uint8_t{0});
  if (const auto part = tail_.find(start); part != tail_.end()) {
    std::ranges::copy(part->second, rest.begin());
  }
}

}  // namespace slipway::images
