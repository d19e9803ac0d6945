// Loop devices and mounts: needs root.
#include "agent/oem.hpp"

#include "tests/agent/disk_file.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::agent;
using namespace slipway::test;

namespace {

Document document_of(std::string text) {
  const auto digest = Sha256::of(text);
  return {"99_slipway.yaml", std::move(text), digest};
}

const Document kDocument = document_of("#cloud-config\nstylus: {}\n");

}  // namespace

TEST_CASE("the host's document is in the file system, for root alone", "[agent][oem][root]") {
  struct Row {
    const char* why;
    const char* before;
  };
  const auto row = GENERATE(
      values<Row>({{"an empty folder", ":"},
                   {"a file of that name", "echo old > content/99_slipway.yaml"},
                   {"a link of that name", "ln -s kept content/99_slipway.yaml"},
                   {"what a broken write left", "echo half > content/.99_slipway.yaml.new"}}));
  const auto* mkfs = GENERATE("mke2fs -F -t ext4 -d content", "mke2fs -F -t ext2 -d content");
  INFO(row.why << ", " << mkfs);
  const DiskFile disk(80);
  (void)disk.shell(std::string("mkdir content; echo kept > content/kept; ") + row.before);
  disk.format(mkfs, 64);
  const auto done = write_document(disk.part(64), kDocument);
  if (!done) FAIL(done.error().detail);
  CHECK_FALSE(disk.in_use());
  CHECK(disk.in_part(
            "e2fsck -fn part >/dev/null 2>&1; debugfs -R 'cat /99_slipway.yaml' part 2>/dev/null",
            64) == kDocument.text);
  CHECK(disk.in_part("debugfs -R 'cat /kept' part 2>/dev/null", 64) == "kept\n");
  const auto about = disk.in_part("debugfs -R 'stat /99_slipway.yaml' part 2>/dev/null", 64);
  CHECK_THAT(about, ContainsSubstring("Type: regular") && ContainsSubstring("Mode:  0600"));
  CHECK_THAT(about, ContainsSubstring("User:     0   Group:     0"));
}

TEST_CASE("a document that cannot be put there says why", "[agent][oem][root]") {
  struct Row {
    const char* why;
    const char* mkfs;
    const char* before;
    const char* says;
  };
  const auto row =
      GENERATE(values<Row>({{"a folder of that name", "mke2fs -F -t ext4 -d content",
                             "mkdir content/99_slipway.yaml", "Is a directory"},
                            {"no room", "mke2fs -F -t ext4 -O ^has_journal -m 0 -b 1024 -d content",
                             "head -c 12M /dev/urandom > content/full", "No space left"},
                            {"no inode", "mke2fs -F -t ext4 -N 16 -d content",
                             "touch content/1 content/2 content/3 "
                             "content/4 content/5",
                             "No space left"},
                            {"no file system", ":", ":", "mounting"}}));
  INFO(row.why);
  const DiskFile disk(80);
  (void)disk.shell(std::string("mkdir content; ") + row.before);
  disk.format(row.mkfs, 16);
  const auto done = write_document(disk.part(16), document_of(std::string(4'000'000, 'x')));
  REQUIRE_FALSE(done);
  CHECK(done.error().reason == "oem-write-failed");
  CHECK_THAT(done.error().detail, ContainsSubstring(row.says));
  CHECK_FALSE(disk.in_use());
}

TEST_CASE("a document that is not the plan's is found out", "[agent][oem][root]") {
  const DiskFile disk(80);
  disk.format("mke2fs -F -t ext4", 64);
  auto other = kDocument;
  other.sha256 = Sha256::of("something else");
  const auto done = write_document(disk.part(64), other);
  REQUIRE_FALSE(done);
  CHECK_THAT(done.error().detail, ContainsSubstring("not on the disk as it was written"));
}
