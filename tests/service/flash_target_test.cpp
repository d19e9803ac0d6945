#include "service/flash_target.hpp"

#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::service;
namespace fs = std::filesystem;

namespace {

// A machine: sda with the system, sdb with LVM on its partition, sdc empty, loop0 on a file.
class Machine {
 public:
  Machine() {
    std::string path = fs::temp_directory_path().string() + "/slipway-target-XXXXXX";
    REQUIRE(::mkdtemp(path.data()) != nullptr);
    root_ = fs::canonical(path);
    add("devices/sda", "8:0");
    add("devices/sda/sda2", "8:2", "partition");
    add("devices/sdb", "8:16");
    add("devices/sdb/sdb1", "8:17", "partition");
    add("devices/sdc", "8:32");
    add("devices/sdd", "8:48");
    write("sys/devices/sdd/ro", "1");
    add("devices/dm-0", "253:0");
    fs::create_directories(root_ / "sys/devices/dm-0/slaves");
    fs::create_symlink(root_ / "sys/devices/sdb/sdb1", root_ / "sys/devices/dm-0/slaves/sdb1");
    write("sys/block/loop0/loop/backing_file", (root_ / "used.img").string());
    write("used.img", "");
    write("proc/self/mountinfo",
          "22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw\n"
          "23 22 0:21 / /proc rw - proc proc rw\n"
          "24 22 253:0 / /srv/depot rw shared:3 master:2 - xfs /dev/mapper/depot rw\n");
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine() { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text << "\n";
  }
  [[nodiscard]] const fs::path& root() const { return root_; }

 private:
  void add(const std::string& place, const std::string& number, const std::string& mark = {}) {
    write("sys/" + place + "/dev", number);
    if (!mark.empty()) write("sys/" + place + "/" + mark, "2");
    fs::create_directories(root_ / "sys/dev/block");
    fs::create_symlink(root_ / "sys" / place, root_ / "sys/dev/block" / number);
  }
  fs::path root_;
};

}  // namespace

TEST_CASE("disks that somebody needs are not written", "[service][flash]") {
  struct Row {
    const char* why;
    FlashTarget target;
    const char* text;  // empty: it may be written
  };
  const Machine machine;
  auto row = GENERATE(values<Row>({
      {"free", {"/dev/sdc", "8:32"}, ""},
      {"the system", {"/dev/sda", "8:0"}, "/dev/sda: holds / of the running system"},
      {"a partition", {"/dev/sda2", "8:2"}, "/dev/sda2: is a partition; name the whole disk"},
      {"mounted through LVM",
       {"/dev/sdb", "8:16"},
       "/dev/sdb: is in use, mounted at /srv/depot; unmount it first"},
      {"read-only", {"/dev/sdd", "8:48"}, "/dev/sdd: is read-only"},
      {"a free file", {"@/proc/swaps"}, ""},
      {"the file of a loop device", {"@/used.img"}, "loop0 uses it"},
  }));
  INFO(row.why);
  if (row.target.path[0] == '@') row.target.path.replace(0, 1, machine.root().string());
  machine.write("proc/swaps", "Filename Type Size Used Priority");
  const auto good = check_flash_target(machine.root(), row.target, {"/"});
  CHECK(good.has_value() == (std::string(row.text).empty()));
  if (!good) CHECK_THAT(good.error().text(), ContainsSubstring(row.text));
}

TEST_CASE("the disk of data_dir is named as such", "[service][flash]") {
  const Machine machine;
  const auto good =
      check_flash_target(machine.root(), {"/dev/sdb", "8:16"}, {"/", "/srv/depot/slipway"});
  REQUIRE_FALSE(good);
  CHECK(good.error().text() == "/dev/sdb: holds /srv/depot/slipway of the running system");
  // A folder whose name only begins alike is another one.
  const auto other =
      check_flash_target(machine.root(), {"/dev/sdb", "8:16"}, {"/", "/srv/depot-old"});
  REQUIRE_FALSE(other);
  CHECK_THAT(other.error().text(), ContainsSubstring("mounted at /srv/depot"));
}

TEST_CASE("what is neither disk nor file is no target", "[service][flash]") {
  CHECK_FALSE(find_flash_target("/dev/null"));
  CHECK_FALSE(find_flash_target("/"));
  CHECK_FALSE(find_flash_target("/absent"));
  CHECK(find_flash_target("/proc/self/exe")->device_number.empty());
}
