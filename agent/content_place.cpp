#include "agent/content_place.hpp"

#include <algorithm>
#include <string_view>

#include "base/progress.hpp"

namespace slipway::agent {
namespace {

constexpr std::string_view kPersistentLabel = "COS_PERSISTENT";
constexpr std::uint64_t kBlock = 4096;
constexpr std::uint64_t kSpare = std::uint64_t{1} << 20;  // folders, and a first block of extents

std::unexpected<Failure> no_place(const ContentFile& file, const std::string& why) {
  return std::unexpected(Failure{"content-no-place", file.path + ": " + why});
}

bool is_below(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/';
}

// Empty: not kept there.
std::string path_on_persistent(std::string_view path) {
  constexpr std::string_view kMounted = "/usr/local", kBound = "/opt";
  if (is_below(path, kMounted)) return std::string(path.substr(kMounted.size()));
  if (is_below(path, kBound)) return "/.state/opt.bind" + std::string(path.substr(kBound.size()));
  return {};
}

const FoundFileSystem* labelled(const std::vector<FoundFileSystem>& found, std::string_view label) {
  const auto at = std::ranges::find_if(found, [&](const FoundFileSystem& each) {
    return each.file_system.kind != FileSystem::Kind::unknown && each.file_system.label == label;
  });
  return at == found.end() ? nullptr : &*at;
}

const FoundFileSystem* last_of(const std::vector<FoundFileSystem>& found) {
  const FoundFileSystem* last = nullptr;
  for (const auto& each : found) {
    if (each.file_system.kind == FileSystem::Kind::unknown) continue;
    if (last == nullptr || each.partition.offset > last->partition.offset) last = &each;
  }
  return last;
}

// Where `file` goes; its path becomes that within the file system.
std::expected<const FoundFileSystem*, Failure> place_of(ContentFile& file,
                                                        const std::vector<FoundFileSystem>& found) {
  if (!file.partition.empty()) {
    if (const auto* place = labelled(found, file.partition)) return place;
    return no_place(file, "the image has no ext or xfs file system labelled " + file.partition);
  }
  if (const auto* persistent = labelled(found, kPersistentLabel)) {
    auto path = path_on_persistent(file.path);
    if (path.empty()) {
      return no_place(file,
                      "Kairos keeps what is below /usr/local and /opt; choose such a path, or "
                      "name a partition in the profile");
    }
    file.path = std::move(path);
    return persistent;
  }
  if (const auto* last = last_of(found)) return last;
  return no_place(file, "the image has no ext or xfs file system");
}

}  // namespace

std::uint64_t ContentPlace::octets() const {
  std::uint64_t sum = kSpare;
  for (const auto& file : files) {
    const auto octets = file.source.octets;
    sum += (octets + kBlock - 1) / kBlock * kBlock + octets / 1024;  // and its extents
  }
  return sum;
}

std::expected<std::vector<ContentPlace>, Failure> place_content(
    const std::vector<ContentFile>& files, const std::vector<FoundFileSystem>& found) {
  std::vector<ContentPlace> places;
  for (auto file : files) {
    const auto where = place_of(file, found);
    if (!where) return std::unexpected(where.error());
    const auto number = (*where)->partition.number;
    auto at = std::ranges::find_if(
        places, [&](const ContentPlace& place) { return place.where.partition.number == number; });
    if (at == places.end()) at = places.insert(at, {**where, {}});
    at->files.push_back(std::move(file));
  }
  return places;
}

std::expected<void, Failure> check_room(const ContentPlace& place, std::uint64_t grown_octets) {
  const auto& now = place.where.file_system;
  auto room = now.free_octets;
  // Tables of inodes and bitmaps take 1.6 % of what an ext4 grows by.
  if (grown_octets > now.octets) room += (grown_octets - now.octets) / 100 * 97;
  if (place.octets() <= room) return {};
  return std::unexpected(Failure{
      "content-no-room",
      "The content takes " + human_octets(place.octets()) + " and partition " +
          std::to_string(place.where.partition.number) + " will have " + human_octets(room) +
          " free; choose a larger disk, let the last partition grow, or build the image with more "
          "room."});
}

}  // namespace slipway::agent
