// Any octets as the start of an image. CRCs are made right first, else no input gets past them.
// What parse_gpt() accepts must give a table for a larger disk that parse_gpt() accepts again.
#include "images/gpt.hpp"

#include <algorithm>
#include <cstdlib>

#include "base/crypto.hpp"

namespace {

using namespace slipway;

void put32(Bytes& out, std::size_t at, std::uint32_t value) {
  Writer(std::span(out).subspan(at, 4)).le32(value);
}

void fix_crc(Bytes& head, std::size_t sector) {
  if (head.size() < 2 * sector) return;
  Reader reader(ByteView(head).subspan(sector + 72, 16));
  const auto lba = reader.le64();
  const auto count = reader.le32();
  const auto octets = std::uint64_t{count} * reader.le32();
  if (lba < 2048 && octets < head.size() && lba * sector + octets <= head.size()) {
    put32(head, sector + 88, crc32(ByteView(head).subspan(lba * sector, octets)));
  }
  put32(head, sector + 16, 0);
  put32(head, sector + 16, crc32(ByteView(head).subspan(sector, 92)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint64_t kImageOctets = std::uint64_t{64} << 20;
  Bytes head(data, data + size);
  head.resize(std::min<std::size_t>(size, images::kHeadOctets));
  const auto sector = images::detect_gpt(head);
  if (!sector) return 0;
  fix_crc(head, *sector);
  const auto table = images::parse_gpt(head, *sector, kImageOctets);
  if (!table) return 0;
  (void)table->partitions();
  head.resize(images::kHeadOctets);
  const images::SeedPartition seed{5000, images::Guid{{1}}};
  const auto made = images::make_disk_table(
      *table, head, 4 * kImageOctets,
      {.seed = seed, .new_guid = [] { return images::Guid{{2}}; }, .grow_last = true});
  if (!made) return 0;
  std::ranges::copy(made->lba0, head.begin());
  std::ranges::copy(made->lba1, head.begin() + *sector);
  std::ranges::copy(made->entries,
                    head.begin() + static_cast<std::ptrdiff_t>(made->entries_offset));
  if (!images::parse_gpt(head, *sector, 4 * kImageOctets)) std::abort();
  return 0;
}
