#include "base/result.hpp"

namespace slipway {

Error Error::from_errno(std::string_view where, int errno_value) {
  return Error(std::generic_category().message(errno_value)).within(where);
}

Error Error::within(std::string_view where) const {
  return Error(std::string(where) + ": " + text_);
}

}  // namespace slipway
