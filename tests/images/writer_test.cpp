#include "images/writer.hpp"

#include <algorithm>
#include <mutex>

#include "images/iso.hpp"
#include "tests/images/disk_image.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/memory_disk.hpp"

using namespace slipway;
using namespace slipway::images;
using namespace slipway::test;

namespace {

Seed make_seed() {
  auto iso = make_iso("cidata", {{"user-data", "#cloud-config\n"}, {"meta-data", "x\n"}});
  REQUIRE(iso);
  const auto digest = Sha256::of(*iso);
  return {std::move(*iso), digest};
}

// Everything that one write needs.
struct Setup {
  std::size_t disk_octets = 9 * kMiB;
  Bytes raw = make_gpt_image();
  Packed packed = pack(raw);
  MemoryDisk disk{random_octets_of(disk_octets, 99)};
  Seed seed = make_seed();

  std::expected<WriteReport, WriteError> write() {
    BlobFetcher fetcher(packed.blob);
    return write(fetcher);
  }
  std::expected<WriteReport, WriteError> write(Fetcher& fetcher) {
    const auto manifest = verified(packed.manifest);
    return write_image({.fetcher = fetcher,
                        .manifest = manifest,
                        .disk = disk,
                        .seed = seed,
                        .seed_partition = Guid::random(),
                        .flush_every_octets = kMiB});
  }
};

ByteView part(const Bytes& octets, std::size_t from, std::size_t to) {
  return ByteView(octets).subspan(from, to - from);
}

bool head_is_empty(const MemoryDisk& disk) {
  return std::ranges::all_of(part(disk.content(), 0, kMiB), [](auto o) { return o == 0; });
}

// Notes what is read while a write over it was not flushed yet: it proves nothing.
class FlushWatch final : public BlockDevice {
 public:
  FlushWatch(MemoryDisk& disk, bool is_rotational) : disk_(disk), is_rotational_(is_rotational) {}

  std::atomic<bool> has_read_unflushed = false, has_read_before_the_last_write = false;

  [[nodiscard]] std::string name() const override { return disk_.name(); }
  [[nodiscard]] std::uint64_t size_octets() const override { return disk_.size_octets(); }
  [[nodiscard]] std::uint32_t sector_octets() const override { return disk_.sector_octets(); }
  [[nodiscard]] bool is_rotational() const override { return is_rotational_; }

  Fallible<void> write_at(std::uint64_t offset, ByteView data) override {
    if (has_read_body_) has_read_before_the_last_write = true;
    return noting(offset, data.size(), disk_.write_at(offset, data));
  }
  Fallible<void> zero_range(std::uint64_t offset, std::uint64_t length) override {
    return noting(offset, length, disk_.zero_range(offset, length));
  }
  Fallible<void> read_at(std::uint64_t offset, std::span<std::uint8_t> out) override {
    const std::scoped_lock lock(mutex_);
    for (const auto& [start, length] : unflushed_) {
      if (start < offset + out.size() && offset < start + length) has_read_unflushed = true;
    }
    if (!unflushed_.empty() || has_flushed_) has_read_body_ = true;
    return disk_.read_at(offset, out);
  }
  Fallible<void> flush() override {
    std::size_t covered = 0;
    {
      const std::scoped_lock lock(mutex_);
      covered = unflushed_.size();  // what is written from now on is not
    }
    auto done = disk_.flush();
    const std::scoped_lock lock(mutex_);
    unflushed_.erase(unflushed_.begin(), unflushed_.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                  covered, unflushed_.size())));
    has_flushed_ = true;
    return done;
  }

 private:
  Fallible<void> noting(std::uint64_t offset, std::uint64_t length, Fallible<void> done) {
    const std::scoped_lock lock(mutex_);
    unflushed_.emplace_back(offset, length);
    return done;
  }

  MemoryDisk& disk_;
  bool is_rotational_;
  std::mutex mutex_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> unflushed_;
  bool has_flushed_ = false;
  std::atomic<bool> has_read_body_ = false;
};

}  // namespace

TEST_CASE("what is read back was flushed first, beside the writing or after it",
          "[images][writer][order]") {
  const bool is_rotational = GENERATE(false, true);
  // One worker: no two flushes run at once, so what the watch takes as covered is.
  Setup setup;
  FlushWatch disk(setup.disk, is_rotational);
  const auto manifest = verified(setup.packed.manifest);
  BlobFetcher fetcher(setup.packed.blob);
  bool is_written = false;
  bool overlaps = false;
  const auto report = write_image({.fetcher = fetcher,
                                   .manifest = manifest,
                                   .disk = disk,
                                   .seed = setup.seed,
                                   .seed_partition = Guid::random(),
                                   .progress =
                                       [&](const WriteProgress& progress) {
                                         if (progress.step == "verify" && !is_written) {
                                           is_written = true;
                                           overlaps = disk.has_read_before_the_last_write;
                                         }
                                       },
                                   .workers = 1,
                                   .flush_every_octets = kMiB});
  INFO((report ? "" : report.error().detail));
  REQUIRE(report);
  CHECK_FALSE(disk.has_read_unflushed);
  CHECK(overlaps == !is_rotational);
}

TEST_CASE("the disk holds image, seed and moved table", "[images][writer]") {
  Setup setup;
  const auto report = setup.write();
  INFO((report ? "" : report.error().detail));
  REQUIRE(report);
  CHECK(report->raw_sha256 == Sha256::of(setup.raw));
  for (const auto* step : {"checks", "wipe", "write", "verify", "commit"}) {
    CHECK(report->seconds.contains(step));
  }
  const auto& disk = setup.disk.content();
  CHECK(std::ranges::equal(part(disk, kMiB, 5 * kMiB), part(setup.raw, kMiB, 5 * kMiB)));
  const auto table = parse_gpt(part(disk, 0, kMiB), 512, disk.size());
  REQUIRE(table);
  const auto partitions = table->partitions();
  REQUIRE(partitions.size() == 3);
  CHECK(partitions[2].offset == 7 * kMiB);
  const auto& iso = setup.seed.iso;
  CHECK(std::ranges::equal(part(disk, 7 * kMiB, 7 * kMiB + iso.size()), iso));
  CHECK(report->partitions.size() == 3);
}

TEST_CASE("the last partition grows and GUIDs are new when that is asked for", "[images][writer]") {
  Setup setup{.disk_octets = 20 * kMiB};
  const auto manifest = verified(setup.packed.manifest);
  BlobFetcher fetcher(setup.packed.blob);
  const auto report = write_image({.fetcher = fetcher,
                                   .manifest = manifest,
                                   .disk = setup.disk,
                                   .seed = setup.seed,
                                   .seed_partition = Guid::random(),
                                   .new_guids = true,
                                   .grow_last = true});
  INFO((report ? "" : report.error().detail));
  REQUIRE(report);
  const auto& disk = setup.disk.content();
  const auto old_table = parse_gpt(part(setup.raw, 0, kMiB), 512, setup.raw.size());
  const auto table = parse_gpt(part(disk, 0, kMiB), 512, disk.size());
  REQUIRE(table);
  CHECK(table->disk != old_table->disk);
  CHECK(table->disk.text()[14] == '4');  // random
  const auto partitions = table->partitions();
  REQUIRE(partitions.size() == 3);
  CHECK(partitions[0].unique != old_table->partitions()[0].unique);
  CHECK(partitions[1].unique != old_table->partitions()[1].unique);
  CHECK(partitions[1].offset + partitions[1].length == 18 * kMiB);  // where the seed begins
  CHECK(report->partitions[1].length == 16 * kMiB);
  // Nothing but the tables is otherwise than in the image.
  CHECK(std::ranges::equal(part(disk, kMiB, 5 * kMiB), part(setup.raw, kMiB, 5 * kMiB)));
}

TEST_CASE("finishing runs on what was read back, before any table is on the disk",
          "[images][writer]") {
  Setup setup;
  const auto manifest = verified(setup.packed.manifest);
  BlobFetcher fetcher(setup.packed.blob);
  std::atomic<bool> cancel = false;
  std::string fault;
  WriteJob job{
      .fetcher = fetcher,
      .manifest = manifest,
      .disk = setup.disk,
      .seed = setup.seed,
      .seed_partition = Guid::random(),
      .finishing = [&](const std::vector<Partition>& partitions) -> Outcome {
        CHECK(partitions.size() == 3);
        CHECK(partitions[1].offset == 2 * kMiB);
        CHECK(head_is_empty(setup.disk));
        const auto& body = setup.disk.content();
        CHECK(std::ranges::equal(part(body, kMiB, 5 * kMiB), part(setup.raw, kMiB, 5 * kMiB)));
        if (fault == "cancelled") cancel = true;
        if (fault == "tool-failed") {
          return std::unexpected(WriteError{fault, "e2fsck said no"});
        }
        AlignedBuffer octets(4096);
        std::ranges::fill(octets.span(), std::uint8_t{0x5A});
        CHECK(setup.disk.write_at(2 * kMiB, octets.view()));
        return {};
      },
      .cancel = &cancel};
  SECTION("and its work stays") {
    const auto report = write_image(job);
    INFO((report ? "" : report.error().detail));
    REQUIRE(report);
    CHECK(report->seconds.contains("finishing"));
    CHECK(setup.disk.content()[2 * kMiB] == 0x5A);
    CHECK(setup.disk.content()[510] == 0x55);
  }
  SECTION("its failure ends the write") { fault = "tool-failed"; }
  SECTION("so does a stop meanwhile") { fault = "cancelled"; }
  if (!fault.empty()) {
    const auto report = write_image(job);
    REQUIRE_FALSE(report);
    CHECK(report.error().reason == fault);
    CHECK(head_is_empty(setup.disk));
  }
}

TEST_CASE("images of every shape arrive", "[images][writer]") {
  struct Row {
    const char* why;
    ImageSpec spec;
    std::size_t disk_octets;
    std::size_t frame_octets;
    bool has_seed;
  };
  const auto row = GENERATE(values<Row>({
      {"disk as large as the image", {}, 6 * kMiB, 256 << 10, false},
      {"the seed lies within the image's free end",
       {.octets = 8 * kMiB},
       8 * kMiB,
       256 << 10,
       true},
      {"4 KiB sectors", {.sector_octets = 4096}, 9 * kMiB, 256 << 10, true},
      {"one chunk holds head and tail",
       {.octets = 4 * kMiB, .used_until = 4 * kMiB - 65536},
       9 * kMiB,
       4 << 20,
       true},
      {"frames of 64 KiB", {}, 9 * kMiB, 64 << 10, true},
      {"more entries", {.entry_count = 512}, 9 * kMiB, 256 << 10, true},
  }));
  INFO(row.why);
  const auto raw = make_gpt_image(row.spec);
  const auto packed = pack(raw, row.frame_octets, row.spec.sector_octets);
  const auto manifest = verified(packed.manifest);
  MemoryDisk disk(random_octets_of(row.disk_octets, 5), row.spec.sector_octets);
  BlobFetcher fetcher(packed.blob);
  const auto report = write_image({.fetcher = fetcher,
                                   .manifest = manifest,
                                   .disk = disk,
                                   .seed = row.has_seed ? make_seed() : Seed{},
                                   .seed_partition = Guid::random(),
                                   .workers = 3});
  INFO((report ? "" : report.error().detail));
  REQUIRE(report);
  const auto end = std::min(row.spec.used_until, raw.size());
  CHECK(std::ranges::equal(part(disk.content(), kMiB, end), part(raw, kMiB, end)));
  CHECK(parse_gpt(part(disk.content(), 0, kMiB), row.spec.sector_octets, row.disk_octets));
}

TEST_CASE("an image without a table is written as it is, when there is no seed",
          "[images][writer]") {
  const auto octets = GENERATE(std::size_t{100 * 1024}, kMiB, 3 * kMiB + 512);
  Setup setup;
  setup.raw = random_octets_of(octets, 4);
  setup.packed = pack(setup.raw);
  const auto refused = setup.write();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().reason == "bad-partition-table");
  CHECK(setup.disk.log().empty());

  setup.seed = {};
  const auto manifest = verified(setup.packed.manifest);
  BlobFetcher fetcher(setup.packed.blob);
  for (const bool grow : {true, false}) {
    const auto without_table = write_image({.fetcher = fetcher,
                                            .manifest = manifest,
                                            .disk = setup.disk,
                                            .new_guids = !grow,
                                            .grow_last = grow});
    REQUIRE_FALSE(without_table);
    CHECK(without_table.error().reason == "bad-partition-table");
  }
  CHECK(setup.disk.log().empty());

  const auto report = setup.write();
  INFO((report ? "" : report.error().detail));
  REQUIRE(report);
  CHECK(std::ranges::equal(part(setup.disk.content(), 0, octets), setup.raw));
}

TEST_CASE("a table that ends long before its image costs no memory", "[images][writer]") {
  const bool has_data = GENERATE(false, true);
  Setup setup{.disk_octets = 64 * kMiB};
  setup.raw.resize(60 * kMiB);
  if (has_data) std::ranges::copy(random_octets_of(33 * kMiB, 3), setup.raw.begin() + 7 * kMiB);
  setup.packed = pack(setup.raw);
  const auto report = setup.write();
  CHECK(report.has_value() == !has_data);
  if (has_data) {
    CHECK(report.error().reason == "bad-partition-table");
    CHECK_THAT(report.error().detail, ContainsSubstring("more than 33554432 octets"));
    CHECK(setup.disk.log().empty());
  }
}

TEST_CASE("what cannot be right is refused before the first write", "[images][writer]") {
  Setup setup;
  std::string reason;
  SECTION("disk too small for the image") {
    setup.packed = pack(make_gpt_image({.octets = 10 * kMiB}));
    reason = "image-too-large";
  }
  SECTION("disk too small for the seed") {
    setup.packed = pack(make_gpt_image({.octets = 9 * kMiB, .used_until = 8 * kMiB}));
    reason = "image-too-large";
  }
  SECTION("image made for other sectors") {
    setup.packed = pack(make_gpt_image({.sector_octets = 4096}), 256 << 10, 4096);
    reason = "sector-size-mismatch";
  }
  SECTION("damaged table") {
    setup.raw[600] ^= 1;
    setup.packed = pack(setup.raw);
    reason = "bad-partition-table";
  }
  SECTION("seed of another host") {
    setup.seed.sha256.octets[0] ^= 1;
    reason = "seed-digest-mismatch";
  }
  SECTION("no network") {
    BlobFetcher fetcher(setup.packed.blob);
    fetcher.fail_after(0);
    const auto report = setup.write(fetcher);
    REQUIRE_FALSE(report);
    CHECK(report.error().reason == "network-error");
    CHECK(setup.disk.log().empty());
    return;
  }
  const auto report = setup.write();
  REQUIRE_FALSE(report);
  CHECK(report.error().reason == reason);
  CHECK(setup.disk.log().empty());
}

TEST_CASE("SG4: a flipped bit in any chunk is caught before its write, with its name",
          "[images][writer]") {
  Setup setup;
  const auto chunks = setup.packed.manifest.chunks;
  const auto good = setup.packed.blob;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    CAPTURE(i);
    Setup one;
    one.packed.blob = good;
    one.packed.blob[chunks[i].stored_offset + chunks[i].stored_length / 2] ^= 0x01;
    const auto report = one.write();
    REQUIRE_FALSE(report);
    CHECK(report.error().reason == "chunk-digest-mismatch");
    CHECK_THAT(report.error().detail,
               ContainsSubstring("chunk " + std::to_string(i) + " (raw offset " +
                                 std::to_string(chunks[i].raw_offset) +
                                 "): stored digest does not match the manifest"));
    const auto touches = [&](const DiskOperation& operation) {
      return operation.kind == DiskOperation::Kind::write &&
             operation.offset < chunks[i].raw_offset + chunks[i].raw_length &&
             operation.offset + operation.octets.size() > chunks[i].raw_offset;
    };
    CHECK(std::ranges::none_of(one.disk.log(), touches));
    if (!one.disk.log().empty()) CHECK(head_is_empty(one.disk));
  }
}

TEST_CASE("octets that the disk gives back otherwise stop the commit", "[images][writer]") {
  const auto offset =
      GENERATE(std::uint64_t{kMiB}, 3 * kMiB + 77, 5 * kMiB - 1, 7 * kMiB + 5, 8 * kMiB - 1);
  CAPTURE(offset);
  Setup setup;
  setup.disk.corrupt(offset);
  const auto report = setup.write();
  REQUIRE_FALSE(report);
  CHECK(report.error().reason == "verify-mismatch");
  CHECK(head_is_empty(setup.disk));
}

TEST_CASE("a connection that breaks or ends early is a network error", "[images][writer]") {
  const bool breaks = GENERATE(true, false);
  Setup setup;
  BlobFetcher fetcher(setup.packed.blob);
  if (breaks) {
    fetcher.fail_after(2 * kMiB);
  } else {
    fetcher.cut_after(2 * kMiB);
  }
  const auto report = setup.write(fetcher);
  REQUIRE_FALSE(report);
  CHECK(report.error().reason == "network-error");
  CHECK(head_is_empty(setup.disk));
}

TEST_CASE("zero ranges are neither fetched nor a reason for many requests", "[images][writer]") {
  Setup setup;
  BlobFetcher fetcher(setup.packed.blob);
  REQUIRE(setup.write(fetcher));
  CHECK(setup.packed.manifest.zero.size() == 3);  // first MiB, hole, free end
  CHECK(fetcher.requests() == 2);                 // the head, then everything
}

TEST_CASE("a cancelled write stops and leaves no table", "[images][writer]") {
  Setup setup;
  const auto manifest = verified(setup.packed.manifest);
  BlobFetcher fetcher(setup.packed.blob);
  std::atomic<bool> cancel = false;
  const auto report = write_image({.fetcher = fetcher,
                                   .manifest = manifest,
                                   .disk = setup.disk,
                                   .seed = setup.seed,
                                   .seed_partition = Guid::random(),
                                   .progress =
                                       [&](const WriteProgress& progress) {
                                         if (progress.step == "verify") cancel = true;
                                       },
                                   .cancel = &cancel});
  REQUIRE_FALSE(report);
  CHECK(report.error().reason == "cancelled");
  CHECK(head_is_empty(setup.disk));
}

TEST_CASE("progress runs through the steps and ends at each total", "[images][writer]") {
  Setup setup;
  const auto manifest = verified(setup.packed.manifest);
  BlobFetcher fetcher(setup.packed.blob);
  std::vector<std::string> steps;
  WriteProgress last;
  const auto note = [&](const WriteProgress& progress) {
    if (last.step != progress.step) {
      CHECK(last.done_octets == last.total_octets);
      steps.emplace_back(progress.step);
    }
    last = progress;
  };
  REQUIRE(write_image({.fetcher = fetcher,
                       .manifest = manifest,
                       .disk = setup.disk,
                       .seed = setup.seed,
                       .seed_partition = Guid::random(),
                       .finishing = [](const auto&) -> Outcome { return {}; },
                       .progress = note}));
  CHECK(steps ==
        std::vector<std::string>{"checks", "wipe", "write", "verify", "finishing", "commit"});
}
