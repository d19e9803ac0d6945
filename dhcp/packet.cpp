#include "dhcp/packet.hpp"

#include <algorithm>

namespace slipway::dhcp {
namespace {

constexpr std::uint32_t kCookie = 0x63825363;
constexpr std::uint8_t kEthernet = 1;
constexpr std::size_t kSnameAt = 44;
constexpr std::size_t kSnameOctets = 64;
constexpr std::size_t kFileAt = 108;
constexpr std::size_t kFileOctets = 128;

// Option 52: which of the two text fields hold options instead.
constexpr std::uint8_t kFileHoldsOptions = 1;
constexpr std::uint8_t kSnameHoldsOptions = 2;

Ipv4 read_address(Reader& reader) { return Ipv4::from_number(reader.u32()); }

// Up to the first NUL, or the whole field: some ROMs fill it to the last octet.
std::string_view read_text(ByteView field) {
  return as_text(field).substr(
      0, static_cast<std::size_t>(std::ranges::find(field, std::uint8_t{0}) - field.begin()));
}

std::uint8_t overload(ByteView options) {
  const auto value = find_option(options, Option::overload);
  return value && value->size() == 1 ? value->front() : std::uint8_t{0};
}

std::optional<MessageType> message_type(const Options& options) {
  const auto value = options.find(Option::message_type);
  if (!value || value->size() != 1) return std::nullopt;
  const auto type = value->front();
  if (type < 1 || type > static_cast<std::uint8_t>(MessageType::inform)) return std::nullopt;
  return MessageType{type};
}

// The fixed fields of a message that is known to be at least kHeaderOctets long.
Header read_header(ByteView wire) {
  Reader reader(wire);
  Header header;
  header.op = Op{reader.u8()};
  reader.skip(3);
  header.xid = reader.u32();
  header.secs = reader.u16();
  header.flags = reader.u16();
  header.ciaddr = read_address(reader);
  header.yiaddr = read_address(reader);
  header.siaddr = read_address(reader);
  header.giaddr = read_address(reader);
  std::ranges::copy(reader.take(header.mac.octets.size()), header.mac.octets.begin());
  const auto lent = overload(wire.subspan(kHeaderOctets));
  if ((lent & kSnameHoldsOptions) == 0) {
    header.sname = read_text(wire.subspan(kSnameAt, kSnameOctets));
  }
  if ((lent & kFileHoldsOptions) == 0) header.file = read_text(wire.subspan(kFileAt, kFileOctets));
  return header;
}

// A text field, always with a NUL at its end: firmware treats it as a C string.
void write_text(Writer& writer, std::string_view text, std::size_t field_octets) {
  const auto kept = text.substr(0, field_octets - 1);
  writer.text(kept);
  writer.fill(field_octets - kept.size());
}

}  // namespace

Result<Options> Options::parse(ByteView wire) {
  Options options;
  options.fields_[0] = wire.subspan(kHeaderOctets);
  const auto lent = overload(options.fields_[0]);
  if ((lent & kFileHoldsOptions) != 0) options.fields_[1] = wire.subspan(kFileAt, kFileOctets);
  if ((lent & kSnameHoldsOptions) != 0) options.fields_[2] = wire.subspan(kSnameAt, kSnameOctets);
  std::bitset<256> seen;
  for (const auto field : options.fields_) {
    if (!options.check(field, seen)) {
      return std::unexpected(make_error_code(Errc::option_overrun));
    }
  }
  return options;
}

// Walks one field to its end and joins what was seen before.
bool Options::check(ByteView field, std::bitset<256>& seen) {
  OptionReader reader(field);
  while (const auto option = reader.next()) {
    const auto code = static_cast<std::size_t>(option->code);
    if (seen[code] && !join(option->code)) return false;
    seen.set(code);
  }
  return !reader.overrun();
}

const Options::Joined* Options::joined(Option code) const {
  const auto known = std::span(joined_).first(joined_count_);
  const auto found = std::ranges::find(known, code, &Joined::code);
  return found == known.end() ? nullptr : &*found;
}

bool Options::join(Option code) {
  if (joined(code) != nullptr) return true;
  if (joined_count_ == joined_.size()) return false;
  const std::size_t start =
      joined_count_ == 0 ? 0U
                         : joined_[joined_count_ - 1].start + joined_[joined_count_ - 1].octets;
  Writer writer(std::span(store_).subspan(start));
  for (const auto field : fields_) {
    OptionReader reader(field);
    while (const auto option = reader.next()) {
      if (option->code == code) writer.bytes(option->value);
    }
  }
  joined_[joined_count_++] = {code, static_cast<std::uint16_t>(start),
                              static_cast<std::uint16_t>(writer.size())};
  return !writer.failed();
}

std::optional<ByteView> Options::find(Option code) const {
  if (const auto* whole = joined(code)) {
    return ByteView(store_).subspan(whole->start, whole->octets);
  }
  for (const auto field : fields_) {
    if (const auto value = find_option(field, code)) return value;
  }
  return std::nullopt;
}

Result<Packet> parse(ByteView wire) {
  if (wire.size() < kHeaderOctets) return std::unexpected(make_error_code(Errc::truncated));
  if (Reader(wire.subspan(kHeaderOctets - 4)).u32() != kCookie) {
    return std::unexpected(make_error_code(Errc::bad_cookie));
  }
  if (wire[1] != kEthernet || wire[2] != Mac{}.octets.size()) {
    return std::unexpected(make_error_code(Errc::not_ethernet));
  }
  auto options = Options::parse(wire);
  if (!options) return std::unexpected(options.error());
  const auto type = message_type(*options);
  if (!type) return std::unexpected(make_error_code(Errc::no_message_type));
  return Packet{read_header(wire), *type, *options};
}

Composer::Composer(std::span<std::uint8_t> out, const Header& header) : writer_(out) {
  writer_.u8(static_cast<std::uint8_t>(header.op));
  writer_.u8(kEthernet);
  writer_.u8(static_cast<std::uint8_t>(header.mac.octets.size()));
  writer_.u8(0);  // hops
  writer_.u32(header.xid);
  writer_.u16(header.secs);
  writer_.u16(header.flags);
  for (const auto address : {header.ciaddr, header.yiaddr, header.siaddr, header.giaddr}) {
    writer_.bytes(address.octets);
  }
  writer_.bytes(header.mac.octets);
  writer_.fill(16 - header.mac.octets.size());
  write_text(writer_, header.sname, kSnameOctets);
  write_text(writer_, header.file, kFileOctets);
  writer_.u32(kCookie);
}

void Composer::option(Option code, ByteView value) {
  do {
    const auto part = value.first(std::min<std::size_t>(value.size(), 255));
    writer_.u8(static_cast<std::uint8_t>(code));
    writer_.u8(static_cast<std::uint8_t>(part.size()));
    writer_.bytes(part);
    value = value.subspan(part.size());
  } while (!value.empty());
}

Result<std::size_t> Composer::finish() {
  writer_.u8(static_cast<std::uint8_t>(Option::end));
  if (writer_.size() < kMinimumOctets) writer_.fill(kMinimumOctets - writer_.size());
  if (writer_.failed()) return std::unexpected(make_error_code(Errc::too_large));
  return writer_.size();
}

}  // namespace slipway::dhcp
