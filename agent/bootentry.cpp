#include "agent/bootentry.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <set>
#include <string>

#include "agent/text_file.hpp"

namespace slipway::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kGlobal = "-8be4df61-93ca-11d2-aa0d-00e098032b8c";
constexpr std::string_view kLabel = "Slipway";
constexpr std::string_view kFile = "\\EFI\\BOOT\\BOOTX64.EFI";
constexpr std::uint32_t kAttributes = 7;  // non-volatile, boot service and runtime access

void utf16(Writer& out, std::string_view ascii) {
  for (const char c : ascii) out.le16(static_cast<unsigned char>(c));
  out.le16(0);
}

std::string entry_name(std::uint16_t number) {
  std::array<char, 16> text{};
  (void)std::snprintf(text.data(), text.size(), "Boot%04X", number);  // always 8 characters
  return text.data() + std::string(kGlobal);
}

// The number of a file "BootXXXX-8be4df61-..."; nullopt for BootOrder, BootNext and the rest.
std::optional<std::uint16_t> entry_number(const std::string& name) {
  if (name.size() != 8 + kGlobal.size() || !name.starts_with("Boot") || !name.ends_with(kGlobal)) {
    return std::nullopt;
  }
  std::array<std::uint8_t, 2> octets{};
  if (!from_hex(std::string_view(name).substr(4, 4), octets)) return std::nullopt;
  return static_cast<std::uint16_t>(octets[0] << 8 | octets[1]);
}

// The label of an EFI_LOAD_OPTION behind the 4 octets of attributes of its file.
std::string label_of(const std::string& file) {
  Reader in(as_bytes(file));
  in.skip(4 + 4 + 2);
  std::string label;
  for (auto c = in.le16(); c != 0 && !in.failed(); c = in.le16()) {
    label += c < 0x80 ? static_cast<char>(c) : '?';
  }
  return label;
}

// efivarfs takes a variable in one write() only; a second one would be a second value.
Fallible<void> write_variable(const fs::path& path, ByteView value) {
  Bytes octets(4 + value.size());
  Writer out(octets);
  out.le32(kAttributes);
  out.bytes(value);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return fail_errno("opening " + path.native(), errno);
  const auto written = ::write(file, octets.data(), octets.size());
  const int reason = errno;
  ::close(file);
  if (written == static_cast<ssize_t>(octets.size())) return {};
  return fail_errno("writing " + path.native(), reason);
}

std::vector<std::uint16_t> read_order(const fs::path& path) {
  const std::string file = read_text(path);
  Reader in(as_bytes(file));
  in.skip(4);
  std::vector<std::uint16_t> order;
  while (in.left() >= 2) order.push_back(in.le16());
  return order;
}

}  // namespace

std::optional<images::Partition> find_esp(const std::vector<images::Partition>& partitions) {
  const auto type = images::Guid::parse("C12A7328-F81F-11D2-BA4B-00A0C93EC93B");
  const auto found = std::ranges::find_if(
      partitions, [&](const auto& partition) { return partition.type == *type; });
  if (found == partitions.end()) return std::nullopt;
  return *found;
}

Bytes encode_load_option(std::string_view label, const images::Partition& esp,
                         std::uint32_t sector_octets, std::string_view file) {
  constexpr std::uint16_t kDiskNodeOctets = 42;  // UEFI 2.10 s.10.3.5.1
  constexpr std::uint16_t kEndNodeOctets = 4;
  const auto file_node_octets = static_cast<std::uint16_t>(4 + 2 * (file.size() + 1));
  const auto path_octets =
      static_cast<std::uint16_t>(kDiskNodeOctets + file_node_octets + kEndNodeOctets);
  Bytes octets(4 + 2 + 2 * (label.size() + 1) + path_octets);
  Writer out(octets);
  out.le32(1);  // LOAD_OPTION_ACTIVE
  out.le16(path_octets);
  utf16(out, label);
  out.u8(4);  // media device path
  out.u8(1);  // hard drive
  out.le16(kDiskNodeOctets);
  out.le32(esp.number);
  out.le64(esp.offset / sector_octets);
  out.le64(esp.length / sector_octets);
  out.bytes(esp.unique.octets);
  out.u8(2);  // GPT
  out.u8(2);  // the signature is a GUID
  out.u8(4);  // media device path
  out.u8(4);  // file path
  out.le16(file_node_octets);
  utf16(out, file);
  out.u8(0x7F);  // end of the entire path
  out.u8(0xFF);
  out.le16(kEndNodeOctets);
  return octets;
}

std::vector<std::uint16_t> put_first(std::uint16_t number,
                                     const std::vector<std::uint16_t>& order) {
  std::vector<std::uint16_t> result = {number};
  for (const auto other : order) {
    if (std::ranges::find(result, other) == result.end()) result.push_back(other);
  }
  return result;
}

Fallible<std::uint16_t> pick_number(const fs::path& efivars, std::string_view label) {
  std::error_code error;
  std::set<std::uint16_t> used;
  for (const auto& entry : fs::directory_iterator(efivars, error)) {
    const auto number = entry_number(entry.path().filename());
    if (!number) continue;
    if (label_of(read_text(entry.path())) == label) return *number;
    used.insert(*number);
  }
  if (error) return fail("reading " + efivars.native() + ": " + error.message());
  std::uint16_t free = 0;
  while (used.contains(free)) ++free;
  return free;
}

Fallible<void> write_boot_entry(const fs::path& efivars, const images::Partition& esp,
                                std::uint32_t sector_octets) {
  const auto order_path = efivars / ("BootOrder" + std::string(kGlobal));
  const auto number = pick_number(efivars, kLabel);
  if (!number) return std::unexpected(number.error());
  const auto entry = write_variable(efivars / entry_name(*number),
                                    encode_load_option(kLabel, esp, sector_octets, kFile));
  if (!entry) return entry;
  const auto order = put_first(*number, read_order(order_path));
  Bytes octets(2 * order.size());
  Writer out(octets);
  for (const auto each : order) out.le16(each);
  return write_variable(order_path, octets);
}

}  // namespace slipway::agent
