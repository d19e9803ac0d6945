// Media that mean harm, or that a bad disk made: for each a clear error or a correct read, bounded
// memory, and a store as it was.
#include <sys/resource.h>

#include <filesystem>
#include <functional>
#include <random>

#include "images/import/archive_tree.hpp"
#include "images/import/import_installer.hpp"
#include "tests/images/import/media.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::images;
using namespace slipway::test;

namespace {

constexpr std::uint32_t kFolderMode = 0040755, kFileMode = 0100644;

// What an import of `medium` says; "" for a success. A failure leaves no blob and no name.
std::string outcome_of(const std::string& medium) {
  const ScratchFolder scratch;
  auto store = Store::open(scratch.path("store"));
  REQUIRE(store);
  InstallerRequest request;
  request.source = medium;
  request.name = {"hostile", "1"};
  const auto info = import_installer(*store, request);
  if (info) return "";
  CHECK_FALSE(info.error().text().empty());
  CHECK(info.error().text().find('\n') == std::string::npos);
  CHECK(store->list_file_sets()->empty());
  namespace fs = std::filesystem;
  for (const auto& entry : fs::recursive_directory_iterator(scratch.path("store") + "/blobs")) {
    CHECK_FALSE(entry.is_regular_file());
  }
  return info.error().text();
}

std::string outcome_of(const Bytes& medium) {
  const ScratchFolder scratch;
  write_file(scratch.path("iso"), medium);
  return outcome_of(scratch.path("iso"));
}

// Talos, the installer of two files: boot/ in sector 20, the files in 30 and 40.
RawMedium talos_medium() {
  RawMedium medium;
  medium.root = {{"BOOT", 20, 2048, 2, {}}};
  medium.more[20] = RawMedium::folder({{std::string(1, '\0'), 20, 2048, 2, {}},
                                       {std::string(1, '\1'), 18, 2048, 2, {}},
                                       {"VMLINUZ.;1", 30, 3072, 0, {}},
                                       {"INITRAMF.XZ;1", 40, 603, 0, {}}});
  medium.more[30] = fake_kernel();
  medium.more[40] = fake_initrd();
  return medium;
}

// Root records with Rock Ridge names.
RawMedium rock_ridge_medium(const std::vector<RawRecord>& records) {
  RawMedium medium;
  medium.rock_ridge = true;
  medium.root = records;
  medium.more[30] = fake_kernel();
  return medium;
}

long max_resident_kib() {
  rusage usage{};
  (void)::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

}  // namespace

TEST_CASE("the media made by hand are good ones", "[import][hostile]") {
  CHECK(outcome_of(talos_medium().bytes()).empty());
  const ScratchFolder scratch;
  auto medium = rock_ridge_medium(
      {{"A.;1", 30, 3072, 0, rr_mode(kFileMode) + rr_name("a long name of Rock Ridge")}});
  write_file(scratch.path("iso"), medium.bytes());
  const auto tree = ArchiveTree::open(scratch.path("iso"));
  INFO((tree ? "" : tree.error().text()));
  REQUIRE(tree);
  CHECK(tree->members().contains("a long name of Rock Ridge"));
}

TEST_CASE("names that lead out of a medium", "[import][hostile][security]") {
  for (const std::string name : {"../../etc/passwd", "/etc/passwd", "a/../../b", "../x"}) {
    INFO(name);
    const auto medium =
        rock_ridge_medium({{"A.;1", 30, 3072, 0, rr_mode(kFileMode) + rr_name(name)}});
    CHECK_THAT(outcome_of(medium.bytes()),
               ContainsSubstring("member \"") && ContainsSubstring("which no archive may have"));
  }
  const ScratchFolder scratch;
  write_layout(scratch.path("d"), {{"in/x", "x"}});
  must_run("tar -P -C " + scratch.path("d/in") + " -cf " + scratch.path("up.tar") + " ../in/x");
  CHECK_THAT(outcome_of(scratch.path("up.tar")), ContainsSubstring("member \"../in/x\": \"..\""));
  must_run("tar -P -cf " + scratch.path("abs.tar") + " " + scratch.path("d/in/x"));
  CHECK_THAT(outcome_of(scratch.path("abs.tar")), ContainsSubstring("an absolute name"));
}

TEST_CASE("links out, devices and circles in the place of a kernel",
          "[import][hostile][security]") {
  struct Row {
    std::string kernel, said;  // Rock Ridge fields of /boot/vmlinuz
  };
  for (const auto& row :
       {Row{rr_mode(0120777) + rr_link({"..", "..", "etc", "shadow"}), "a link out of the archive"},
        Row{rr_mode(0120777) + rr_link({"vmlinuz"}), "links in a circle"},
        Row{rr_mode(0120777) + rr_link({"/", "etc", "shadow"}), "no /boot/vmlinuz"},
        Row{rr_mode(0060660) + rr_device(8, 0), "a device or the like"},
        Row{rr_mode(0010644), "a device or the like"}}) {
    INFO(row.said);
    auto medium =
        rock_ridge_medium({{"BOOT", 20, 2048, 2, rr_mode(kFolderMode) + rr_name("boot")}});
    medium.more[20] = RawMedium::folder(
        {{std::string(1, '\0'), 20, 2048, 2, rr_mode(kFolderMode)},
         {std::string(1, '\1'), 18, 2048, 2, rr_mode(kFolderMode)},
         {"INITRAMF.XZ;1", 40, 603, 0, rr_mode(kFileMode) + rr_name("initramfs.xz")},
         {"VMLINUZ.;1", 0, 0, 0, row.kernel + rr_name("vmlinuz")}});
    medium.more[40] = fake_initrd();
    CHECK_THAT(outcome_of(medium.bytes()), ContainsSubstring(row.said));
  }
}

TEST_CASE("a directory that holds itself", "[import][hostile]") {
  auto medium = talos_medium();
  medium.root.push_back({"LOOP", 18, 2048, 2, {}});
  CHECK_THAT(outcome_of(medium.bytes()), ContainsSubstring("loop"));
  medium = talos_medium();
  medium.root.push_back({"LOOP", 21, 2048, 2, {}});
  medium.more[21] = RawMedium::folder({{std::string(1, '\0'), 21, 2048, 2, {}},
                                       {std::string(1, '\1'), 18, 2048, 2, {}},
                                       {"UP", 21, 2048, 2, {}}});
  CHECK_THAT(outcome_of(medium.bytes()), ContainsSubstring("loop"));
}

TEST_CASE("sizes that no medium of this size can hold", "[import][hostile]") {
  auto medium = talos_medium();
  medium.volume_sectors = 0x00ffffff;  // so that libarchive believes it
  medium.more[20] = RawMedium::folder({{std::string(1, '\0'), 20, 2048, 2, {}},
                                       {std::string(1, '\1'), 18, 2048, 2, {}},
                                       {"VMLINUZ.;1", 30, 0xfffffff0, 0, {}},
                                       {"INITRAMF.XZ;1", 40, 603, 0, {}}});
  CHECK_THAT(outcome_of(medium.bytes()),
             ContainsSubstring("\"BOOT/VMLINUZ\" claims 4294967280 octets") &&
                 ContainsSubstring("the medium is cut"));
  medium = talos_medium();
  medium.more[20] = RawMedium::folder({{std::string(1, '\0'), 20, 2048, 2, {}},
                                       {std::string(1, '\1'), 18, 2048, 2, {}},
                                       {"VMLINUZ.;1", 30, 3072, 0, {}},
                                       {"INITRAMF.XZ;1", 0x00ffff00, 603, 0, {}}});
  CHECK_FALSE(outcome_of(medium.bytes()).empty());
}

TEST_CASE("files that lie over each other", "[import][hostile]") {
  auto medium = talos_medium();
  medium.more[20] = RawMedium::folder({{std::string(1, '\0'), 20, 2048, 2, {}},
                                       {std::string(1, '\1'), 18, 2048, 2, {}},
                                       {"VMLINUZ.;1", 1, 62 * 2048, 0, {}},
                                       {"INITRAMF.XZ;1", 2, 61 * 2048, 0, {}}});
  CHECK_THAT(outcome_of(medium.bytes()), ContainsSubstring("lie over each other"));
  // One extent of two names is one file, as mkisofs makes hard links.
  medium.more[20] = RawMedium::folder({{std::string(1, '\0'), 20, 2048, 2, {}},
                                       {std::string(1, '\1'), 18, 2048, 2, {}},
                                       {"A.;1", 30, 3072, 0, {}},
                                       {"VMLINUZ.;1", 30, 3072, 0, {}},
                                       {"INITRAMF.XZ;1", 40, 603, 0, {}}});
  CHECK(outcome_of(medium.bytes()).empty());
}

TEST_CASE("deep trees, long names and many members", "[import][hostile]") {
  RawMedium medium;
  medium.sectors = medium.volume_sectors = 200;
  for (std::uint32_t depth = 0; depth < 100; ++depth) {
    const auto sector = 20 + depth;
    medium.more[sector] = RawMedium::folder({{std::string(1, '\0'), sector, 2048, 2, {}},
                                             {std::string(1, '\1'), sector - 1, 2048, 2, {}},
                                             {"D", sector + 1, 2048, 2, {}}});
  }
  medium.root = {{"D", 20, 2048, 2, {}}};
  CHECK_THAT(outcome_of(medium.bytes()), ContainsSubstring("deeper than 64 folders"));

  const ScratchFolder scratch;
  Layout layout;
  for (int i = 0; i < 40; ++i) layout["d/f" + std::to_string(i)] = "x";
  const auto many = make_medium(scratch, "many.iso", layout);
  // 40 files, their folder, and the root.
  CHECK(ArchiveTree::open(many, {.max_members = 42, .path = {}}));
  const auto refused = ArchiveTree::open(many, {.max_members = 41, .path = {}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text() == "more than 41 members");
  write_layout(scratch.path("l"), {{std::string(200, 'n') + "/" + std::string(200, 'm'), "x"}});
  must_run("tar -C " + scratch.path("l") + " -cf " + scratch.path("l.tar") + " .");
  CHECK_THAT(ArchiveTree::open(scratch.path("l.tar"), {.path = {.max_octets = 300}}).error().text(),
             ContainsSubstring("longer than 300 octets"));
}

TEST_CASE("a directory of hundreds of MiB costs no memory", "[import][hostile][memory]") {
  [[maybe_unused]] const auto before = max_resident_kib();
  const ScratchFolder scratch;
  RawMedium medium;
  medium.volume_sectors = 1 << 20;
  medium.root_octets = 1 << 30;
  write_file(scratch.path("iso"), medium.bytes());
  std::filesystem::resize_file(scratch.path("iso"), std::uint64_t{2} << 30);  // all zeros behind
  const auto tree = ArchiveTree::open(scratch.path("iso"));
  REQUIRE_FALSE(tree);
  CHECK(tree.error().text() == "its table of contents is too large");

  // As many records as fit below that limit.
  std::string records;
  while (records.size() < (std::size_t{16} << 20)) {
    std::vector<RawRecord> sector;
    for (int i = 0; i < 50; ++i) sector.push_back({"A", 30, 1, 0, {}});
    auto text = RawMedium::folder(sector);
    text.resize(2048);
    records += text;
  }
  medium = {};
  medium.sectors = medium.volume_sectors = 10'000;
  medium.root = {{"D", 100, static_cast<std::uint32_t>(records.size()), 2, {}}};
  medium.more[100] = records;
  CHECK_THAT(outcome_of(medium.bytes()), ContainsSubstring("more than 250000 members"));
#if !defined(__has_feature) || !__has_feature(address_sanitizer)
  CHECK(max_resident_kib() - before < 400 * 1024);
#endif
}

TEST_CASE("archives that unpack to far more than they are", "[import][hostile]") {
  const ScratchFolder scratch;
  must_run("mkdir " + scratch.path("d") + " && truncate -s 1T " + scratch.path("d/vmlinuz") +
           " && tar -S -C " + scratch.path("d") + " -czf " + scratch.path("sparse.tar.gz") +
           " vmlinuz");
  CHECK_THAT(outcome_of(scratch.path("sparse.tar.gz")),
             ContainsSubstring("\"vmlinuz\": the archive unpacks to more than 200 times its size"));
  write_layout(scratch.path("l"), {{"linux", fake_kernel()}, {"initrd.gz", fake_initrd()}});
  must_run("tar -C " + scratch.path("l") + " -czf " + scratch.path("one.tar.gz") +
           " linux initrd.gz && xz -k " + scratch.path("one.tar.gz"));
  CHECK(outcome_of(scratch.path("one.tar.gz")).empty());
  CHECK(outcome_of(scratch.path("one.tar.gz.xz")) == "packed more than once");
  const auto whole = read_whole_file(scratch.path("one.tar.gz"));
  for (std::size_t octets = 0; octets < whole.size(); octets += 7) {
    write_file(scratch.path("cut.tar.gz"), ByteView(whole).first(octets));
    CHECK_FALSE(outcome_of(scratch.path("cut.tar.gz")).empty());
  }
}

TEST_CASE("directory records of impossible lengths", "[import][hostile]") {
  for (const int length : {0, 1, 33, 34, 35, 200, 255}) {
    INFO(length);
    auto medium = talos_medium();
    RawRecord odd{"VMLINUZ.;1", 30, 3072, 0, {}};
    odd.length = length;
    medium.more[20] = RawMedium::folder({{std::string(1, '\0'), 20, 2048, 2, {}},
                                         {std::string(1, '\1'), 18, 2048, 2, {}},
                                         odd,
                                         {"INITRAMF.XZ;1", 40, 603, 0, {}}});
    CHECK_FALSE(outcome_of(medium.bytes()).empty());
  }
}

TEST_CASE("volume descriptors that are wrong", "[import][hostile]") {
  struct Row {
    const char* what;
    std::function<void(RawMedium&)> change;
  };
  for (const auto& row : {
           Row{"root beyond the end", [](RawMedium& m) { m.root_sector = 5000; }},
           Row{"root in the boot area", [](RawMedium& m) { m.root_sector = 0; }},
           Row{"root is the descriptor", [](RawMedium& m) { m.root_sector = 16; }},
           Row{"empty root", [](RawMedium& m) { m.root_octets = 0; }},
           Row{"root of 4 GiB", [](RawMedium& m) { m.root_octets = 0xffffffff; }},
           Row{"no blocks", [](RawMedium& m) { m.volume_sectors = 0; }},
           Row{"blocks of 0", [](RawMedium& m) { m.block_octets = 0; }},
           Row{"blocks of 65535", [](RawMedium& m) { m.block_octets = 65535; }},
           Row{"more blocks than the file", [](RawMedium& m) { m.volume_sectors = 65; }},
       }) {
    INFO(row.what);
    auto medium = talos_medium();
    row.change(medium);
    CHECK_FALSE(outcome_of(medium.bytes()).empty());
  }
  auto unended = talos_medium().bytes();
  std::fill_n(unended.begin() + 17 * 2048, 2048, std::uint8_t{0});
  CHECK_FALSE(outcome_of(unended).empty());
}

TEST_CASE("any octet of the structures may be damaged", "[import][hostile]") {
  const ScratchFolder scratch;
  const auto whole = read_whole_file(make_medium(scratch, "m.iso", known_layouts().at("talos")));
  std::mt19937 random(20260);
  std::size_t refused = 0;
  const int rounds = static_cast<int>(2000 * test_scale());
  for (int round = 0; round < rounds; ++round) {
    auto damaged = whole;
    const auto at = 16 * 2048 + random() % std::min<std::size_t>(whole.size() - 16 * 2048, 40'000);
    damaged[at] = static_cast<std::uint8_t>(random());
    INFO("round " << round << " octet " << at);
    if (!outcome_of(damaged).empty()) ++refused;
  }
  CHECK(refused > 0);
}
