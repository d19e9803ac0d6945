#include <fcntl.h>
#include <linux/fs.h>
#include <linux/nvme_ioctl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "agent/erase.hpp"
#include "agent/text_file.hpp"
#include "base/descriptor.hpp"
#include "images/block_device.hpp"

namespace slipway::agent {
namespace {

class KernelTarget : public EraseTarget {
 public:
  KernelTarget(std::string device, Descriptor descriptor, const Tools& tools)
      : device_(std::move(device)), descriptor_(std::move(descriptor)), tools_(tools) {}

  std::uint64_t size_octets() override {
    std::uint64_t octets = 0;
    if (::ioctl(descriptor_.get(), BLKGETSIZE64, &octets) != 0) return 0;  // gone: nothing to erase
    return octets;
  }

  Fallible<void> read_at(std::uint64_t offset, std::span<std::uint8_t> out) override {
    if (out.size() > buffer_.size()) buffer_ = images::AlignedBuffer(out.size());
    for (std::size_t done = 0; done < out.size();) {
      const auto got = ::pread(descriptor_.get(), buffer_.span().data() + done, out.size() - done,
                               static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return fail_errno(where("reading", offset + done), got < 0 ? errno : EIO);
      done += static_cast<std::size_t>(got);
    }
    std::memcpy(out.data(), buffer_.view().data(), out.size());
    return {};
  }

  // Zero where the device or its driver has no discard.
  bool can_discard() override {
    struct stat about{};
    if (::fstat(descriptor_.get(), &about) != 0) return false;
    const auto block = "/sys/dev/block/" + std::to_string(major(about.st_rdev)) + ":" +
                       std::to_string(minor(about.st_rdev));
    return read_number(block + "/queue/discard_max_bytes") > 0;
  }

  Fallible<void> discard(std::uint64_t offset, std::uint64_t length) override {
    std::uint64_t range[2] = {offset, length};
    if (::ioctl(descriptor_.get(), BLKDISCARD, range) != 0) {
      return fail_errno(where("discarding", offset), errno);
    }
    return {};
  }

  Fallible<std::uint32_t> nvme_namespace() override {
    const int name = ::ioctl(descriptor_.get(), NVME_IOCTL_ID);
    if (name < 0) return fail_errno("asking " + device_ + " for its namespace", errno);
    return static_cast<std::uint32_t>(name);
  }

  Fallible<void> nvme(const NvmeCommand& command, std::span<std::uint8_t> out) override {
    nvme_admin_cmd call{};
    call.opcode = command.opcode;
    call.nsid = command.namespace_id;
    call.cdw10 = command.cdw10;
    call.timeout_ms = command.timeout_ms;
    call.addr = reinterpret_cast<std::uintptr_t>(out.data());
    call.data_len = static_cast<std::uint32_t>(out.size());
    const int status = ::ioctl(descriptor_.get(), NVME_IOCTL_ADMIN_CMD, &call);
    const auto name = device_ + ": NVMe command " + std::to_string(command.opcode);
    if (status < 0) return fail_errno(name, errno);
    if (status > 0) return fail(name + " ended with status " + std::to_string(status));
    return {};
  }

  Fallible<ToolResult> hdparm(const std::vector<std::string>& options,
                              std::chrono::seconds patience) override {
    ToolCall call{.arguments = {"hdparm"}, .patience = patience};
    call.arguments.insert(call.arguments.end(), options.begin(), options.end());
    call.arguments.push_back(device_);
    return tools_.run(call);
  }

  void pause(std::chrono::milliseconds time) override { std::this_thread::sleep_for(time); }

 private:
  [[nodiscard]] std::string where(const char* what, std::uint64_t offset) const {
    return std::string(what) + " " + device_ + " at octet " + std::to_string(offset);
  }

  std::string device_;
  Descriptor descriptor_;
  const Tools& tools_;
  images::AlignedBuffer buffer_;
};

}  // namespace

Fallible<std::unique_ptr<EraseTarget>> open_erase_target(const std::string& device,
                                                         const Tools& tools) {
  Descriptor descriptor(::open(device.c_str(), O_RDWR | O_DIRECT | O_EXCL | O_CLOEXEC));
  if (descriptor.get() < 0) return fail_errno("opening " + device, errno);
  return std::make_unique<KernelTarget>(device, std::move(descriptor), tools);
}

}  // namespace slipway::agent
