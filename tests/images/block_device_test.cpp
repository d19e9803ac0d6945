#include "images/block_device.hpp"

#include <unistd.h>

#include <algorithm>

#include "tests/images/disk_image.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::images;
using namespace slipway::test;

namespace {

AlignedBuffer filled(std::size_t octets, std::uint8_t value) {
  AlignedBuffer buffer(octets);
  std::ranges::fill(buffer.span(), value);
  return buffer;
}

void exercise(const std::string& path) {
  auto disk = open_disk(path);
  INFO((disk ? "" : disk.error().text()));
  REQUIRE(disk);
  auto& device = **disk;
  REQUIRE(device.size_octets() == 8 * kMiB);
  REQUIRE(device.write_at(kMiB, filled(kMiB, 7).view()));
  REQUIRE(device.write_at(device.size_octets() - 512, filled(512, 8).view()));
  REQUIRE(device.zero_range(kMiB + 4096, 8192));
  REQUIRE(device.flush());
  AlignedBuffer back(kMiB);
  REQUIRE(device.read_at(kMiB, back.span()));
  CHECK(std::ranges::count(back.view(), 7) == static_cast<std::ptrdiff_t>(kMiB - 8192));
  CHECK(back.view()[4096] == 0);
  CHECK(back.view()[4096 + 8191] == 0);
  CHECK(back.view()[4096 + 8192] == 7);

  for (const auto& refused :
       {device.write_at(device.size_octets(), filled(512, 1).view()),
        device.write_at(100, filled(512, 1).view()), device.write_at(0, filled(100, 1).view()),
        device.zero_range(0, 9 * kMiB), device.zero_range(~0ULL - 511, 1024)}) {
    CHECK_FALSE(refused);
  }
  CHECK_THAT(device.write_at(device.size_octets(), filled(512, 1).view()).error().text(),
             ContainsSubstring("writing " + path + ": LBA 16384"));
}

}  // namespace

TEST_CASE("a file serves as a disk", "[images][block_device]") {
  const ScratchFolder scratch;
  write_file(scratch.path("disk"), Bytes(8 * kMiB, 9));
  exercise(scratch.path("disk"));
  CHECK(read_whole_file(scratch.path("disk"))[8 * kMiB - 512] == 8);
}

TEST_CASE("what is no disk is refused", "[images][block_device]") {
  const ScratchFolder scratch;
  write_file(scratch.path("empty"), {});
  CHECK_THAT(open_disk(scratch.path("empty")).error().text(), ContainsSubstring("no size"));
  CHECK_THAT(open_disk("/dev/null").error().text(), ContainsSubstring("not a disk"));
  CHECK_THAT(open_disk(scratch.path("absent")).error().text(), ContainsSubstring("No such file"));
}

TEST_CASE("a real block device is written, and refused while it is in use",
          "[images][block_device][root]") {
  const ScratchFolder scratch;
  write_file(scratch.path("disk"), Bytes(8 * kMiB, 9));
  const auto loop = run_command("losetup --show -f " + scratch.path("disk"));
  if (::geteuid() != 0 || loop.exit_code != 0) {
    WARN("no loop devices for this user");
    return;
  }
  const auto path = loop.output.substr(0, loop.output.find('\n'));
  exercise(path);
  {
    const auto first = open_disk(path);
    REQUIRE(first);
    const auto second = open_disk(path);
    REQUIRE_FALSE(second);
    CHECK_THAT(second.error().text(), ContainsSubstring("in use"));
  }
  CHECK(run_command("losetup -d " + path).exit_code == 0);
}
