#include "images/import/archive_tree.hpp"

#include "base/crypto.hpp"
#include "tests/images/import/media.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::images;
using namespace slipway::test;

namespace {

std::string content_of(const ArchiveTree& tree, const std::string& path) {
  const auto member = tree.find(path);
  REQUIRE(member);
  REQUIRE(*member != nullptr);
  std::string content;
  const auto good = tree.read({*member}, [&](const Member& found, const ArchiveTree::Pull& pull) {
    CHECK(found.path == (*member)->path);
    std::array<std::uint8_t, 1000> block{};
    for (;;) {
      const auto got = pull(block);
      if (!got) return Fallible<void>(std::unexpected(got.error()));
      content += as_text(ByteView(block).first(*got));
      if (*got < block.size()) return Fallible<void>();
    }
  });
  INFO((good ? "" : good.error().text()));
  REQUIRE(good);
  return content;
}

ArchiveTree open_tree(const std::string& path) {
  auto tree = ArchiveTree::open(path);
  INFO((tree ? "" : tree.error().text()));
  REQUIRE(tree);
  return std::move(*tree);
}

const Layout& sample() {
  static const Layout layout = {{"boot/kernel", fake_kernel()},
                                {"boot/initrd", std::string(5000, 'i')},
                                {"boot/a-name-longer-than-level-1.config", "long"},
                                {"rootfs.squashfs", std::string(100'000, 's')},
                                {"empty", ""}};
  return layout;
}

}  // namespace

TEST_CASE("every dialect of ISO 9660 gives the same files", "[import][iso]") {
  struct Row {
    const char* name;
    std::string command;
  };
  const ScratchFolder scratch;
  write_layout(scratch.path("d"), sample());
  write_file(scratch.path("esp"), Bytes(65536));
  for (const auto& row :
       {Row{"Rock Ridge and Joliet, xorriso", "xorrisofs -quiet -r -J"},
        Row{"Rock Ridge only", "xorrisofs -quiet -r"}, Row{"Joliet only", "genisoimage -quiet -J"},
        Row{"genisoimage, both", "genisoimage -quiet -r -J"},
        Row{"hybrid: MBR, GPT and an appended partition",
            "xorrisofs -quiet -r -J -partition_offset 16 -appended_part_as_gpt -append_partition 2 "
            "0xef " +
                scratch.path("esp")},
        Row{"level 3 with long plain names", "xorrisofs -quiet -iso-level 3 -r"},
        Row{"deep paths relocated", "genisoimage -quiet -r"}}) {
    INFO(row.name);
    const auto medium = scratch.path("iso");
    must_run(row.command + " -o " + medium + " " + scratch.path("d"));
    CHECK(ArchiveTree::is_iso(medium));
    const auto octets = read_whole_file(medium);
    const auto sector_1 = as_text(ByteView(octets).subspan(512, 8));
    CHECK((sector_1 == "EFI PART") == std::string_view(row.name).starts_with("hybrid"));
    const auto tree = open_tree(medium);
    for (const auto& [path, content] : sample()) {
      INFO(path);
      CHECK(content_of(tree, path) == content);
    }
    CHECK(tree.check_whole());
  }
}

TEST_CASE("plain names of level 1 are found by what they were", "[import][iso]") {
  const ScratchFolder scratch;
  write_layout(scratch.path("d"), sample());
  must_run("genisoimage -quiet -iso-level 1 -o " + scratch.path("iso") + " " + scratch.path("d"));
  const auto listed = run_command("isoinfo -f -i " + scratch.path("iso")).output;
  CHECK_THAT(listed, ContainsSubstring("/BOOT/KERNEL.;1"));  // what the fixture is about
  const auto tree = open_tree(scratch.path("iso"));
  CHECK(content_of(tree, "boot/kernel") == fake_kernel());
  CHECK(content_of(tree, "rootfs.squashfs") == std::string(100'000, 's'));
  REQUIRE(tree.all("*.squashfs").size() == 1);
  CHECK(*tree.find("boot/nothing") == nullptr);
}

TEST_CASE("links are followed within the medium", "[import][iso][tar]") {
  const ScratchFolder scratch;
  write_layout(scratch.path("d"), {{"usr/lib/kernel-6.1", "new"}, {"boot/x", "x"}});
  must_run("cd " + scratch.path("d") +
           " && ln -s ../usr/lib/kernel-6.1 boot/kernel && ln -s usr/lib lib && ln -s /lib abs && "
           "ln -s ../../etc/passwd boot/out && ln -s loop2 loop1 && ln -s loop1 loop2 && "
           "ln -s nowhere dangling && ln usr/lib/kernel-6.1 hard && mkfifo pipe");
  must_run("xorrisofs -quiet -r -o " + scratch.path("m.iso") + " " + scratch.path("d"));
  must_run("genisoimage -quiet -r -cache-inodes -o " + scratch.path("g.iso") + " " +
           scratch.path("d"));
  must_run("tar -C " + scratch.path("d") + " -czf " + scratch.path("m.tar.gz") + " .");
  for (const auto* name : {"m.iso", "g.iso", "m.tar.gz"}) {
    INFO(name);
    const auto tree = open_tree(scratch.path(name));
    CHECK(content_of(tree, "boot/kernel") == "new");
    CHECK(content_of(tree, "lib/kernel-6.1") == "new");
    CHECK(content_of(tree, "abs/kernel-6.1") == "new");
    CHECK(content_of(tree, "hard") == "new");
    CHECK_FALSE(tree.find("boot/out"));
    CHECK_FALSE(tree.find("loop1"));
    CHECK_FALSE(tree.find("loop1/deeper"));
    CHECK(*tree.find("dangling") == nullptr);
    CHECK(*tree.find("lib") == nullptr);  // a folder is no file
    const auto pipe = tree.find("pipe");
    REQUIRE_FALSE(pipe);
    CHECK_THAT(pipe.error().text(), ContainsSubstring("\"pipe\" is a device or the like"));
    CHECK_FALSE(tree.find("../boot/x"));
  }
}

TEST_CASE("tar archives of every packing", "[import][tar]") {
  const ScratchFolder scratch;
  write_layout(scratch.path("d"), sample());
  for (const auto* option : {"", "--gzip", "--bzip2", "--xz", "--zstd", "--format=ustar",
                             "--format=gnu", "--format=pax"}) {
    INFO(option);
    must_run("tar -C " + scratch.path("d") + " " + option + " -cf " + scratch.path("t") +
             " boot rootfs.squashfs empty");
    CHECK(ArchiveTree::is_tar(scratch.path("t")));
    CHECK_FALSE(ArchiveTree::is_iso(scratch.path("t")));
    const auto tree = open_tree(scratch.path("t"));
    for (const auto& [path, content] : sample()) CHECK(content_of(tree, path) == content);
    CHECK(*tree.find("Boot/Kernel") == nullptr);  // tar knows the case
  }
  // A file that was appended again: the later one counts; GNU tar makes the third a hard link to
  // itself.
  write_file(scratch.path("d/empty"), as_bytes("not any more"));
  must_run("tar -C " + scratch.path("d") + " -cf " + scratch.path("t") + " boot");
  must_run("tar -C " + scratch.path("d") + " -rf " + scratch.path("t") + " empty empty");
  CHECK(content_of(open_tree(scratch.path("t")), "empty") == "not any more");
}

TEST_CASE("disks, zeros and texts are neither ISO nor tar", "[import][iso][tar]") {
  const ScratchFolder scratch;
  write_file(scratch.path("disk"), make_gpt_image());
  write_file(scratch.path("zeros"), Bytes(1 << 20));
  write_file(scratch.path("text"), as_bytes("hello\n"));
  write_file(scratch.path("nothing"), Bytes());
  must_run("gzip -c " + scratch.path("disk") + " > " + scratch.path("disk.gz"));
  for (const auto* name : {"disk", "zeros", "text", "nothing", "disk.gz", "not there"}) {
    INFO(name);
    CHECK_FALSE(ArchiveTree::is_iso(scratch.path(name)));
    CHECK_FALSE(ArchiveTree::is_tar(scratch.path(name)));
  }
  CHECK_FALSE(ArchiveTree::open(scratch.path("disk")));
  CHECK_FALSE(ArchiveTree::open(scratch.path("")));
}

TEST_CASE("a file over 4 GiB, in several extents, is one stream", "[import][iso][large]") {
  const ScratchFolder scratch;
  constexpr std::uint64_t kOctets = (std::uint64_t{4} << 30) + 12345;
  must_run("mkdir " + scratch.path("d") + " && truncate -s " + std::to_string(kOctets) + " " +
           scratch.path("d/big") + " && printf end | dd of=" + scratch.path("d/big") +
           " bs=1 conv=notrunc oflag=append status=none && printf small > " + scratch.path("d/z"));
  // Sparse again on its way, so that the test takes no room.
  must_run("sh -c 'xorrisofs -quiet -r -iso-level 3 " + scratch.path("d") +
           " | cp --sparse=always /dev/stdin " + scratch.path("iso") + "'");
  CHECK_THAT(run_command("isoinfo -l -i " + scratch.path("iso")).output,
             ContainsSubstring("4294965248"));  // the first of two extents
  const auto tree = open_tree(scratch.path("iso"));
  const auto big = tree.find("big");
  REQUIRE((big && *big != nullptr));
  CHECK((*big)->octets == kOctets + 3);
  std::uint64_t octets = 0;
  std::string tail;
  const auto good = tree.read({*big}, [&](const Member&, const ArchiveTree::Pull& pull) {
    std::vector<std::uint8_t> block(1 << 20);
    for (;;) {
      const auto got = pull(block);
      if (!got) return Fallible<void>(std::unexpected(got.error()));
      octets += *got;
      if (*got < block.size()) {
        tail = as_text(ByteView(block).first(*got));
        return Fallible<void>();
      }
    }
  });
  REQUIRE(good);
  CHECK(octets == kOctets + 3);
  CHECK(tail.ends_with("end"));
  CHECK(content_of(tree, "z") == "small");
}

TEST_CASE("isoinfo and xorriso read the same octets", "[import][iso][tools][differential]") {
  const ScratchFolder scratch;
  Layout layout;
  for (std::uint64_t i = 0; i < 60; ++i) {
    const auto folder = "d" + std::to_string(i % 7) + "/e" + std::to_string(i % 3);
    const auto octets = random_octets_of(i * 997 % 20'000, i);
    layout[folder + "/file-" + std::to_string(i)] = as_text(octets);
  }
  const auto medium = make_medium(scratch, "m.iso", layout);
  const auto tree = open_tree(medium);
  must_run("xorriso -osirrox on -indev " + medium + " -extract / " + scratch.path("out"));
  std::size_t files = 0;
  for (const auto& [path, member] : tree.members()) {
    if (member.type != Member::Type::file) continue;
    ++files;
    INFO(path);
    const auto ours = content_of(tree, path);
    CHECK(ours == as_text(read_whole_file(scratch.path("out/" + path))));
    CHECK(ours == run_command("isoinfo -R -x /" + path + " -i " + medium).output);
  }
  CHECK(files == layout.size());
}
