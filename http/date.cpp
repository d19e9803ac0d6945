#include "http/date.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "http/text.hpp"

namespace slipway::http {
namespace {

constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::optional<std::time_t> whole_number(std::string_view text) {
  const auto number = parse_decimal(text);
  if (!number) return std::nullopt;
  return static_cast<std::time_t>(*number);
}

}  // namespace

std::string http_date(std::time_t now) {
  std::tm parts{};
  (void)gmtime_r(&now, &parts);  // fails only for years above 2^31
  std::array<char, 64> text{};
  (void)std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                      kDays[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                      kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900,
                      parts.tm_hour, parts.tm_min, parts.tm_sec);  // 29 characters, never cut
  return text.data();
}

std::optional<std::time_t> parse_http_date(std::string_view text) {
  constexpr std::size_t kOctets = std::string_view("Sun, 06 Nov 1994 08:49:37 GMT").size();
  if (text.size() != kOctets) return std::nullopt;
  const auto* month = std::ranges::find(kMonths, text.substr(8, 3));
  const auto day = whole_number(text.substr(5, 2));
  const auto year = whole_number(text.substr(12, 4));
  const auto hour = whole_number(text.substr(17, 2));
  const auto minute = whole_number(text.substr(20, 2));
  const auto second = whole_number(text.substr(23, 2));
  if (month == kMonths.end() || !day || !year || !hour || !minute || !second) return std::nullopt;
  const auto date = std::chrono::year(static_cast<int>(*year)) /
                    std::chrono::month(static_cast<unsigned>(month - kMonths.begin()) + 1U) /
                    std::chrono::day(static_cast<unsigned>(*day));
  if (!date.ok()) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  const auto time = ((static_cast<std::time_t>(days) * 24 + *hour) * 60 + *minute) * 60 + *second;
  // Written again it must be the same: so the day's name, the punctuation and hours beyond 23 are
  // checked, too.
  if (http_date(time) != text) return std::nullopt;
  return time;
}

}  // namespace slipway::http
