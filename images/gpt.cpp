#include "images/gpt.hpp"

#include <algorithm>
#include <cstring>

#include "base/crypto.hpp"

namespace slipway::images {
namespace {

constexpr std::string_view kSignature = "EFI PART";
constexpr std::uint32_t kRevision = 0x00010000;
constexpr std::uint32_t kHeaderOctets = 92;
constexpr std::uint32_t kMaxEntries = 1024;
constexpr std::size_t kMbrEntries = 446, kMbrEntryOctets = 16, kMbrSignature = 510;
constexpr std::uint8_t kProtective = 0xEE;
constexpr std::size_t kUniqueGuidAt = 16, kLastLbaAt = 40;  // within an entry
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr Guid kLinuxData{{0xAF, 0x3D, 0xC6, 0x0F, 0x83, 0x84, 0x72, 0x47,  //
                           0x8E, 0x79, 0x3D, 0x69, 0xD8, 0x47, 0x7D, 0xE4}};
constexpr std::string_view kSeedName = "cidata";

// The header's fields, UEFI 2.10 table 5-5.
struct Header {
  std::uint64_t my_lba = 0, alternate_lba = 0, first_usable = 0, last_usable = 0, entries_lba = 0;
  Guid disk;
  std::uint32_t entry_count = 0, entry_octets = 0, entries_crc = 0;
};

Guid read_guid(Reader& reader) {
  Guid guid;
  const auto octets = reader.take(guid.octets.size());
  if (!octets.empty()) std::ranges::copy(octets, guid.octets.begin());
  return guid;
}

Fallible<Header> read_header(ByteView sector) {
  Reader reader(sector);
  if (as_text(reader.take(kSignature.size())) != kSignature) return fail("no GPT header at LBA 1");
  const auto revision = reader.le32();
  const auto octets = reader.le32();
  const auto crc = reader.le32();
  if (revision >> 16 != 1 || octets < kHeaderOctets || octets > sector.size()) {
    return fail("GPT header: unknown revision or size");
  }
  Bytes zeroed(sector.begin(), sector.begin() + octets);  // the CRC counts itself as zero
  std::fill_n(zeroed.begin() + 16, 4, std::uint8_t{0});
  if (crc32(zeroed) != crc) return fail("GPT header: CRC is wrong");

  reader.skip(4);
  Header header;
  header.my_lba = reader.le64();
  header.alternate_lba = reader.le64();
  header.first_usable = reader.le64();
  header.last_usable = reader.le64();
  header.disk = read_guid(reader);
  header.entries_lba = reader.le64();
  header.entry_count = reader.le32();
  header.entry_octets = reader.le32();
  header.entries_crc = reader.le32();
  return header;
}

Bytes write_header(const Header& header, std::uint32_t sector_octets) {
  Bytes sector(sector_octets);
  Writer writer(sector);
  writer.text(kSignature);
  writer.le32(kRevision);
  writer.le32(kHeaderOctets);
  writer.fill(8);  // CRC, reserved
  writer.le64(header.my_lba);
  writer.le64(header.alternate_lba);
  writer.le64(header.first_usable);
  writer.le64(header.last_usable);
  writer.bytes(header.disk.octets);
  writer.le64(header.entries_lba);
  writer.le32(header.entry_count);
  writer.le32(header.entry_octets);
  writer.le32(header.entries_crc);
  Writer crc(std::span(sector).subspan(16, 4));
  crc.le32(crc32(ByteView(sector).first(kHeaderOctets)));
  return sector;
}

struct Entry {
  Guid type, unique;
  std::uint64_t first_lba = 0, last_lba = 0;
  std::string name;
  [[nodiscard]] bool used() const { return type != Guid{}; }
};

Entry read_entry(ByteView octets) {
  Reader reader(octets);
  Entry entry;
  entry.type = read_guid(reader);
  entry.unique = read_guid(reader);
  entry.first_lba = reader.le64();
  entry.last_lba = reader.le64();
  reader.skip(8);  // attributes
  for (int i = 0; i < 36; ++i) {
    const auto unit = reader.le16();  // UTF-16
    if (unit == 0) break;
    entry.name += unit >= 0x20 && unit < 0x7F ? static_cast<char>(unit) : '?';
  }
  return entry;
}

void write_entry(std::span<std::uint8_t> out, const Entry& entry) {
  Writer writer(out);
  writer.bytes(entry.type.octets);
  writer.bytes(entry.unique.octets);
  writer.le64(entry.first_lba);
  writer.le64(entry.last_lba);
  writer.le64(0);
  for (const char c : entry.name) writer.le16(static_cast<std::uint8_t>(c));
  writer.fill(writer.left());
}

std::vector<Entry> read_entries(ByteView entries, std::uint32_t entry_octets) {
  std::vector<Entry> out;
  for (std::size_t at = 0; at + entry_octets <= entries.size(); at += entry_octets) {
    out.push_back(read_entry(entries.subspan(at, entry_octets)));
  }
  return out;
}

std::uint64_t sectors(std::uint64_t octets, std::uint32_t sector_octets) {
  return (octets + sector_octets - 1) / sector_octets;
}

Fallible<void> check_header(const Header& header, std::uint32_t sector_octets,
                            std::uint64_t image_lbas) {
  if (header.my_lba != 1) return fail("GPT header: is not the one of LBA 1");
  if (header.entry_octets < 128 || header.entry_octets > 4096 ||
      (header.entry_octets & (header.entry_octets - 1)) != 0) {
    return fail("GPT header: entry size is not 128 x 2^n");
  }
  if (header.entry_count == 0 || header.entry_count > kMaxEntries) {
    return fail("GPT header: expected 1 to 1024 entries");
  }
  const auto array =
      sectors(std::uint64_t{header.entry_count} * header.entry_octets, sector_octets);
  if (header.entries_lba < 2 || header.entries_lba > kHeadOctets / sector_octets ||
      (header.entries_lba + array) * sector_octets > kHeadOctets) {
    return fail("GPT header: entries are not within the first MiB");
  }
  if (header.first_usable < header.entries_lba + array ||
      header.last_usable < header.first_usable || header.last_usable >= image_lbas) {
    return fail("GPT header: usable range is out of bounds");
  }
  return {};
}

Fallible<void> check_entries(const std::vector<Entry>& entries, const Header& header) {
  std::vector<Entry> used;
  std::ranges::copy_if(entries, std::back_inserter(used), &Entry::used);
  std::ranges::sort(used, {}, &Entry::first_lba);
  std::uint64_t next_free = header.first_usable;
  for (const auto& entry : used) {
    if (entry.first_lba < next_free || entry.last_lba < entry.first_lba ||
        entry.last_lba > header.last_usable) {
      return fail("GPT: partition at LBA " + std::to_string(entry.first_lba) +
                  " overlaps another or is out of bounds");
    }
    next_free = entry.last_lba + 1;
  }
  return {};
}

std::unexpected<TableError> too_large(std::uint64_t disk_octets) {
  return std::unexpected(TableError{TableFault::image_too_large,
                                    "the image, its partition table and the seed do not fit the " +
                                        std::to_string(disk_octets) + " octets of the disk"});
}

std::unexpected<TableError> bad_table(std::string text) {
  return std::unexpected(TableError{TableFault::bad_table, std::move(text)});
}

// The one protective entry covers the disk (UEFI 2.10 s.5.2.3). In a hybrid MBR, which somebody
// made by hand, nothing is touched.
std::optional<Bytes> protective_mbr(ByteView head, std::uint32_t sector_octets,
                                    std::uint64_t disk_lbas) {
  Bytes sector(head.begin(), head.begin() + sector_octets);
  if (sector[kMbrSignature] != 0x55 || sector[kMbrSignature + 1] != 0xAA) return std::nullopt;
  std::size_t used = 0;
  std::optional<std::size_t> protective;
  for (std::size_t i = 0; i < 4; ++i) {
    const auto at = kMbrEntries + i * kMbrEntryOctets;
    const auto type = sector[at + 4];
    if (type != 0) ++used;
    if (type == kProtective && !protective) protective = at;
  }
  if (!protective) return std::nullopt;
  if (used == 1) {
    Writer size(std::span(sector).subspan(*protective + 12, 4));
    size.le32(static_cast<std::uint32_t>(std::min<std::uint64_t>(disk_lbas - 1, 0xFFFFFFFF)));
  }
  return sector;
}

// Behind all others, so that the numbers of the image's own partitions stay.
std::optional<std::size_t> free_slot(const std::vector<Entry>& entries) {
  const auto last = std::find_if(entries.rbegin(), entries.rend(),
                                 [](const Entry& entry) { return entry.used(); });
  const auto slot = static_cast<std::size_t>(entries.rend() - last);
  if (slot < entries.size()) return slot;
  const auto any = std::ranges::find_if(entries, [](const Entry& entry) { return !entry.used(); });
  if (any == entries.end()) return std::nullopt;
  return static_cast<std::size_t>(any - entries.begin());
}

std::vector<Partition> list_partitions(ByteView octets, std::uint32_t entry_octets,
                                       std::uint32_t sector_octets) {
  std::vector<Partition> out;
  const auto entries = read_entries(octets, entry_octets);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& entry = entries[i];
    if (!entry.used()) continue;
    out.push_back({static_cast<unsigned>(i + 1), entry.type, entry.unique,
                   entry.first_lba * sector_octets,
                   (entry.last_lba - entry.first_lba + 1) * sector_octets, entry.name});
  }
  return out;
}

// Adds the seed's partition to `entries`; gives its offset in octets. `end_lba` is the first LBA
// behind the usable ones.
std::expected<std::uint64_t, TableError> add_seed(const GptTable& image, const SeedPartition& seed,
                                                  std::uint64_t end_lba, Bytes& entries) {
  const auto list = read_entries(entries, image.entry_octets);
  const auto slot = free_slot(list);
  if (!slot) return bad_table("the image's partition table has no free entry for the seed");
  std::uint64_t used_end = image.first_usable_lba;
  for (const auto& entry : list) {
    if (entry.used()) used_end = std::max(used_end, entry.last_lba + 1);
  }
  const auto end = end_lba * image.sector_octets / kMiB * kMiB;
  const auto length = (seed.octets + kMiB - 1) / kMiB * kMiB;
  if (length > end || end - length < used_end * image.sector_octets) {
    return too_large((end_lba + 1) * image.sector_octets);
  }
  const Entry entry{kLinuxData, seed.unique, (end - length) / image.sector_octets,
                    end / image.sector_octets - 1, std::string(kSeedName)};
  write_entry(std::span(entries).subspan(*slot * image.entry_octets, image.entry_octets), entry);
  return end - length;
}

// In place, so that attributes and names beyond ASCII stay.
void renew_guids(Bytes& entries, std::uint32_t entry_octets,
                 const std::function<Guid()>& new_guid) {
  const auto list = read_entries(entries, entry_octets);
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!list[i].used()) continue;
    Writer writer(std::span(entries).subspan(i * entry_octets + kUniqueGuidAt, 16));
    writer.bytes(new_guid().octets);
  }
}

void grow_last(const GptTable& image, std::uint64_t free_end_lba, Bytes& entries) {
  const auto list = read_entries(image.entries, image.entry_octets);
  std::optional<std::size_t> last;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].used() && (!last || list[i].last_lba > list[*last].last_lba)) last = i;
  }
  if (!last || list[*last].last_lba + 1 >= free_end_lba) return;
  Writer writer(std::span(entries).subspan(*last * image.entry_octets + kLastLbaAt, 8));
  writer.le64(free_end_lba - 1);
}

}  // namespace

std::vector<Partition> GptTable::partitions() const {
  return list_partitions(entries, entry_octets, sector_octets);
}

std::uint64_t GptTable::backup_offset() const {
  const auto array_lbas = sectors(entries.size(), sector_octets);
  const auto first = backup_lba > array_lbas ? backup_lba - array_lbas : 0;
  return std::max(first, last_usable_lba + 1) * sector_octets;
}

std::optional<std::uint32_t> detect_gpt(ByteView head) {
  for (const std::uint32_t sector_octets : {512U, 4096U}) {
    if (head.size() < 2 * std::size_t{sector_octets}) break;
    const auto found = as_text(head.subspan(sector_octets, kSignature.size()));
    if (found == kSignature) return sector_octets;
  }
  return std::nullopt;
}

Fallible<GptTable> parse_gpt(ByteView head, std::uint32_t sector_octets,
                             std::uint64_t image_octets) {
  if (head.size() < 2 * std::size_t{sector_octets}) return fail("GPT: image is too short");
  const auto header = read_header(head.subspan(sector_octets, sector_octets));
  if (!header) return std::unexpected(header.error());
  auto good = check_header(*header, sector_octets, image_octets / sector_octets);
  if (!good) return std::unexpected(good.error());

  const auto start = header->entries_lba * sector_octets;
  const auto octets = std::size_t{header->entry_count} * header->entry_octets;
  if (start + octets > head.size()) return fail("GPT: image ends within the entries");
  const auto entries = head.subspan(start, octets);
  if (crc32(entries) != header->entries_crc) return fail("GPT entries: CRC is wrong");
  good = check_entries(read_entries(entries, header->entry_octets), *header);
  if (!good) return std::unexpected(good.error());
  return GptTable{sector_octets,       header->first_usable,
                  header->last_usable, header->alternate_lba,
                  header->entries_lba, header->entry_octets,
                  header->disk,        Bytes(entries.begin(), entries.end())};
}

Fallible<std::uint32_t> sector_size_of(ByteView head, std::uint64_t image_octets) {
  const auto found = detect_gpt(head);
  if (!found) return 512;
  const auto table = parse_gpt(head, *found, image_octets);
  if (!table) return std::unexpected(table.error());
  return *found;
}

std::expected<DiskTable, TableError> make_disk_table(const GptTable& image, ByteView head,
                                                     std::uint64_t disk_octets,
                                                     const TableChanges& changes) {
  const auto sector = image.sector_octets;
  const auto disk_lbas = disk_octets / sector;
  const auto array_lbas = sectors(image.entries.size(), sector);
  const auto backup_lba = disk_lbas - 1 - array_lbas;  // first of the backup's entries
  if (disk_lbas < image.last_usable_lba + 2 + array_lbas) return too_large(disk_octets);
  auto mbr = protective_mbr(head, sector, disk_lbas);
  if (!mbr) return bad_table("the image has a GPT but no protective MBR in LBA 0");

  DiskTable out;
  out.lba0 = std::move(*mbr);
  out.entries = image.entries;
  const auto disk_guid = changes.new_guid ? changes.new_guid() : image.disk;
  if (changes.new_guid) renew_guids(out.entries, image.entry_octets, changes.new_guid);
  auto free_end_lba = backup_lba * sector / kMiB * kMiB / sector;
  if (changes.seed) {
    auto offset = add_seed(image, *changes.seed, backup_lba, out.entries);
    if (!offset) return std::unexpected(offset.error());
    out.seed_offset = *offset;
    free_end_lba = *offset / sector;
  }
  if (changes.grow_last) grow_last(image, free_end_lba, out.entries);
  Header header{.my_lba = 1,
                .alternate_lba = disk_lbas - 1,
                .first_usable = image.first_usable_lba,
                .last_usable = backup_lba - 1,
                .entries_lba = image.entries_lba,
                .disk = disk_guid,
                .entry_count = static_cast<std::uint32_t>(out.entries.size() / image.entry_octets),
                .entry_octets = image.entry_octets,
                .entries_crc = crc32(out.entries)};
  out.partitions = list_partitions(out.entries, image.entry_octets, sector);
  out.lba1 = write_header(header, sector);
  std::swap(header.my_lba, header.alternate_lba);
  header.entries_lba = backup_lba;
  out.entries.resize(array_lbas * sector);
  out.backup = out.entries;
  const auto backup_header = write_header(header, sector);
  out.backup.insert(out.backup.end(), backup_header.begin(), backup_header.end());
  out.entries_offset = image.entries_lba * sector;
  out.backup_offset = backup_lba * sector;
  return out;
}

}  // namespace slipway::images
