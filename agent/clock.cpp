#include "agent/clock.hpp"

#include <fcntl.h>
#include <linux/rtc.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace slipway::agent {
namespace {

constexpr std::int64_t kAllowedMs = 2'000;

std::tm calendar(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1000;
  std::tm fields{};
  (void)::gmtime_r(&seconds, &fields);  // fails only for years beyond an int
  return fields;
}

std::string date_text(std::int64_t unix_ms) {
  const auto fields = calendar(unix_ms);
  char text[32];
  (void)std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &fields);  // it fits
  return text;
}

}  // namespace

std::int64_t SystemClock::now_ms() {
  timespec now{};
  (void)::clock_gettime(CLOCK_REALTIME, &now);  // cannot fail for this clock
  return now.tv_sec * std::int64_t{1000} + now.tv_nsec / 1'000'000;
}

Fallible<void> SystemClock::set_ms(std::int64_t unix_ms) {
  const timespec time{.tv_sec = unix_ms / 1000, .tv_nsec = unix_ms % 1000 * 1'000'000};
  if (::clock_settime(CLOCK_REALTIME, &time) != 0) return fail_errno("setting the clock", errno);
  return {};
}

Fallible<void> SystemClock::set_hardware_ms(std::int64_t unix_ms) {
  const int device = ::open("/dev/rtc0", O_RDONLY | O_CLOEXEC);
  if (device < 0) return fail_errno("opening /dev/rtc0", errno);
  const auto fields = calendar(unix_ms);
  rtc_time time{};
  time.tm_sec = fields.tm_sec;
  time.tm_min = fields.tm_min;
  time.tm_hour = fields.tm_hour;
  time.tm_mday = fields.tm_mday;
  time.tm_mon = fields.tm_mon;
  time.tm_year = fields.tm_year;
  const bool done = ::ioctl(device, RTC_SET_TIME, &time) == 0;
  const int reason = errno;
  ::close(device);
  if (!done) return fail_errno("setting /dev/rtc0", reason);
  return {};
}

std::string follow_server(Clock& clock, std::int64_t server_unix_ms) {
  const auto before = clock.now_ms();
  if (server_unix_ms <= 0 || std::llabs(server_unix_ms - before) <= kAllowedMs) return {};
  const auto set = clock.set_ms(server_unix_ms);
  if (!set) return "The clock stays at " + date_text(before) + ": " + set.error().text() + ".";
  const std::string line =
      "The clock stood at " + date_text(before) + "; it is " + date_text(server_unix_ms) + " now";
  const auto kept = clock.set_hardware_ms(server_unix_ms);
  if (kept) return line + ".";
  return line + ", but it will be wrong again after the next start: " + kept.error().text() + ".";
}

}  // namespace slipway::agent
