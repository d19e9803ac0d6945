// agent/content_place.hpp -- into which file system of an image a file of content goes. Pure.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "agent/failure.hpp"
#include "agent/file_system.hpp"
#include "agent/plan.hpp"
#include "images/gpt.hpp"

namespace slipway::agent {

struct FoundFileSystem {
  images::Partition partition;
  FileSystem file_system;
};

// All files that go into one file system; their paths are those within it.
struct ContentPlace {
  FoundFileSystem where;
  std::vector<ContentFile> files;
  [[nodiscard]] std::uint64_t octets() const;  // of all files, and what it takes to hold them
};

// With a label: the file system that has it. Without: for an image of Kairos, COS_PERSISTENT, which
// the finished host mounts on /usr/local and, below .state, binds to /opt (Kairos' cos-layout.env:
// VOLUMES and PERSISTENT_STATE_PATHS); for any other image the ext or XFS file system that ends
// last, which is taken for the root. Fails with content-no-place.
[[nodiscard]] std::expected<std::vector<ContentPlace>, Failure> place_content(
    const std::vector<ContentFile>& files, const std::vector<FoundFileSystem>& found);

// Whether there is room in `place` when its file system may become `grown_octets` large (0: it
// stays as it is). Fails with content-no-room.
[[nodiscard]] std::expected<void, Failure> check_room(const ContentPlace& place,
                                                      std::uint64_t grown_octets);

}  // namespace slipway::agent
