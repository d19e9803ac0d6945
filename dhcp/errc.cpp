#include "dhcp/errc.hpp"

#include <array>
#include <string>

namespace slipway::dhcp {
namespace {

constexpr std::array<const char*, kErrcCount> kTexts{
    "no error",
    "shorter than a DHCP header",
    "no DHCP magic cookie",
    "not an Ethernet client",
    "an option reaches past its field",
    "no valid message type",
    "option 97 is not a UUID",
    "not a request of a client",
    "a message type for other servers",
    "not a network boot client",
    "no known client architecture",
    "asks for another type of boot server",
    "takes another server's lease",
    "a lease that nobody knows",
    "from a network without leases",
    "its lease is being written down",
    "another DHCP server answers",
    "the interface has no IPv4 address",
    "the answer does not fit",
    "no address is free",
};

class Category : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "dhcp"; }
  [[nodiscard]] std::string message(int value) const override {
    const auto index = static_cast<std::size_t>(value);
    return index < kTexts.size() ? kTexts[index] : "unknown error";
  }
};

}  // namespace

Fault fault(Errc code) {
  if (code <= Errc::bad_uuid) return Fault::malformed;
  return code <= Errc::withheld ? Fault::not_ours : Fault::our_failure;
}

std::error_code make_error_code(Errc code) {
  static const Category category;
  return {static_cast<int>(code), category};
}

}  // namespace slipway::dhcp
