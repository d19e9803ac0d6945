// A disk as a file, with file systems that the distribution's own tools made and look into.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agent/loop_device.hpp"
#include "base/temporary_folder.hpp"
#include "base/tool.hpp"
#include "tests/support/catch.hpp"

namespace slipway::test {

class DiskFile {
 public:
  static constexpr std::uint64_t kMib = std::uint64_t{1} << 20;

  explicit DiskFile(std::uint64_t mib) : folder_(make_folder()) {
    (void)shell("truncate -s " + std::to_string(mib) + "M disk");
  }

  // Runs a script beside the file `disk` and gives what it printed.
  std::string shell(const std::string& script) const {
    const auto text = run_tool({"/bin/sh", "-ec", script}, folder_.path());
    if (!text) FAIL(script << ": " << text.error().text());
    return *text;
  }
  // Makes a file system of `mib` and puts it 1 MiB behind the disk's start.
  void format(const std::string& mkfs, std::uint64_t mib) const {
    (void)shell(
        "truncate -s " + std::to_string(mib) + "M fs; " + mkfs +
        " fs >/dev/null 2>&1; dd if=fs of=disk bs=1M seek=1 conv=notrunc,sparse status=none; "
        "rm fs");
  }
  // The part from 1 MiB on, of `mib`, as the distribution's tools would see it.
  std::string in_part(const std::string& script, std::uint64_t mib) const {
    return shell("dd if=disk of=part bs=1M skip=1 count=" + std::to_string(mib) +
                 " conv=sparse status=none; " + script + "; rm -f part");
  }
  [[nodiscard]] agent::DiskPart part(std::uint64_t mib, std::uint32_t sector_octets = 512) const {
    return {path(), kMib, mib * kMib, sector_octets};
  }
  [[nodiscard]] std::filesystem::path path() const { return folder_.path() / "disk"; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }

  // Whether a loop device or a mount of this disk was left behind.
  [[nodiscard]] bool in_use() const { return !shell("losetup -j disk").empty(); }

 private:
  static TemporaryFolder make_folder() {
    auto folder = TemporaryFolder::make();
    if (!folder) FAIL(folder.error().text());
    return std::move(*folder);
  }
  TemporaryFolder folder_;
};

}  // namespace slipway::test
