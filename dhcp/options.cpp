#include "dhcp/options.hpp"

namespace slipway::dhcp {

std::optional<OptionView> OptionReader::next() {
  while (reader_.left() > 0) {
    const Option code{reader_.u8()};
    if (code == Option::pad) continue;
    if (code == Option::end) break;
    const auto octets = reader_.u8();
    const auto value = reader_.take(octets);
    if (reader_.failed()) break;
    return OptionView{code, value};
  }
  if (!reader_.failed()) reader_.skip(reader_.left());
  return std::nullopt;
}

std::optional<ByteView> find_option(ByteView field, Option code) {
  OptionReader reader(field);
  while (const auto option = reader.next()) {
    if (option->code == code) return option->value;
  }
  return std::nullopt;
}

}  // namespace slipway::dhcp
