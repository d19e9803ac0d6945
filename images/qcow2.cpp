#include "images/qcow2.hpp"

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>

namespace slipway::images {
namespace {

constexpr std::uint64_t kOffsetMask = 0x00FF'FFFF'FFFF'FE00;  // bits 9..55 of L1 and L2 entries
constexpr std::uint64_t kCompressed = std::uint64_t{1} << 62U;
constexpr std::uint64_t kZero = 1;  // of a standard L2 entry, version 3
constexpr std::uint64_t kMaxL1Octets = std::uint64_t{32} << 20U;  // as QEMU bounds it
constexpr std::size_t kHeaderOctets = 105;                        // with the compression type

// Incompatible features, version 3.
constexpr std::uint64_t kDirty = 1;  // reference counts only, which nobody reads here
constexpr std::uint64_t kCorrupt = 2;
constexpr std::uint64_t kDataFile = 4;
constexpr std::uint64_t kCompressionType = 8;
constexpr std::uint64_t kExtendedL2 = 16;

std::uint64_t big64(Reader& reader) {
  const std::uint64_t high = reader.u32();
  return high << 32U | reader.u32();
}

std::uint64_t entry_at(const Bytes& table, std::uint64_t index) {
  Reader reader(ByteView(table).subspan(static_cast<std::size_t>(index * 8), 8));
  return big64(reader);
}

// Raw deflate into exactly `out`; the input may go on behind it.
bool inflate_into(ByteView packed, std::span<std::uint8_t> out) {
  z_stream stream{};
  if (inflateInit2(&stream, -12) != Z_OK) return false;
  Bytes input(packed.begin(), packed.end());  // zlib takes no const
  stream.next_in = input.data();
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = inflate(&stream, Z_FINISH);
  const bool is_whole = stream.avail_out == 0 && (result == Z_STREAM_END || result == Z_BUF_ERROR);
  (void)inflateEnd(&stream);  // frees; its result repeats inflate()'s
  return is_whole;
}

bool unzstd_into(ByteView packed, std::span<std::uint8_t> out) {
  const auto length = ZSTD_findFrameCompressedSize(packed.data(), packed.size());
  if (ZSTD_isError(length) != 0) return false;
  return ZSTD_decompress(out.data(), out.size(), packed.data(), length) == out.size();
}

}  // namespace

Fallible<Qcow2Reader> Qcow2Reader::open(int fd, std::uint64_t file_octets) {
  Qcow2Reader reader(fd, file_octets);
  auto good = reader.read_header();
  if (!good) return fail(good.error(), "qcow2");
  return reader;
}

Fallible<void> Qcow2Reader::read_at(std::uint64_t offset, std::span<std::uint8_t> out) const {
  if (offset > file_octets_ || out.size() > file_octets_ - offset) {
    return fail("octet " + std::to_string(offset) + " is behind the end of the file");
  }
  while (!out.empty()) {
    const auto got = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("reading at " + std::to_string(offset), errno);
    if (got == 0) return fail("the file became shorter");
    out = out.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return {};
}

Fallible<void> Qcow2Reader::read_header() {
  Bytes header(static_cast<std::size_t>(std::min<std::uint64_t>(kHeaderOctets, file_octets_)));
  auto good = read_at(0, header);
  if (!good) return good;
  Reader reader(header);
  if (as_text(reader.take(4)) != kQcow2Magic) return fail("not a qcow2 image");
  version_ = reader.u32();
  if (version_ != 2 && version_ != 3) return fail("version " + std::to_string(version_));
  const auto backing = big64(reader);
  (void)reader.u32();  // length of the backing file's name
  cluster_bits_ = reader.u32();
  raw_octets_ = big64(reader);
  const auto encryption = reader.u32();
  const std::uint64_t l1_entries = reader.u32();
  const auto l1_offset = big64(reader);
  if (reader.failed()) return fail("its header is cut");
  if (backing != 0) return fail("it has a backing file; make it one with `qemu-img convert`");
  if (encryption != 0) return fail("it is encrypted");
  if (cluster_bits_ < 9 || cluster_bits_ > 21) return fail("its clusters have no allowed size");
  good = check_features(header);
  if (good) good = read_l1(l1_offset, l1_entries);
  return good;
}

Fallible<void> Qcow2Reader::check_features(ByteView header) {
  if (version_ == 2) return {};
  Reader reader(header);
  reader.skip(72);
  const auto features = big64(reader);
  reader.skip(20);
  const auto header_octets = reader.u32();
  if (reader.failed()) return fail("its header is cut");
  if ((features & kCorrupt) != 0) return fail("it is marked as corrupt");
  if ((features & kDataFile) != 0) return fail("it has a data file");
  if ((features & kExtendedL2) != 0) return fail("it has extended L2 entries");
  if ((features & ~(kDirty | kCompressionType)) != 0) return fail("it has unknown features");
  if ((features & kCompressionType) == 0) return {};
  const auto type = reader.u8();
  if (reader.failed() || header_octets < kHeaderOctets || type > 1) {
    return fail("its kind of compression is unknown");
  }
  zstd_ = type == 1;
  return {};
}

Fallible<void> Qcow2Reader::read_l1(std::uint64_t offset, std::uint64_t entries) {
  if (raw_octets_ > std::uint64_t{1} << 56U) return fail("its disk is too large");
  const auto clusters = (raw_octets_ + cluster_octets() - 1) >> cluster_bits_;
  const auto per_table = cluster_octets() / 8;
  const auto needed = (clusters + per_table - 1) / per_table;
  if (entries < needed) return fail("its L1 table is smaller than its disk");
  if (needed * 8 > kMaxL1Octets) return fail("its L1 table is too large");
  l1_.resize(static_cast<std::size_t>(needed * 8));
  return read_at(offset, l1_);
}

Fallible<std::uint64_t> Qcow2Reader::l2_entry(std::uint64_t cluster) {
  const auto per_table = cluster_octets() / 8;
  const auto table = cluster / per_table;
  const auto offset = entry_at(l1_, table) & kOffsetMask;
  if (offset == 0) return 0;
  if (l2_index_ != table) {
    if (offset % cluster_octets() != 0) return fail("an L2 table is not at a cluster's start");
    l2_.resize(static_cast<std::size_t>(cluster_octets()));
    l2_index_ = ~0ULL;
    auto good = read_at(offset, l2_);
    if (!good) return fail(good.error(), "L2 table");
    l2_index_ = table;
  }
  return entry_at(l2_, cluster % per_table);
}

// The place is in the low bits, the length in sectors of 512 octets above it.
Fallible<void> Qcow2Reader::load_packed(std::uint64_t entry) {
  const auto offset_bits = 62 - (cluster_bits_ - 8);
  const auto offset = entry & ((std::uint64_t{1} << offset_bits) - 1);
  const auto sectors = ((entry & (kCompressed - 1)) >> offset_bits) + 1;
  if (offset >= file_octets_) return fail("is behind the end of the file");
  // The last sector of a file may be cut.
  const auto octets = std::min(sectors * 512 - (offset & 511U), file_octets_ - offset);
  Bytes packed(static_cast<std::size_t>(octets));
  auto good = read_at(offset, packed);
  if (!good) return good;
  if (zstd_ ? unzstd_into(packed, cluster_) : inflate_into(packed, cluster_)) return {};
  return fail("cannot be unpacked");
}

Fallible<void> Qcow2Reader::load(std::uint64_t cluster) {
  if (loaded_ == cluster) return {};
  const auto where = "cluster " + std::to_string(cluster);
  const auto entry = l2_entry(cluster);
  if (!entry) return fail(entry.error(), where);
  cluster_.assign(static_cast<std::size_t>(cluster_octets()), 0);
  Fallible<void> good;
  if ((*entry & kCompressed) != 0) {
    good = load_packed(*entry);
  } else if ((*entry & kOffsetMask) != 0 && (version_ == 2 || (*entry & kZero) == 0)) {
    const auto offset = *entry & kOffsetMask;
    good = offset % cluster_octets() == 0 ? read_at(offset, cluster_)
                                          : fail("is not at a cluster's start");
  }
  if (!good) return fail(good.error(), where);
  loaded_ = cluster;
  return {};
}

Fallible<std::size_t> Qcow2Reader::read(std::span<std::uint8_t> out) {
  std::size_t filled = 0;
  while (filled < out.size() && at_ < raw_octets_) {
    auto good = load(at_ >> cluster_bits_);
    if (!good) return fail(good.error(), "qcow2");
    const auto within = at_ & (cluster_octets() - 1);
    const auto part = std::min(
        {std::uint64_t{out.size() - filled}, cluster_octets() - within, raw_octets_ - at_});
    std::copy_n(cluster_.begin() + static_cast<std::ptrdiff_t>(within), part,
                out.begin() + static_cast<std::ptrdiff_t>(filled));
    filled += static_cast<std::size_t>(part);
    at_ += part;
  }
  return filled;
}

}  // namespace slipway::images
