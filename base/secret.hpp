// base/secret.hpp -- a text that must not be printed.
//
// It has no output operator and no conversion to a string: who needs the text says `reveal()`,
// and that word is what a reviewer searches for (no secret reaches a log, a command line or a
// readable file). The octets are overwritten when the value dies.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace slipway {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  [[nodiscard]] const std::string& reveal() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  bool operator==(const Secret&) const = default;

 private:
  void wipe();
  std::string text_;
};

// What stands in the place of a secret wherever it is shown.
inline constexpr std::string_view kMasked = "********";

}  // namespace slipway
