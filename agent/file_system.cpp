#include "agent/file_system.hpp"

#include <algorithm>
#include <string_view>

namespace slipway::agent {
namespace {

// Text of a fixed field, up to the first NUL.
std::string field_text(ByteView field) {
  const auto text = as_text(field);
  return std::string(text.substr(0, text.find('\0')));
}

// linux/Documentation/filesystems/ext4/super.rst. The super block is at 1024, whatever the block.
FileSystem identify_ext(ByteView start) {
  constexpr std::size_t kPlace = 1024, kLength = 1024;
  constexpr std::uint16_t kMagic = 0xEF53;
  constexpr std::uint32_t kJournalDevice = 0x8, kManyBlocks = 0x80;  // of the features
  constexpr std::uint32_t kMostLog = 6;                              // 64 KiB blocks
  if (start.size() < kPlace + kLength) return {};
  const auto block = start.subspan(kPlace, kLength);
  const auto number = [&](std::size_t offset) { return Reader(block.subspan(offset)).le32(); };
  const auto features = number(96);
  if (Reader(block.subspan(56)).le16() != kMagic || (features & kJournalDevice) != 0) return {};
  if (number(24) > kMostLog) return {};
  const std::uint64_t block_octets = std::uint64_t{1024} << number(24);
  std::uint64_t blocks = number(4);
  std::uint64_t free = number(12);
  if ((features & kManyBlocks) != 0) {
    blocks |= std::uint64_t{number(0x150)} << 32;
    free |= std::uint64_t{number(0x158)} << 32;
  }
  return {FileSystem::Kind::ext, field_text(block.subspan(120, 16)), blocks * block_octets,
          number(32) * block_octets, std::min(free, blocks) * block_octets};
}

// xfsprogs, xfs_format.h, struct xfs_dsb: big-endian, at the start.
FileSystem identify_xfs(ByteView start) {
  constexpr std::size_t kLength = 512;
  constexpr std::uint64_t kLeastGroupBlocks = 64;  // a smaller last allocation group is left out
  if (start.size() < kLength || as_text(start.first(4)) != "XFSB") return {};
  Reader reader(start.subspan(4));
  const std::uint64_t block_octets = reader.u32();
  const std::uint64_t high = reader.u32(), low = reader.u32();
  const bool power = (block_octets & (block_octets - 1)) == 0;
  if (block_octets < 512 || block_octets > 65536 || !power) return {};
  const auto blocks = high << 32 | low;
  Reader counts(start.subspan(144));  // sb_fdblocks
  const std::uint64_t free_high = counts.u32(), free_low = counts.u32();
  return {FileSystem::Kind::xfs, field_text(start.subspan(108, 12)), blocks * block_octets,
          kLeastGroupBlocks * block_octets,
          std::min(free_high << 32 | free_low, blocks) * block_octets};
}

}  // namespace

FileSystem identify(ByteView start) {
  auto found = identify_ext(start);
  return found.kind == FileSystem::Kind::unknown ? identify_xfs(start) : found;
}

std::string driver_name(FileSystem::Kind kind) {
  switch (kind) {
    case FileSystem::Kind::ext: return "ext4";
    case FileSystem::Kind::xfs: return "xfs";
    case FileSystem::Kind::unknown: break;
  }
  return "unknown";
}

}  // namespace slipway::agent
