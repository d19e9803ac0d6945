#include "images/chunks.hpp"

#include <zstd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
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
  Bytes raw;
  std::uint64_t raw_length = 0;
  bool zero = false;
  Bytes stored;
  bool was_made = false;  // an interrupted run has stored it already
  Sha256 stored_sha256, raw_sha256;
};

bool holds(const Bytes& made, const Bytes& raw) {
  if (made.empty()) return false;
  Bytes unpacked(raw.size());
  return decompress_frame(made, unpacked) && unpacked == raw;
}

Frame make_frame(Bytes octets, Bytes made, int level) {
  Frame frame;
  frame.raw = std::move(octets);
  const auto& raw = frame.raw;
  frame.raw_length = raw.size();
  frame.zero = is_all_zero(raw);
  frame.was_made = holds(made, raw);
  frame.stored = frame.was_made ? std::move(made) : compress_frame(raw, level);
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
class FrameWriter {
 public:
  FrameWriter(const WriteStored& write, const MadeFrames* made) : write_(write), made_(made) {}

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
    if (made_ != nullptr && frame.was_made) {
      out_.made_octets += frame.raw_length;
      count(frame.stored);
      return {};
    }
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
  void count(ByteView octets) {
    digest_.update(octets);
    out_.stored_octets += octets.size();
  }

  // The first frame that was not there ends what the interrupted run is good for.
  Fallible<void> put(ByteView octets) {
    if (made_ != nullptr) {
      auto good = made_->cut(out_.stored_octets);
      if (!good) return good;
      made_ = nullptr;
    }
    count(octets);
    return write_(octets);
  }

  const WriteStored& write_;
  const MadeFrames* made_;  // null: nothing more of it is used
  Chunked out_;
  std::vector<SeekEntry> entries_;
  Sha256Stream digest_;
};

// Hands frames to threads and takes them back in order. What it holds bounds the memory.
class FramesInFlight {
 public:
  FramesInFlight(FrameWriter& writer, const ChunkOptions& options)
      : writer_(writer), level_(options.level), threads_(threads_of(options)), pool_(threads_) {}
  FramesInFlight(const FramesInFlight&) = delete;
  FramesInFlight& operator=(const FramesInFlight&) = delete;
  ~FramesInFlight() { pool_.join(); }

  // Room for a frame; what is in it is of no meaning.
  Bytes take_room(std::size_t octets) {
    if (spare_.empty()) return Bytes(octets);
    auto room = std::move(spare_.back());
    spare_.pop_back();
    room.resize(octets);
    return room;
  }

  Fallible<void> add(Bytes raw, Bytes made) {
    if (frames_.size() > threads_) {
      auto good = finish_oldest();
      if (!good) return good;
    }
    auto task = [raw = std::move(raw), made = std::move(made), level = level_]() mutable {
      return make_frame(std::move(raw), std::move(made), level);
    };
    frames_.push_back(boost::asio::post(pool_, boost::asio::use_future(std::move(task))));
    return {};
  }

  Fallible<void> finish() {
    while (!frames_.empty()) {
      auto good = finish_oldest();
      if (!good) return good;
    }
    return {};
  }

 private:
  static unsigned threads_of(const ChunkOptions& options) {
    if (options.threads > 0) return options.threads;
    return std::max(1U, std::thread::hardware_concurrency());
  }

  Fallible<void> finish_oldest() {
    auto frame = frames_.front().get();
    frames_.pop_front();
    spare_.push_back(std::move(frame.raw));
    return writer_.add(frame);
  }

  FrameWriter& writer_;
  int level_;
  unsigned threads_;
  std::vector<Bytes> spare_;               // rooms that were given back
  std::deque<std::future<Frame>> frames_;  // oldest first
  boost::asio::thread_pool pool_;
};

// The next frame of an interrupted run; empty from the end of it on.
Fallible<Bytes> next_made(const ChunkOptions& options, bool& at_end) {
  if (options.made == nullptr || at_end) return Bytes();
  auto made = options.made->next();
  at_end = !made || made->empty();
  return made;
}

}  // namespace

Fallible<Chunked> write_chunks(const ReadRaw& read, const WriteStored& write,
                               const ChunkOptions& options) {
  Sha256Stream raw_digest;
  FrameWriter writer(write, options.made);
  FramesInFlight frames(writer, options);
  bool at_made_end = false;
  for (bool at_end = false; !at_end;) {
    auto raw = frames.take_room(options.frame_octets);
    const auto got = read(raw);
    if (!got) return std::unexpected(got.error());
    at_end = *got < raw.size();
    raw.resize(*got);
    if (raw.empty()) break;
    if (options.digests_raw) raw_digest.update(raw);
    auto made = next_made(options, at_made_end);
    if (!made) return std::unexpected(made.error());
    auto good = frames.add(std::move(raw), std::move(*made));
    if (!good) return std::unexpected(good.error());
  }
  auto good = frames.finish();
  if (!good) return std::unexpected(good.error());
  return std::move(writer).finish(raw_digest.finish());
}

// A thread keeps its context and its room: to make them anew for each frame is page faults.
Bytes compress_frame(ByteView raw, int level) {
  thread_local const Compressor context(ZSTD_createCCtx(), &ZSTD_freeCCtx);
  thread_local Bytes out;
  if (!context) throw std::bad_alloc();
  out.resize(std::max(out.size(), ZSTD_compressBound(raw.size())));
  // Parameters are constants within their range; a failing one shows as a failing compression.
  (void)ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
  (void)ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  const auto size = ZSTD_compress2(context.get(), out.data(), out.size(), raw.data(), raw.size());
  if (ZSTD_isError(size) != 0) throw std::bad_alloc();  // the only way left with enough room
  return {out.data(), out.data() + size};
}

std::size_t frame_length(ByteView stored) {
  const auto length = ZSTD_findFrameCompressedSize(stored.data(), stored.size());
  return ZSTD_isError(length) != 0 ? 0 : length;
}

Fallible<std::uint64_t> count_zeros(const ReadRaw& read_stored) {
  const Decompressor context(ZSTD_createDCtx(), &ZSTD_freeDCtx);
  if (!context) throw std::bad_alloc();
  Bytes stored(ZSTD_DStreamInSize());
  Bytes raw(ZSTD_DStreamOutSize());
  std::uint64_t zeros = 0;
  std::size_t state = 0;  // 0: between two frames
  while (true) {
    const auto got = read_stored(stored);
    if (!got) return std::unexpected(got.error());
    if (*got == 0) break;
    ZSTD_inBuffer in{stored.data(), *got, 0};
    while (in.pos < in.size) {
      ZSTD_outBuffer out{raw.data(), raw.size(), 0};
      state = ZSTD_decompressStream(context.get(), &out, &in);
      if (ZSTD_isError(state) != 0) return fail(std::string("zstd: ") + ZSTD_getErrorName(state));
      if (!is_all_zero(ByteView(raw).first(out.pos))) return fail("holds octets that are not zero");
      zeros += out.pos;
    }
  }
  if (state != 0) return fail("ends within a zstd frame");
  return zeros;
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
