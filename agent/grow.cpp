#include "agent/grow.hpp"

#include "agent/mount.hpp"
#include "base/progress.hpp"
#include "base/tool.hpp"

namespace slipway::agent {
namespace {

// A check reads all of a file system's metadata: minutes on a large, slow disk.
constexpr std::chrono::minutes kPatience{30};

// One file system on one part of a disk.
class Growing {
 public:
  Growing(const DiskPart& part, const std::atomic<bool>* cancel) : part_(part), cancel_(cancel) {}

  Fallible<void> run() {
    auto device = LoopDevice::attach(part_, LoopDevice::Access::read_write);
    if (!device) return std::unexpected(device.error());
    const auto found = look(*device);
    if (!found) return std::unexpected(found.error());
    auto done = found->kind == FileSystem::Kind::ext ? grow_ext(*device) : grow_xfs(*device);
    const auto detached = device->detach();
    if (done) done = detached;
    if (done) done = verify(*found);
    return done;
  }

 private:
  static Fallible<FileSystem> look(const LoopDevice& device) {
    const auto start = device.read(0, kSuperBlockOctets);
    if (!start) return std::unexpected(start.error());
    auto found = identify(*start);
    if (found.kind == FileSystem::Kind::unknown) return fail("the file system is not known");
    return found;
  }

  // Exit statuses up to `worst` are good.
  Fallible<void> call(std::vector<std::string> arguments, int worst = 0) const {
    const auto name = arguments.front();
    const auto result =
        call_tool({.arguments = std::move(arguments), .patience = kPatience, .cancel = cancel_});
    if (!result) return std::unexpected(result.error());
    if (result->code <= worst) return {};
    const auto& words = last_line(result->trouble).size() > 0 ? result->trouble : result->out;
    return fail(name + " ended with code " + std::to_string(result->code) + ": " +
                last_line(words));
  }

  // resize2fs wants a check before. 1 of e2fsck: errors were corrected (e2fsck(8)).
  [[nodiscard]] Fallible<void> grow_ext(const LoopDevice& device) const {
    auto done = call({"e2fsck", "-f", "-p", device.path()}, 1);
    if (done) done = call({"resize2fs", device.path()});
    return done;
  }

  [[nodiscard]] Fallible<void> grow_xfs(const LoopDevice& device) const {
    auto mount = Mount::make(device.path(), "xfs", Mount::Access::read_write);
    if (!mount) return std::unexpected(mount.error());
    auto done = call({"xfs_growfs", mount->path()});
    const auto unmounted = mount->unmount();
    return done ? unmounted : done;
  }

  // On a device of its own that cannot write, so that the disk is asked and not a cache.
  [[nodiscard]] Fallible<void> verify(const FileSystem& before) const {
    auto device = LoopDevice::attach(part_, LoopDevice::Access::read_only);
    if (!device) return std::unexpected(device.error());
    const auto now = look(*device);
    if (!now) return std::unexpected(now.error());
    if (now->octets < before.octets || now->octets + now->slack_octets <= part_.length ||
        now->octets > part_.length) {
      return fail("the file system has " + human_octets(now->octets) + " of the partition's " +
                  human_octets(part_.length));
    }
    Fallible<void> done;
    if (now->kind == FileSystem::Kind::ext) {
      done = call({"e2fsck", "-f", "-n", device->path()});
    } else if (find_tool("xfs_repair")) {
      done = call({"xfs_repair", "-n", device->path()});
    }
    const auto detached = device->detach();
    return done ? detached : done;
  }

  const DiskPart& part_;
  const std::atomic<bool>* cancel_;
};

}  // namespace

std::vector<std::string> tools_to_grow(FileSystem::Kind kind) {
  switch (kind) {
    case FileSystem::Kind::ext: return {"e2fsck", "resize2fs"};
    case FileSystem::Kind::xfs: return {"xfs_growfs"};
    case FileSystem::Kind::unknown: break;
  }
  return {};
}

std::expected<void, Failure> grow_file_system(const DiskPart& part,
                                              const std::atomic<bool>* cancel) {
  const auto done = Growing(part, cancel).run();
  if (done) return {};
  return std::unexpected(
      Failure{"grow-failed", "The last file system could not be grown (" + done.error().text() +
                                 "); check it in the image, or leave grow out of the profile."});
}

}  // namespace slipway::agent
