// service/http_meter.hpp -- what one HTTP plane answered: by kind of route, status and duration.
//
// The routes of a plane are folded into few classes, so that no path from the wire becomes a label.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/metrics.hpp"
#include "http/limits.hpp"

namespace slipway::service {

// "script", "loader", "grub", "artifact", "token", "agent", "api", "health" or "other".
[[nodiscard]] std::string_view route_class(std::string_view path);

class HttpMeter {
 public:
  // `plane` ("boot", "operator") is a constant; it becomes a label.
  explicit HttpMeter(std::string_view plane);

  void observe(const http::Access& access);

  // The families of all `meters`, each sample with its plane.
  static void write(metrics::Text& text, std::span<const HttpMeter* const> meters);

 private:
  static constexpr std::size_t kClasses = 9;
  static constexpr std::size_t kStatuses = 26;  // the last is for all others

  struct Class {
    explicit Class(std::span<const double> bounds) : seconds(bounds) {}
    std::array<std::uint64_t, kStatuses> answers{};
    std::uint64_t octets = 0;
    std::uint64_t broken_off = 0;
    metrics::Histogram seconds;
  };

  std::string_view plane_;
  std::vector<Class> classes_;
};

}  // namespace slipway::service
