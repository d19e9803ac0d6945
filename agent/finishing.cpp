#include "agent/finishing.hpp"

#include <algorithm>

#include "agent/grow.hpp"

namespace slipway::agent {
namespace {

using images::Partition;

std::unexpected<Failure> failure(const images::WriteError& error) {
  return std::unexpected(Failure{error.reason, error.detail});
}

std::expected<FileSystem, Failure> look_at(images::Peek& peek, const Partition& partition) {
  const auto octets = std::min<std::uint64_t>(kSuperBlockOctets, partition.length);
  const auto start = peek.read(partition.offset, octets);
  if (!start) return failure(start.error());
  return identify(*start);
}

images::Outcome outcome(std::expected<void, Failure> done) {
  if (done) return {};
  return std::unexpected(
      images::WriteError{std::move(done.error().reason), std::move(done.error().detail)});
}

}  // namespace

std::expected<void, Failure> Finishing::look(images::Peek& peek) {
  if (!options_.grow && !options_.oem && options_.content.empty()) return {};
  const auto partitions = peek.partitions();
  if (!partitions) return failure(partitions.error());
  // An image without any is refused by the writer, with its reason, if it had to have some.
  if (partitions->empty() && options_.content.empty()) return {};
  std::expected<void, Failure> done;
  if (options_.grow && !partitions->empty()) done = look_to_grow(peek, *partitions);
  if (done && options_.oem) done = look_for_oem(peek, *partitions);
  if (done && !options_.content.empty()) done = look_for_content(peek, *partitions);
  return done;
}

// Before anything is written: where each file goes, and that there will be room for it.
std::expected<void, Failure> Finishing::look_for_content(images::Peek& peek,
                                                         const std::vector<Partition>& partitions) {
  std::vector<FoundFileSystem> found;
  for (const auto& partition : partitions) {
    const auto file_system = look_at(peek, partition);
    if (!file_system) return std::unexpected(file_system.error());
    found.push_back({partition, *file_system});
  }
  auto places = place_content(options_.content, found);
  if (!places) return std::unexpected(places.error());
  // What follows the last partition: at most the seed's, rounded to whole MiB, and the backup
  // table.
  constexpr std::uint64_t kBehind = std::uint64_t{4} << 20;
  for (const auto& place : *places) {
    const auto& partition = place.where.partition;
    const auto end = options_.disk_octets - std::min(kBehind, options_.disk_octets);
    const bool grows = grow_number_ == partition.number && end > partition.offset;
    const auto good = check_room(place, grows ? end - partition.offset : 0);
    if (!good) return good;
  }
  places_ = std::move(*places);
  return {};
}

std::expected<void, Failure> Finishing::look_to_grow(images::Peek& peek,
                                                     const std::vector<Partition>& partitions) {
  const auto last = std::ranges::max_element(
      partitions, {}, [](const Partition& each) { return each.offset + each.length; });
  const auto found = look_at(peek, *last);
  if (!found) return std::unexpected(found.error());
  if (found->kind == FileSystem::Kind::unknown) {
    warning_ =
        "The last partition goes up to the disk's end, but what is in it is neither ext4 nor "
        "xfs and was not grown.";
    return {};
  }
  for (const auto& tool : tools_to_grow(found->kind)) {
    if (options_.has_tool(tool)) continue;
    return std::unexpected(Failure{
        "tool-missing", "The installer lacks " + tool + ", which grows " +
                            driver_name(found->kind) +
                            "; install its package on the server, run slipway installer build "
                            "again, and arm the host again."});
  }
  grow_number_ = last->number;
  return {};
}

// The label says more than the partition's name: Kairos itself looks for the label.
std::expected<void, Failure> Finishing::look_for_oem(images::Peek& peek,
                                                     const std::vector<Partition>& partitions) {
  for (const auto& partition : partitions) {
    const auto found = look_at(peek, partition);
    if (!found) return std::unexpected(found.error());
    if (found->kind != FileSystem::Kind::ext) continue;
    if (found->label == kOemLabel) {
      oem_number_ = partition.number;
      return {};
    }
    if (partition.name == kOemLabel && !oem_number_) oem_number_ = partition.number;
  }
  return {};
}

std::expected<DiskPart, images::WriteError> Finishing::part_of(
    unsigned number, const std::vector<Partition>& partitions) const {
  const auto found = std::ranges::find(partitions, number, &Partition::number);
  if (found == partitions.end()) {
    return std::unexpected(
        images::WriteError{"internal", "the new table has no partition " + std::to_string(number)});
  }
  return DiskPart{.disk = options_.disk,
                  .offset = found->offset,
                  .length = found->length,
                  .sector_octets = options_.sector_octets};
}

images::Outcome Finishing::deliver(const std::vector<Partition>& partitions) const {
  std::uint64_t before = 0, total = 0;
  for (const auto& file : options_.content) total += file.source.octets;
  for (const auto& place : places_) {
    const auto part = part_of(place.where.partition.number, partitions);
    if (!part) return std::unexpected(part.error());
    ContentMeans means{.fetcher = options_.fetcher, .progress = {}, .cancel = options_.cancel};
    means.progress = [&](std::uint64_t done) {
      if (options_.progress) options_.progress(before + done, total);
    };
    const auto done = outcome(
        write_content(*part, driver_name(place.where.file_system.kind), place.files, means));
    if (!done) return done;
    for (const auto& file : place.files) before += file.source.octets;
  }
  return {};
}

images::Outcome Finishing::run(const std::vector<Partition>& partitions) const {
  const auto with = [&](unsigned number, const auto& work) -> images::Outcome {
    const auto part = part_of(number, partitions);
    if (!part) return std::unexpected(part.error());
    return outcome(work(*part));
  };
  images::Outcome done;
  if (grow_number_) {
    done = with(*grow_number_,
                [&](const DiskPart& part) { return grow_file_system(part, options_.cancel); });
  }
  if (done && document_ && oem_number_) {
    done =
        with(*oem_number_, [&](const DiskPart& part) { return write_document(part, *document_); });
  }
  return done ? deliver(partitions) : done;
}

}  // namespace slipway::agent
