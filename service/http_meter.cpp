#include "service/http_meter.hpp"

#include <algorithm>
#include <string>

namespace slipway::service {
namespace {

using metrics::Kind;

struct Row {
  std::string_view prefix;
  std::string_view name;
};

// The first that fits; a prefix that ends in '/' covers all below it, others the path alone.
constexpr auto kRoutes = std::to_array<Row>({
    {"/boot.ipxe", "script"},
    {"/boot.token", "script"},
    {"/grub.cfg", "grub"},
    {"/grub/", "grub"},
    {"/EFI/", "grub"},
    {"/boot/", "grub"},
    {"/loader/", "loader"},
    {"/artifacts/", "artifact"},
    {"/i/", "artifact"},
    {"/h/", "token"},
    {"/agent/", "agent"},
    {"/api/", "api"},
    {"/metrics", "health"},
    {"/healthz", "health"},
    {"/readyz", "health"},
});

constexpr std::array<std::string_view, 9> kClassNames{
    "script", "loader", "grub", "artifact", "token", "agent", "api", "health", "other"};

constexpr std::array<int, 25> kKnownStatuses{200, 201, 202, 204, 206, 304, 400, 401, 403,
                                             404, 405, 408, 409, 410, 411, 412, 413, 414,
                                             416, 422, 429, 431, 500, 501, 503};

// From a script out of memory to an image over a slow link.
constexpr auto kBounds = std::to_array<double>(
    {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800});

std::size_t index_of_status(int status) {
  const auto found = std::ranges::lower_bound(kKnownStatuses, status);
  const bool is_known = found != kKnownStatuses.end() && *found == status;
  return is_known ? static_cast<std::size_t>(found - kKnownStatuses.begin())
                  : kKnownStatuses.size();
}

std::size_t index_of_class(std::string_view path) {
  const auto name = route_class(path);
  return static_cast<std::size_t>(std::ranges::find(kClassNames, name) - kClassNames.begin());
}

std::string text_of_status(std::size_t index) {
  return index < kKnownStatuses.size() ? std::to_string(kKnownStatuses[index]) : "other";
}

}  // namespace

std::string_view route_class(std::string_view path) {
  for (const auto& row : kRoutes) {
    const bool fits = row.prefix.ends_with('/') ? path.starts_with(row.prefix) : path == row.prefix;
    if (fits) return row.name;
  }
  return kClassNames.back();
}

HttpMeter::HttpMeter(std::string_view plane) : plane_(plane) {
  static_assert(kClassNames.size() == kClasses && kKnownStatuses.size() + 1 == kStatuses);
  for (std::size_t i = 0; i < kClasses; ++i) classes_.emplace_back(kBounds);
}

void HttpMeter::observe(const http::Access& access) {
  auto& mine = classes_[index_of_class(access.path)];
  ++mine.answers[index_of_status(access.status)];
  mine.octets += access.octets;
  if (!access.complete) ++mine.broken_off;
  mine.seconds.observe(access.elapsed);
}

void HttpMeter::write(metrics::Text& text, std::span<const HttpMeter* const> meters) {
  const auto each = [&](const auto& put) {
    for (const auto* meter : meters) {
      for (std::size_t i = 0; i < kClasses; ++i) put(*meter, kClassNames[i], meter->classes_[i]);
    }
  };
  text.family("slipway_http_requests_total", Kind::counter,
              "Requests that were answered, by kind of route and status.");
  each([&](const HttpMeter& meter, std::string_view route, const Class& mine) {
    for (std::size_t i = 0; i < kStatuses; ++i) {
      if (mine.answers[i] == 0) continue;  // most of them never happen
      text.sample({{"plane", meter.plane_}, {"route", route}, {"status", text_of_status(i)}},
                  mine.answers[i]);
    }
  });
  text.family("slipway_http_sent_bytes_total", Kind::counter,
              "Octets of answers that the kernel took, heads included.");
  each([&](const HttpMeter& meter, std::string_view route, const Class& mine) {
    text.sample({{"plane", meter.plane_}, {"route", route}}, mine.octets);
  });
  text.family("slipway_http_broken_off_total", Kind::counter,
              "Answers that were not sent whole: the client went away or was too slow.");
  each([&](const HttpMeter& meter, std::string_view route, const Class& mine) {
    text.sample({{"plane", meter.plane_}, {"route", route}}, mine.broken_off);
  });
  text.family("slipway_http_request_seconds", Kind::histogram,
              "From the whole head of a request to the last octet of its answer.");
  each([&](const HttpMeter& meter, std::string_view route, const Class& mine) {
    if (mine.seconds.count() == 0) return;
    text.sample({{"plane", meter.plane_}, {"route", route}}, mine.seconds);
  });
}

}  // namespace slipway::service
