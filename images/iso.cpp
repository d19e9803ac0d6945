#include "images/iso.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <set>

#include "images/archive.hpp"

namespace slipway::images {
namespace {

constexpr la_int64_t kTime = 315532800;  // 1980-01-01 00:00 UTC

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && name.front() != '.' &&
         std::ranges::all_of(
             name, [](char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-'; });
}
bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= 16 &&
         std::ranges::all_of(label, [](char c) { return is_alnum(c) || c == '_' || c == '-'; });
}

Fallible<void> write_one(archive* handle, std::string_view name, std::string_view content,
                         unsigned mode) {
  const EntryHandle out(archive_entry_new());
  archive_entry_set_pathname(out.get(), std::string(name).c_str());
  archive_entry_set_mode(out.get(), mode);
  archive_entry_set_nlink(out.get(), 1);
  archive_entry_set_atime(out.get(), kTime, 0);
  archive_entry_set_mtime(out.get(), kTime, 0);
  archive_entry_set_ctime(out.get(), kTime, 0);
  archive_entry_set_birthtime(out.get(), kTime, 0);
  archive_entry_set_size(out.get(), static_cast<la_int64_t>(content.size()));
  return write_entry(handle, out.get(), as_bytes(content));
}

Fallible<void> check_names(const std::vector<IsoFile>& files) {
  std::set<std::string_view> seen;
  for (const auto& file : files) {
    if (!is_name(file.name)) return fail("not a file name for the seed: " + file.name);
    if (!seen.insert(file.name).second) return fail(file.name + ": named twice");
  }
  return {};
}

// libarchive puts the time of day into the volume descriptors, the root directory's records and a
// text of its own; there is no option against it. These overwrite it (ECMA-119 s.8.4, s.9.1).
constexpr std::size_t kSector = 2048;
constexpr std::string_view kVolumeDate = "1980010100000000";  // then zone 0
constexpr std::array<std::uint8_t, 7> kRecordDate{80, 1, 1, 0, 0, 0, 0};
constexpr std::size_t kVolumeId = 40, kVolumeIdOctets = 32, kRootRecord = 156, kDates = 813;
constexpr std::uint8_t kPrimary = 1, kSupplementary = 2, kTerminator = 255;

// Rock Ridge's TF field (RRIP s.4.1.6): time stamps of 7 octets each.
void set_rock_ridge_dates(std::span<std::uint8_t> fields) {
  while (fields.size() >= 4 && fields[2] >= 4 && fields[2] <= fields.size()) {
    const auto field = fields.first(fields[2]);
    const bool is_dates = field[0] == 'T' && field[1] == 'F';
    for (std::size_t at = 5; is_dates && at + kRecordDate.size() <= field.size(); at += 7) {
      std::ranges::copy(kRecordDate, field.subspan(at).begin());
    }
    fields = fields.subspan(field.size());
  }
}

// "." and "..", the first two records of a root directory.
void set_directory_dates(std::span<std::uint8_t> sector) {
  constexpr std::size_t kFixed = 34;  // a record with a name of one octet
  for (int i = 0; i < 2 && sector.size() >= kFixed && sector[0] >= kFixed; ++i) {
    const auto record = sector.first(sector[0]);
    std::ranges::copy(kRecordDate, record.subspan(18).begin());
    set_rock_ridge_dates(record.subspan(kFixed));
    sector = sector.subspan(record.size());
  }
}

void set_descriptor_dates(std::span<std::uint8_t> image, std::span<std::uint8_t> descriptor) {
  for (int i = 0; i < 4; ++i) {  // creation, modification, expiration, effective
    Writer date(descriptor.subspan(kDates + static_cast<std::size_t>(i) * 17, 17));
    if (i == 2)
      date.text("0000000000000000");  // never
    else
      date.text(kVolumeDate);
    date.u8(0);
  }
  std::ranges::copy(kRecordDate, descriptor.subspan(kRootRecord + 18).begin());
  Reader root(descriptor.subspan(kRootRecord + 2, 4));
  const auto offset = root.le32() * kSector;
  if (offset + kSector <= image.size()) set_directory_dates(image.subspan(offset, kSector));
}

void set_dates(std::span<std::uint8_t> image, std::string_view label) {
  for (std::size_t at = 16 * kSector; at + 2 * kSector <= image.size(); at += kSector) {
    const auto descriptor = image.subspan(at, kSector);
    if (descriptor[0] == kTerminator) {  // libarchive's text is in the sector behind it
      std::ranges::fill(image.subspan(at + kSector, kSector), std::uint8_t{0});
      return;
    }
    if (descriptor[0] == kPrimary) {  // as given; libarchive made it upper case
      Writer id(descriptor.subspan(kVolumeId, kVolumeIdOctets));
      id.text(label);
      id.fill(id.left(), ' ');
    }
    if (descriptor[0] == kPrimary || descriptor[0] == kSupplementary) {
      set_descriptor_dates(image, descriptor);
    }
  }
}

bool set_option(archive* handle, const char* key, const char* value) {
  return archive_write_set_option(handle, "iso9660", key, value) == ARCHIVE_OK;
}

}  // namespace

Fallible<Bytes> make_iso(std::string_view label, std::vector<IsoFile> files) {
  if (!is_label(label)) return fail("not a volume label: " + std::string(label));
  auto good = check_names(files);
  if (!good) return std::unexpected(good.error());
  std::ranges::sort(files, {}, &IsoFile::name);
  Bytes out;
  const ArchiveHandle handle(archive_write_new());
  if (archive_write_set_format_iso9660(handle.get()) != ARCHIVE_OK ||
      !set_option(handle.get(), "volume-id", std::string(label).c_str()) ||
      !set_option(handle.get(), "joliet", "1") ||
      !set_option(handle.get(), "rockridge", "strict") ||
      open_into(handle.get(), out) != ARCHIVE_OK) {
    return archive_failure("iso", handle.get());
  }
  for (const auto& file : files) {
    if (good) good = write_one(handle.get(), file.name, file.content, S_IFREG | 0400);
  }
  if (!good) return fail(good.error(), "iso");
  if (archive_write_close(handle.get()) != ARCHIVE_OK) return archive_failure("iso", handle.get());
  set_dates(out, label);
  out.resize((out.size() + 4095) / 4096 * 4096);
  return out;
}

}  // namespace slipway::images
