#include "images/fat32.hpp"

#include "tests/images/disk_image.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::images;
using namespace slipway::test;

namespace {

// Larger than one cluster, and of a length that fills none.
const std::string kKernel(3'000'001, 'k');
const std::string kText = "set timeout=0\n";

std::vector<Fat32File> files() {
  return {{"EFI/BOOT/BOOTX64.EFI", as_bytes(kKernel)},
          {"SLIPWAY/GRUB.CFG", as_bytes(kText)},
          {"SLIPWAY/EMPTY", {}},
          {"README", as_bytes(kText)}};
}

}  // namespace

TEST_CASE("fsck, mtools and blkid read the volume with its folders", "[images][fat32]") {
  const ScratchFolder scratch;
  const auto fat = make_fat32("SLIPWAY", 0x1234ABCD, files());
  REQUIRE(fat);
  CHECK(fat->size() % kMiB == 0);
  const auto path = scratch.path("volume");
  write_file(path, *fat);
  for (const auto* tool : {"fsck.fat", "mtype", "blkid"}) {
    INFO("not installed: " << tool);
    REQUIRE(has_tool(tool));
  }
  const auto checked = run_command("fsck.fat -n -v " + path + " 2>&1");
  INFO(checked.output);
  CHECK(checked.exit_code == 0);
  CHECK_THAT(checked.output, ContainsSubstring("32 bit entries") && !ContainsSubstring("wrong"));
  const auto found = run_command("blkid -p -o export " + path);
  CHECK_THAT(found.output, ContainsSubstring("TYPE=vfat") && ContainsSubstring("VERSION=FAT32") &&
                               ContainsSubstring("LABEL=SLIPWAY") &&
                               ContainsSubstring("UUID=1234-ABCD"));
  for (const auto& file : files()) {
    CHECK(run_command("mtype -i " + path + " ::" + file.path).output == as_text(file.content));
  }
  const auto listed = run_command("mdir -b -/ -i " + path + " ::");
  CHECK_THAT(listed.output, ContainsSubstring("::/SLIPWAY/EMPTY"));
}

TEST_CASE("a volume with more clusters than the least is as good", "[images][fat32]") {
  const ScratchFolder scratch;
  const std::string large(50 * kMiB, 'x');
  const auto fat = make_fat32("SLIPWAY", 1, {{"LARGE.BIN", as_bytes(large)}});
  REQUIRE(fat);
  write_file(scratch.path("volume"), *fat);
  CHECK(run_command("fsck.fat -n " + scratch.path("volume") + " 2>&1").exit_code == 0);
  CHECK(run_command("mtype -i " + scratch.path("volume") + " ::LARGE.BIN").output == large);
}

TEST_CASE("what short names or FAT32 cannot hold is refused", "[images][fat32]") {
  const auto one = [](const char* path) { return make_fat32("SLIPWAY", 1, {{path, {}}}); };
  CHECK(one("A/B/C.D"));
  for (const auto* path :
       {"", "/A", "A/", "A//B", "lower", "TOOLONGNAME", "A.LONG", "A.B.C", "..", "A/../B", "A B"}) {
    INFO(path);
    CHECK_FALSE(one(path));
  }
  CHECK_FALSE(make_fat32("SLIPWAY", 1, {{"A", {}}, {"A", {}}}));
  CHECK_FALSE(make_fat32("SLIPWAY", 1, {{"A", {}}, {"A/B", {}}}));
  CHECK_FALSE(make_fat32("SLIPWAY", 1, {{"A/B", {}}, {"A", {}}}));
  CHECK_FALSE(make_fat32("lower", 1, {}));
  CHECK_FALSE(make_fat32("TWELVE-CHARS", 1, {}));
}
