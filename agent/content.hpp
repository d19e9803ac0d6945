// agent/content.hpp -- files of content, put into a file system of the written image.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/failure.hpp"
#include "agent/loop_device.hpp"
#include "agent/plan.hpp"
#include "images/writer.hpp"

namespace slipway::agent {

// What delivering takes besides the disk.
struct ContentMeans {
  // Fetches from the artifact at a path of the server; resumes what breaks off.
  std::function<std::unique_ptr<images::Fetcher>(const std::string& url)> fetcher;
  std::function<void(std::uint64_t done_octets)> progress;
  const std::atomic<bool>* cancel = nullptr;
};

// Streams each file into the file system on `part` (driver `type`), checks its digest on the way,
// and gives it its name when it is whole: owner root, mode 0644, folders above it 0755. A file that
// is there is replaced; a link on the way is an error. Returns when all of them are durable and
// were read back, by their digests, from a fresh read-only mount. Memory does not depend on their
// size. Fails with content-write-failed, content-digest-mismatch, network-error or cancelled.
[[nodiscard]] std::expected<void, Failure> write_content(const DiskPart& part,
                                                         const std::string& type,
                                                         const std::vector<ContentFile>& files,
                                                         const ContentMeans& means);

}  // namespace slipway::agent
