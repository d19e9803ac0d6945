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
  if (!options_.grow && !options_.oem) return {};
  const auto partitions = peek.partitions();
  if (!partitions) return failure(partitions.error());
  // An image without any is refused by the writer, with its reason, if it had to have some.
  if (partitions->empty()) return {};
  std::expected<void, Failure> done;
  if (options_.grow) done = look_to_grow(peek, *partitions);
  if (done && options_.oem) done = look_for_oem(peek, *partitions);
  return done;
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

images::Outcome Finishing::run(const std::vector<Partition>& partitions) const {
  const auto with = [&](unsigned number, const auto& work) -> images::Outcome {
    const auto found = std::ranges::find(partitions, number, &Partition::number);
    if (found == partitions.end()) {
      return std::unexpected(images::WriteError{
          "internal", "the new table has no partition " + std::to_string(number)});
    }
    return outcome(work(DiskPart{.disk = options_.disk,
                                 .offset = found->offset,
                                 .length = found->length,
                                 .sector_octets = options_.sector_octets}));
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
  return done;
}

}  // namespace slipway::agent
