#include "tftp/errc.hpp"

#include <string>

namespace slipway::tftp {
namespace {

class Category : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "tftp"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<Errc>(value)) {
      case Errc::truncated: return "a datagram that ends too early";
      case Errc::bad_opcode: return "not a request";
      case Errc::bad_name: return "not a file name that can be published";
    }
    return "unknown error";
  }
};

}  // namespace

std::error_code make_error_code(Errc code) {
  static const Category category;
  return {static_cast<int>(code), category};
}

}  // namespace slipway::tftp
