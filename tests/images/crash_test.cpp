// The write order: from the log of operations, and over thousands of simulated power cuts.
#include <algorithm>
#include <set>

#include "images/iso.hpp"
#include "images/writer.hpp"
#include "tests/images/disk_image.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/memory_disk.hpp"

using namespace slipway;
using namespace slipway::images;
using namespace slipway::test;

namespace {

using Kind = DiskOperation::Kind;
constexpr std::size_t kDisk = 7 * kMiB;
constexpr std::size_t kImage = 4 * kMiB;

// A disk that was in use before: another system, with a table of its own.
Bytes old_disk() { return make_gpt_image({.octets = kDisk, .used_until = 6 * kMiB, .seed = 77}); }

// What completing a partition does: a few places of the grown partition change, far apart.
Outcome grow_file_system(MemoryDisk& disk, const std::vector<Partition>& partitions) {
  const auto& last = partitions[1];
  AlignedBuffer octets(4096);
  std::ranges::fill(octets.span(), std::uint8_t{0x5A});
  for (const auto offset : {last.offset, last.offset + last.length - 4096}) {
    const auto done = disk.write_at(offset, octets.view());
    if (!done) return std::unexpected(WriteError{"disk-write-error", done.error().text()});
  }
  return {};
}

struct Run {
  MemoryDisk disk{old_disk()};
  std::expected<WriteReport, WriteError> report = WriteReport{};

  explicit Run(std::uint64_t fail_at = ~std::uint64_t{0}, unsigned workers = 2,
               DiskFault fault = {}) {
    disk.fail_at(fail_at, std::move(fault));
    static const auto packed =
        pack(make_gpt_image({.octets = kImage, .used_until = 4 * kMiB - 65536}), 128 * 1024);
    const auto manifest = verified(packed.manifest);
    auto iso = make_iso("cidata", {{"user-data", "#cloud-config\n"}});
    const auto digest = Sha256::of(*iso);
    BlobFetcher fetcher(packed.blob);
    report = write_image({.fetcher = fetcher,
                          .manifest = manifest,
                          .disk = disk,
                          .seed = {std::move(*iso), digest},
                          .seed_partition = *Guid::parse("11223344-5566-7788-99aa-bbccddeeff00"),
                          .grow_last = true,
                          .finishing =
                              [this](const std::vector<Partition>& partitions) {
                                return grow_file_system(disk, partitions);
                              },
                          .workers = workers,
                          .flush_every_octets = kMiB});
  }
};

ByteView view(const Bytes& octets, std::size_t from, std::size_t to) {
  return ByteView(octets).subspan(from, to - from);
}
bool same(const Bytes& a, const Bytes& b, std::size_t from, std::size_t to) {
  return std::ranges::equal(view(a, from, to), view(b, from, to));
}

// BIOS looks at the signature of LBA 0; UEFI wants a protective MBR there as well (EDK2 checks it
// before either header), so without it nothing boots. A header at LBA 1 counts here too: some
// firmware may be content with that.
bool may_boot(const Bytes& state) {
  const bool has_mbr = state[510] == 0x55 && state[511] == 0xAA;
  const bool has_gpt = as_text(view(state, 512, 520)) == "EFI PART";
  return has_mbr || has_gpt;
}

// The new system whole (LBA 0 may still be missing), or the old one with nothing touched but the
// first and last MiB, which are wiped first.
bool is_whole(const Bytes& state, const Bytes& before, const Bytes& after) {
  if (same(state, after, 512, kDisk)) {
    return same(state, after, 0, 512) || view(state, 510, 512)[0] == 0;
  }
  return same(state, before, kMiB, kDisk - kMiB);
}

std::size_t count_half_states(const std::vector<DiskOperation>& log, const Bytes& after,
                              unsigned subsets, std::size_t& states) {
  const auto before = old_disk();
  std::size_t half = 0;
  constexpr std::uint64_t kRandomSeed = 20240;
  CrashStates(before, log, kRandomSeed).each(subsets, [&](const Bytes& state, std::size_t) {
    ++states;
    if (may_boot(state) && !is_whole(state, before, after)) ++half;
  });
  return half;
}

}  // namespace

TEST_CASE("SG5: the order of writes and flushes, from the log", "[images][writer][order]") {
  const Run run;
  REQUIRE(run.report);
  const auto& log = run.disk.log();
  const auto is_flush = [&](std::size_t at) { return log[at].kind == Kind::flush; };

  // Wipe of the first and last MiB, then a flush; only then anything within the disk changes.
  CHECK((log[0].kind == Kind::zero && log[0].offset == 0 && log[0].octets.size() == kMiB));
  CHECK((log[1].kind == Kind::zero && log[1].offset == kDisk - kMiB));
  CHECK(is_flush(2));
  // Where the image has its own backup table.
  CHECK((log[3].kind == Kind::zero && log[3].offset == kImage - 33 * 512));

  // The last eight: rest of the head, backup, LBA 1, LBA 0, each flushed.
  const auto end = log.size() - 8;
  CHECK((log[end].offset == 1024 && log[end].octets.size() == kMiB - 1024));
  CHECK((log[end + 2].offset == kDisk - 33 * 512 && log[end + 2].octets.size() == 33 * 512));
  CHECK((log[end + 4].offset == 512 && log[end + 4].octets.size() == 512));
  CHECK((log[end + 6].offset == 0 && log[end + 6].octets.size() == 512));
  for (const std::size_t at : {1U, 3U, 5U, 7U}) CHECK(is_flush(end + at));

  // In between, nothing touches the first MiB, and no more than 1 MiB (and what the other worker
  // had under way) is written without a flush.
  // Finishing writes after the flushes around the read-back and is flushed itself.
  CHECK(is_flush(end - 1));
  CHECK((log[end - 2].kind == Kind::write && log[end - 2].offset == 5 * kMiB - 4096));
  CHECK((log[end - 3].kind == Kind::write && log[end - 3].offset == 2 * kMiB));
  CHECK(is_flush(end - 4));
  CHECK(is_flush(end - 5));
  std::uint64_t unflushed = 0;
  for (std::size_t at = 3; at < end; ++at) {
    unflushed =
        is_flush(at) ? 0 : unflushed + (log[at].kind == Kind::write ? log[at].octets.size() : 0);
    CHECK(unflushed <= 2 * kMiB + 256 * 1024);
    if (!is_flush(at)) CHECK(log[at].offset >= kMiB);
  }
}

TEST_CASE("SG5: no power cut leaves a half-written disk that boots", "[images][writer][crash]") {
  const Run run;
  REQUIRE(run.report);
  // 10,000 states at scale 1; about 50 operations.
  const auto wanted = std::max(2000.0, 10000.0 * test_scale());
  const auto subsets =
      static_cast<unsigned>(2 * wanted / static_cast<double>(run.disk.log().size())) + 1;
  std::size_t states = 0;
  CHECK(count_half_states(run.disk.log(), run.disk.content(), subsets, states) == 0);
  CHECK(static_cast<double>(states) >= wanted);
}

TEST_CASE("the power-cut test sees an order that is wrong", "[images][writer][crash]") {
  const Run run;
  REQUIRE(run.report);
  auto log = run.disk.log();
  std::size_t states = 0;
  SECTION("flushes dropped") {
    std::erase_if(log, [](const DiskOperation& o) { return o.kind == Kind::flush; });
  }
  SECTION("LBA 0 before the body") {
    const auto lba0 = log[log.size() - 2];
    log.insert(log.begin() + 4, lba0);
  }
  SECTION("no wipe") { log.erase(log.begin(), log.begin() + 3); }
  SECTION("the inside changes before the wipe is durable") { log.erase(log.begin() + 2); }
  SECTION("no flush between backup and LBA 1") { log.erase(log.end() - 5); }
  SECTION("no flush from finishing to LBA 1") {
    for (const auto behind : {9U, 7U, 5U}) {  // behind finishing, the head and the backup
      REQUIRE(log[log.size() - behind].kind == Kind::flush);
    }
    log.erase(log.end() - 5);
    log.erase(log.end() - 6);
    log.erase(log.end() - 7);
  }
  CHECK(count_half_states(log, run.disk.content(), 20, states) > 0);
}

TEST_CASE("SG5: whichever operation fails, however, the disk does not boot or is whole",
          "[images][writer][crash]") {
  const auto after = Run().disk.content();
  const auto before = old_disk();
  const auto [workers, fault] =
      GENERATE(table<unsigned, DiskFault>({{1U, {.text = "Input/output error"}},
                                           {1U, {.text = "No space left on device"}},
                                           {1U, {.text = "no octet was taken", .is_short = true}},
                                           {1U, {.text = "Remote I/O error", .once = true}},
                                           {3U, {.text = "Remote I/O error", .once = true}}}));
  std::set<std::string> failed_kinds;
  bool done = false;
  std::uint64_t n = 0;
  while (!done) {
    ++n;
    REQUIRE(n < 1000);
    const Run run(n, workers, fault);
    CAPTURE(n, workers, fault.text);
    done = !run.disk.failed();
    REQUIRE(run.report.has_value() == done);
    if (!done) {
      failed_kinds.insert(*run.disk.failed());
      const auto& error = run.report.error();
      CHECK(error.reason ==
            (*run.disk.failed() == "read" ? "disk-read-error" : "disk-write-error"));
      CHECK_THAT(error.detail,
                 ContainsSubstring("/dev/memory") && ContainsSubstring(fault.text) &&
                     ContainsSubstring(*run.disk.failed() == "flush" ? "flushing" : "LBA "));
    }
    const auto& state = run.disk.content();
    CHECK((!may_boot(state) || is_whole(state, before, after)));
  }
  CHECK(n > 50);
  CHECK(failed_kinds == std::set<std::string>{"flush", "read", "write", "zero"});
}
