// http/range.hpp -- conditional and partial requests. RFC 9110 s.13, s.14.
//
// Pure: header values and the size of a file in, the octets to send out.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string_view>
#include <vector>

#include "http/message.hpp"

namespace slipway::http {

// A span of a file that lies wholly inside it and is not empty.
struct Range {
  std::uint64_t offset = 0;
  std::uint64_t octets = 0;
  bool operator==(const Range&) const = default;
};

// What a request for a file gets.
struct Selection {
  int status = 200;           // 200 whole, 206 `ranges`, 304, 412, 416
  std::vector<Range> ranges;  // with 206: at least one, in the order asked for
};

// The value of a Range header against a file of `size_octets`. A value that is malformed, of
// another unit, of more than 32 ranges, or that asks for more octets than the file has, is ignored
// as RFC 9110 s.14.2 allows, so that it cannot multiply the work: 200.
[[nodiscard]] Selection select_ranges(std::string_view range, std::uint64_t size_octets);

// By what a client knows a file again. Without one of them, the conditions that ask for it do not
// count.
struct Validators {
  std::string_view etag{};                // with its quotes, or empty
  std::optional<std::time_t> modified{};  // seconds since 1970
};

// Applies If-Match or If-Unmodified-Since, If-None-Match or If-Modified-Since, Range and If-Range
// of `request` in the order of RFC 9110 s.13.2.2. A date that cannot be read counts as absent; in
// If-Range as another one, which gives the whole file.
[[nodiscard]] Selection select(const Request& request, const Validators& validators,
                               std::uint64_t size_octets);

}  // namespace slipway::http
