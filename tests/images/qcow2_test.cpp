// qcow2 as QEMU writes it, and as nobody should.
#include "images/qcow2.hpp"

#include <fcntl.h>

#include <cstring>
#include <filesystem>

#include "base/descriptor.hpp"
#include "images/store.hpp"
#include "tests/images/disk_image.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::images;
using namespace slipway::test;

namespace {

void run(const std::string& command) {
  const auto done = run_command(command + " 2>&1");
  INFO(command << "\n" << done.output);
  REQUIRE(done.exit_code == 0);
}

Fallible<Bytes> read_all(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  auto reader = Qcow2Reader::open(file.get(), std::filesystem::file_size(path));
  if (!reader) return std::unexpected(reader.error());
  Bytes all;
  Bytes piece(100'003);  // no boundary of anything
  while (true) {
    const auto got = reader->read(piece);
    if (!got) return std::unexpected(got.error());
    all.insert(all.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(*got));
    if (*got < piece.size()) return all;
  }
}

// A small image: header in cluster 0, L1 in 1, L2 in 2, data in 3. Clusters of 64 KiB.
Bytes small_image(const ScratchFolder& scratch) {
  write_file(scratch.path("r"), random_octets_of(65536, 4));
  run("qemu-img convert -f raw -O qcow2 " + scratch.path("r") + " " + scratch.path("q"));
  return read_whole_file(scratch.path("q"));
}

void put(Bytes& image, std::size_t at, std::uint64_t value, std::size_t octets) {
  for (std::size_t i = 0; i < octets; ++i) {
    image[at + i] = static_cast<std::uint8_t>(value >> (8 * (octets - 1 - i)));
  }
}

}  // namespace

TEST_CASE("what qemu-img converts is read as it was", "[images][qcow2]") {
  const auto* options = GENERATE("-o compat=0.10", "-o compat=1.1", "-c", "-c -o compat=0.10",
                                 "-c -o compression_type=zstd", "-o cluster_size=512",
                                 "-c -o cluster_size=2M", "-o lazy_refcounts=on");
  CAPTURE(options);
  const ScratchFolder scratch;
  auto raw = make_gpt_image({.octets = 9 * kMiB + 512});
  std::fill(raw.begin() + 2 * kMiB, raw.begin() + 3 * kMiB, std::uint8_t{'x'});  // packs well
  write_file(scratch.path("raw"), raw);
  run(std::string("qemu-img convert -f raw -O qcow2 ") + options + " " + scratch.path("raw") + " " +
      scratch.path("q"));
  const auto read = read_all(scratch.path("q"));
  INFO((read ? "" : read.error().text()));
  REQUIRE(read);
  CHECK((*read == raw));
}

TEST_CASE("zero clusters and internal snapshots are read as QEMU does", "[images][qcow2]") {
  const ScratchFolder scratch;
  const auto file = scratch.path("q");
  run("qemu-img create -f qcow2 " + file + " 3M");
  run("qemu-io -c 'write -P 1 0 2M' " + file);
  run("qemu-img snapshot -c before " + file);
  run("qemu-io -c 'write -z 64k 256k' -c 'write -P 7 1M 64k' " + file);
  run("qemu-img convert -O raw " + file + " " + scratch.path("raw"));
  const auto read = read_all(file);
  REQUIRE(read);
  CHECK((*read == read_whole_file(scratch.path("raw"))));
  CHECK((*read)[64 * 1024] == 0);
  CHECK((*read)[kMiB] == 7);
}

TEST_CASE("a qcow2 image is imported, with the digest of its file", "[images][qcow2]") {
  const ScratchFolder scratch;
  auto store = Store::open(scratch.path("store"));
  REQUIRE(store);
  const auto raw = make_gpt_image({.octets = 12 * kMiB});
  write_file(scratch.path("raw"), raw);
  const auto file = scratch.path("disk.qcow2");
  run("qemu-img convert -c -f raw -O qcow2 " + scratch.path("raw") + " " + file);
  const auto digest = Sha256::of(read_whole_file(file));
  const auto info =
      store->import_image({.source = file, .name = {"a", "1"}, .expected_sha256 = digest});
  INFO((info ? "" : info.error().text()));
  REQUIRE(info);
  CHECK(info->manifest.raw_sha256 == Sha256::of(raw));
  CHECK(info->manifest.source.sha256 == digest);
  const auto wrong = store->import_image(
      {.source = file, .name = {"a", "2"}, .expected_sha256 = Sha256::of("other")});
  REQUIRE_FALSE(wrong);
  CHECK_THAT(wrong.error().text(), ContainsSubstring("expected"));
  const auto small =
      store->import_image({.source = file, .name = {"a", "2"}, .max_raw_octets = kMiB});
  REQUIRE_FALSE(small);
  CHECK_THAT(small.error().text(), ContainsSubstring("more than"));
  // Packed once more it would pass as a raw disk that holds a qcow2 image.
  run("gzip -k " + file);
  const auto packed = store->import_image({.source = file + ".gz", .name = {"a", "2"}});
  REQUIRE_FALSE(packed);
  CHECK_THAT(packed.error().text(), ContainsSubstring("unpack it first"));
}

TEST_CASE("what needs another file or a password is refused", "[images][qcow2]") {
  const ScratchFolder scratch;
  const auto file = scratch.path("q");
  std::string complaint;
  SECTION("backing file") {
    run("qemu-img create -f qcow2 " + scratch.path("base") + " 1M");
    run("qemu-img create -f qcow2 -F qcow2 -b " + scratch.path("base") + " " + file);
    complaint = "backing file";
  }
  SECTION("data file") {
    run("qemu-img create -f qcow2 -o data_file=" + scratch.path("data") + " " + file + " 1M");
    complaint = "data file";
  }
  SECTION("encryption") {
    run("qemu-img create -f qcow2 --object secret,id=s,data=x -o "
        "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10 " +
        file + " 1M");
    complaint = "encrypted";
  }
  SECTION("extended L2") {
    run("qemu-img create -f qcow2 -o extended_l2=on,cluster_size=128k " + file + " 1M");
    complaint = "extended L2";
  }
  const auto read = read_all(file);
  REQUIRE_FALSE(read);
  CHECK_THAT(read.error().text(), ContainsSubstring(complaint));
}

TEST_CASE("hostile qcow2 headers and tables are refused", "[images][qcow2]") {
  const ScratchFolder scratch;
  const auto good = small_image(scratch);
  constexpr std::size_t kCluster = 65536;
  struct Row {
    const char* what;
    std::size_t at, octets;
    std::uint64_t value;
    const char* complaint;
  };
  Reader header(ByteView(good).subspan(40, 8));
  header.skip(4);
  const std::size_t l1 = header.u32();
  Reader entry(ByteView(good).subspan(l1, 8));
  entry.skip(4);
  const std::size_t l2 = entry.u32();
  const std::vector<Row> rows = {
      {"magic", 0, 4, 0x12345678, "not a qcow2"},
      {"version", 4, 4, 4, "version 4"},
      {"cluster bits", 20, 4, 8, "clusters"},
      {"cluster bits", 20, 4, 64, "clusters"},
      {"size", 24, 8, ~0ULL, "too large"},
      {"size", 24, 8, std::uint64_t{1} << 50U, "L1 table"},
      {"L1 entries", 36, 4, 0, "L1 table is smaller"},
      {"L1 offset", 40, 8, ~0ULL - 3, "behind the end"},
      {"L1 offset", 40, 8, good.size() - 4, "behind the end"},
      {"corrupt", 72, 8, 2, "corrupt"},
      {"unknown feature", 72, 8, 1ULL << 40U, "unknown features"},
      {"kind of compression", 72, 8, 8, "compression"},
      {"L2 offset", l1, 8, 1ULL << 40U, "behind the end"},
      {"L2 offset", l1, 8, 512, "not at a cluster's start"},
      {"data offset", l2, 8, 1ULL << 40U, "behind the end"},
      {"data offset", l2, 8, kCluster + 512, "not at a cluster's start"},
      {"compressed, no data", l2, 8, 1ULL << 62U | kCluster, "cannot be unpacked"},
      {"compressed, far", l2, 8, 1ULL << 62U | 1ULL << 40U, "behind the end"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what, row.value);
    auto image = good;
    put(image, row.at, row.value, row.octets);
    if (std::strcmp(row.what, "kind of compression") == 0) put(image, 104, 9, 1);
    write_file(scratch.path("bad"), image);
    const auto read = read_all(scratch.path("bad"));
    REQUIRE_FALSE(read);
    CHECK_THAT(read.error().text(), ContainsSubstring(row.complaint));
  }
  for (const std::size_t octets : {std::size_t{5}, std::size_t{71}, std::size_t{90}, l2 + 8}) {
    CAPTURE(octets);
    write_file(scratch.path("bad"), ByteView(good).first(octets));
    CHECK_FALSE(read_all(scratch.path("bad")));
  }
}
