#include "dhcp/client.hpp"

#include <algorithm>
#include <array>

#include "dhcp/packet.hpp"

namespace slipway::dhcp {
namespace {

constexpr std::string_view kPxeClass = "PXEClient";
constexpr std::string_view kHttpClass = "HTTPClient";

struct ArchRow {
  std::uint16_t code;  // option 93
  std::string_view vendor_class;
  Arch arch;
};

// 7 and 9 are both UEFI x64: the table of RFC 4578 was wrong about them and firmware follows
// either reading. 6 and 15 are 32-bit UEFI, 10 and 11 are ARM: nothing to boot for those here.
constexpr std::array<ArchRow, 4> kArchs{{
    {0, kPxeClass, Arch::bios},
    {7, kPxeClass, Arch::uefi_x64},
    {9, kPxeClass, Arch::uefi_x64},
    {16, kHttpClass, Arch::http_x64},
}};

// Microsoft-style clients count the terminating NUL into the string.
std::string_view without_trailing_nuls(std::string_view text) {
  while (text.ends_with('\0')) text.remove_suffix(1);
  return text;
}

std::string_view text_option(const Packet& packet, Option code) {
  const auto value = packet.options.find(code);
  return value ? without_trailing_nuls(as_text(*value)) : std::string_view{};
}

// Option 93 may list several architectures; the first one that we can boot counts. The text of
// option 60 repeats the code but is not to be trusted (see boot_class).
const ArchRow* choose_arch(ByteView codes, std::string_view vendor_class) {
  Reader reader(codes);
  while (reader.left() >= 2) {
    const auto code = reader.u16();
    const auto* row = std::ranges::find_if(kArchs, [&](const ArchRow& known) {
      return known.code == code && known.vendor_class == vendor_class;
    });
    if (row != kArchs.end()) return row;
  }
  return nullptr;
}

// A Raspberry Pi claims architecture 0 and cannot run a program for x86; only its MAC tells.
constexpr std::array<std::array<std::uint8_t, 3>, 6> kRaspberryPis{{
    {0xb8, 0x27, 0xeb},
    {0xdc, 0xa6, 0x32},
    {0xe4, 0x5f, 0x01},
    {0x28, 0xcd, 0xc1},
    {0xd8, 0x3a, 0xdd},
    {0x2c, 0xcf, 0x67},
}};

bool is_raspberry_pi(const Mac& mac) {
  return std::ranges::any_of(kRaspberryPis, [&](const auto& vendor) {
    return std::ranges::equal(vendor, std::span(mac.octets).first(vendor.size()));
  });
}

// Some ROMs (old Intel ones) omit option 97, and boards without a UUID send zeros: both are "no
// UUID". A different length or type is a broken packet.
Result<std::optional<Uuid>> read_uuid(const Packet& packet) {
  const auto value = packet.options.find(Option::client_uuid);
  if (!value) return std::nullopt;
  if (value->size() != 17 || value->front() != 0) {
    return std::unexpected(make_error_code(Errc::bad_uuid));
  }
  const auto uuid = Uuid::from_mixed_endian(value->subspan<1, 16>());
  if (uuid.is_zero()) return std::nullopt;
  return uuid;
}

// iPXE sends its user class raw; RFC 3004 wants a length octet before each class, which its
// documentation and other builds use. Option 175 alone gives it away too.
bool is_ipxe(const Packet& packet, std::string_view user_class) {
  return user_class == "iPXE" || user_class.starts_with("\x04iPXE") ||
         packet.options.find(Option::ipxe).has_value();
}

// Within option 175.
enum class Feature : std::uint8_t { http = 0x13, bz_image = 0x18, efi = 0x24 };

bool has_feature(ByteView features, Feature feature) {
  const auto value = find_option(features, Option{static_cast<std::uint8_t>(feature)});
  return value && !value->empty() && value->front() != 0;
}

// Cut-down builds (VirtualBox's) lack what our script needs and are given a full one first. A
// UEFI build has no bzImage feature: it starts kernels as EFI programs.
bool can_boot(const Packet& packet) {
  const auto features = packet.options.find(Option::ipxe);
  return features && has_feature(*features, Feature::http) &&
         (has_feature(*features, Feature::bz_image) || has_feature(*features, Feature::efi));
}

}  // namespace

// By prefix only: an iPXE chained as undionly.kpxe sends the bare word, copied from our own reply.
std::string_view boot_class(std::string_view vendor_class) {
  for (const auto known : {kPxeClass, kHttpClass}) {
    if (vendor_class.starts_with(known)) return known;
  }
  return {};
}

Result<Client> identify(const Packet& packet) {
  if (packet.op != Op::request) return std::unexpected(make_error_code(Errc::not_a_request));
  const auto vendor_class = text_option(packet, Option::vendor_class);
  const auto known_class = boot_class(vendor_class);
  const auto codes = packet.options.find(Option::client_arch);
  if (known_class.empty() || !codes) return std::unexpected(make_error_code(Errc::not_pxe));
  const auto* row = choose_arch(*codes, known_class);
  if (row == nullptr || (row->arch == Arch::bios && is_raspberry_pi(packet.mac))) {
    return std::unexpected(make_error_code(Errc::unknown_arch));
  }
  const auto uuid = read_uuid(packet);
  if (!uuid) return std::unexpected(uuid.error());
  const auto user_class = text_option(packet, Option::user_class);
  return Client{.mac = packet.mac,
                .uuid = *uuid,
                .address = packet.ciaddr,
                .arch = row->arch,
                .arch_code = row->code,
                .ipxe = is_ipxe(packet, user_class),
                .ipxe_can_boot = can_boot(packet),
                .vendor_class = vendor_class,
                .user_class = user_class};
}

}  // namespace slipway::dhcp
