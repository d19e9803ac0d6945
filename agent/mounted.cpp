#include "agent/mounted.hpp"

namespace slipway::agent {

Fallible<void> with_mounted(
    const DiskPart& part, const std::string& type, Mount::Access access,
    const std::function<Fallible<void>(const std::filesystem::path& root)>& work) {
  const bool writes = access == Mount::Access::read_write;
  auto device = LoopDevice::attach(
      part, writes ? LoopDevice::Access::read_write : LoopDevice::Access::read_only);
  if (!device) return std::unexpected(device.error());
  Fallible<void> done;
  {
    auto mount = Mount::make(device->path(), type, access);
    if (!mount) return std::unexpected(mount.error());
    done = work(mount->path());
    const auto unmounted = mount->unmount();
    if (done) done = unmounted;
  }
  const auto detached = device->detach();
  return done ? detached : done;
}

}  // namespace slipway::agent
