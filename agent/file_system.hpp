// agent/file_system.hpp -- which file system a partition starts with. Pure; takes hostile octets.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.hpp"

namespace slipway::agent {

// How much of a partition's start identify() looks at.
inline constexpr std::size_t kSuperBlockOctets = 4096;

struct FileSystem {
  enum class Kind : std::uint8_t { unknown, ext, xfs };  // ext: ext2, ext3 or ext4

  Kind kind = Kind::unknown;
  std::string label;
  std::uint64_t octets = 0;  // that it says it has
  // It may leave less than this of its partition unused: a last group (ext) or a piece of an
  // allocation group (xfs) that is too small to hold anything.
  std::uint64_t slack_octets = 0;
  std::uint64_t free_octets = 0;  // that it says root may still fill
};

// The file system whose super block is in `start`, the first octets of a partition. Whatever is
// neither ext nor XFS, and whatever contradicts itself, is unknown.
[[nodiscard]] FileSystem identify(ByteView start);

// "ext4", "xfs", "unknown": for messages and for mount(2); ext4's driver takes all of ext.
[[nodiscard]] std::string driver_name(FileSystem::Kind kind);

}  // namespace slipway::agent
