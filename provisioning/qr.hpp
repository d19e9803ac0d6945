// provisioning/qr.hpp -- QR codes (ISO/IEC 18004) as rows of modules, for consoles and pages to
// draw.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace slipway::provisioning {

// The smallest code that holds `text`, at error correction level L (a screen has no dirt): as many
// rows as a row has characters, '1' dark and '0' light, without the quiet zone, which whoever draws
// it adds: 4 modules on each side. Fails when `text` is empty or has more than 2953 octets.
[[nodiscard]] Fallible<std::vector<std::string>> qr_rows(std::string_view text);

}  // namespace slipway::provisioning
