// base/result.hpp -- how functions of Slipway fail.
//
// Result<T>:   hostile input and state machines; the error is one code, nothing is allocated.
// Fallible<T>: settings, disks, set-up; the error is a sentence to which each layer adds where it
//              was ("writing /dev/sda: LBA 8: Input/output error").
// Exceptions are left for broken invariants and lack of memory.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <system_error>

namespace slipway {

template <class T>
using Result = std::expected<T, std::error_code>;

// A failure in words, for a person. The text is one line, without a final full stop.
class [[nodiscard]] Error {
 public:
  explicit Error(std::string text) : text_(std::move(text)) {}

  // `where`, then what the system said of the error number `errno_value`.
  static Error from_errno(std::string_view where, int errno_value);

  // The same failure seen from one layer further out: "where: text".
  [[nodiscard]] Error within(std::string_view where) const;

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

template <class T>
using Fallible = std::expected<T, Error>;

// `return fail("no such image");` reads better than naming std::unexpected everywhere.
[[nodiscard]] inline std::unexpected<Error> fail(std::string text) {
  return std::unexpected(Error(std::move(text)));
}
[[nodiscard]] inline std::unexpected<Error> fail(const Error& error, std::string_view where) {
  return std::unexpected(error.within(where));
}
[[nodiscard]] inline std::unexpected<Error> fail_errno(std::string_view where, int errno_value) {
  return std::unexpected(Error::from_errno(where, errno_value));
}

}  // namespace slipway
