// base/json.hpp -- reading JSON that somebody else wrote, over Boost.JSON.
//
// A JsonView looks at one value and remembers its path, so that a missing or wrong member is
// reported as "plan.image.url: expected a string" without a check at every use.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace slipway {

// The document in `text`; depth is bounded (32), and trailing text is an error. Numbers keep
// their 64-bit integer value.
[[nodiscard]] Fallible<boost::json::value> parse_json(std::string_view text);

// Typed access to members of an object; every failure names the path. The viewed value must
// outlive the view.
class JsonView {
 public:
  explicit JsonView(const boost::json::value& value, std::string path = {})
      : value_(&value), path_(std::move(path)) {}

  [[nodiscard]] Fallible<JsonView> member(std::string_view name) const;
  // The member, or nullopt when it is absent or null.
  [[nodiscard]] std::optional<JsonView> find(std::string_view name) const;
  [[nodiscard]] Fallible<std::vector<JsonView>> elements() const;

  [[nodiscard]] Fallible<std::string> text() const;
  [[nodiscard]] Fallible<std::uint64_t> number() const;  // an integer >= 0
  [[nodiscard]] Fallible<bool> boolean() const;

  [[nodiscard]] Fallible<std::string> text(std::string_view name) const;
  [[nodiscard]] Fallible<std::uint64_t> number(std::string_view name) const;
  [[nodiscard]] std::string text_or(std::string_view name, std::string_view otherwise) const;
  [[nodiscard]] std::uint64_t number_or(std::string_view name, std::uint64_t otherwise) const;

  [[nodiscard]] const boost::json::value& raw() const { return *value_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  [[nodiscard]] std::unexpected<Error> wrong(std::string_view expected) const;
  const boost::json::value* value_;
  std::string path_;
};

}  // namespace slipway
