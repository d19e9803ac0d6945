#include "provisioning/qr.hpp"

#include <qrencode.h>

#include <cerrno>
#include <memory>

namespace slipway::provisioning {

Fallible<std::vector<std::string>> qr_rows(std::string_view text) {
  const std::string octets(text);  // with a NUL behind it, as the library wants
  const std::unique_ptr<QRcode, decltype(&QRcode_free)> code(
      QRcode_encodeString8bit(octets.c_str(), 0, QR_ECLEVEL_L), &QRcode_free);
  if (!code) return fail_errno("making a QR code", errno);
  const auto width = static_cast<std::size_t>(code->width);
  std::vector<std::string> rows(width, std::string(width, '0'));
  for (std::size_t at = 0; at < width * width; ++at) {
    if ((code->data[at] & 1U) != 0) rows[at / width][at % width] = '1';
  }
  return rows;
}

}  // namespace slipway::provisioning
