#include "images/chunks.hpp"

#include <zstd.h>

#include <algorithm>
#include <deque>
#include <future>
#include <memory>
#include <new>
#include <thread>

#include "images/digest.hpp"

namespace slipway::images {
namespace {

constexpr std::uint32_t kSkippableMagic = 0x184D2A5E;
constexpr std::uint32_t kSeekableMagic = 0x8F92EAB1;
constexpr std::size_t kMaxFrames = (std::size_t{1} << 27) - 1;  // of the seekable format

using Compressor = std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)>;
using Decompressor = std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)>;

// A frame on its way from the reading thread through a compressing one to the blob.
struct Frame {
  std::uint64_t raw_length = 0;
  bool zero = false;
  Bytes stored;
  Sha256 stored_sha256, raw_sha256;
};

Frame make_frame(const Bytes& raw, int level) {
  Frame frame;
  frame.raw_length = raw.size();
  frame.zero = is_all_zero(raw);
  frame.stored = compress_frame(raw, level);
  if (frame.zero) return frame;  // no host fetches it, so it needs no digests
  frame.raw_sha256 = Sha256::of(raw);
  frame.stored_sha256 = Sha256::of(frame.stored);
  return frame;
}

struct SeekEntry {
  std::uint32_t stored_length, raw_length;
};

// Skippable frame: magic, length, {compressed, decompressed}*, count, descriptor 0, magic.
Bytes seek_table(const std::vector<SeekEntry>& entries) {
  const auto octets = entries.size() * 8 + 9;
  Bytes out(octets + 8);
  Writer writer(out);
  writer.le32(kSkippableMagic);
  writer.le32(static_cast<std::uint32_t>(octets));
  for (const auto& entry : entries) {
    writer.le32(entry.stored_length);
    writer.le32(entry.raw_length);
  }
  writer.le32(static_cast<std::uint32_t>(entries.size()));
  writer.u8(0);
  writer.le32(kSeekableMagic);
  return out;
}

void append_zero(std::vector<ZeroRange>& zero, std::uint64_t offset, std::uint64_t length) {
  if (!zero.empty() && zero.back().offset + zero.back().length == offset) {
    zero.back().length += length;
  } else {
    zero.push_back({offset, length});
  }
}

// Takes finished frames in order: keeps the index and hands the octets on.
class BlobWriter {
 public:
  explicit BlobWriter(const WriteStored& write) : write_(write) {}

  Fallible<void> add(const Frame& frame) {
    const auto stored_length = static_cast<std::uint32_t>(frame.stored.size());
    if (entries_.size() == kMaxFrames) return fail("image has too many chunks");
    entries_.push_back({stored_length, static_cast<std::uint32_t>(frame.raw_length)});
    if (frame.zero) {
      append_zero(out_.zero, out_.raw_octets, frame.raw_length);
    } else {
      out_.chunks.push_back({out_.raw_octets, frame.raw_length, out_.stored_octets, stored_length,
                             frame.stored_sha256, frame.raw_sha256});
    }
    out_.raw_octets += frame.raw_length;
    return put(frame.stored);
  }

  Fallible<Chunked> finish(const Sha256& raw_sha256) && {
    auto good = put(seek_table(entries_));
    if (!good) return std::unexpected(good.error());
    out_.raw_sha256 = raw_sha256;
    out_.stored_sha256 = digest_.finish();
    return std::move(out_);
  }

 private:
  Fallible<void> put(ByteView octets) {
    digest_.update(octets);
    out_.stored_octets += octets.size();
    return write_(octets);
  }

  const WriteStored& write_;
  Chunked out_;
  std::vector<SeekEntry> entries_;
  Sha256Stream digest_;
};

}  // namespace

Fallible<Chunked> write_chunks(const ReadRaw& read, const WriteStored& write,
                               const ChunkOptions& options) {
  const auto threads =
      options.threads > 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
  Sha256Stream raw_digest;
  BlobWriter blob(write);
  std::deque<std::future<Frame>> in_flight;  // oldest first; joined by the futures' destructors
  const auto finish_oldest = [&] {
    const Frame frame = in_flight.front().get();
    in_flight.pop_front();
    return blob.add(frame);
  };

  for (bool at_end = false; !at_end;) {
    Bytes raw(options.frame_octets);
    const auto got = read(raw);
    if (!got) return std::unexpected(got.error());
    at_end = *got < raw.size();
    raw.resize(*got);
    if (raw.empty()) break;
    raw_digest.update(raw);
    if (in_flight.size() > threads) {  // bounds the memory
      auto good = finish_oldest();
      if (!good) return std::unexpected(good.error());
    }
    in_flight.push_back(std::async(std::launch::async, [raw = std::move(raw), &options] {
      return make_frame(raw, options.level);
    }));
  }
  while (!in_flight.empty()) {
    auto good = finish_oldest();
    if (!good) return std::unexpected(good.error());
  }
  return std::move(blob).finish(raw_digest.finish());
}

Bytes compress_frame(ByteView raw, int level) {
  const Compressor context(ZSTD_createCCtx(), &ZSTD_freeCCtx);
  if (!context) throw std::bad_alloc();
  // Parameters are constants within their range; a failing one shows as a failing compression.
  (void)ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
  (void)ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  Bytes out(ZSTD_compressBound(raw.size()));
  const auto size = ZSTD_compress2(context.get(), out.data(), out.size(), raw.data(), raw.size());
  if (ZSTD_isError(size) != 0) throw std::bad_alloc();  // the only way left with enough room
  out.resize(size);
  return out;
}

Fallible<void> decompress_frame(ByteView stored, std::span<std::uint8_t> raw) {
  // Without this, several frames in a row would pass as one.
  const auto frame_octets = ZSTD_findFrameCompressedSize(stored.data(), stored.size());
  if (frame_octets != stored.size()) return fail("not exactly one zstd frame");
  thread_local const Decompressor context(ZSTD_createDCtx(), &ZSTD_freeDCtx);
  if (!context) throw std::bad_alloc();
  const auto size =
      ZSTD_decompressDCtx(context.get(), raw.data(), raw.size(), stored.data(), stored.size());
  if (ZSTD_isError(size) != 0) return fail(std::string("zstd: ") + ZSTD_getErrorName(size));
  if (size != raw.size()) return fail("unpacks to fewer octets than the manifest says");
  return {};
}

}  // namespace slipway::images
