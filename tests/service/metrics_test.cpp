#include "service/metrics.hpp"

#include <algorithm>

#include "service/http_meter.hpp"
#include "tests/support/catch.hpp"

namespace slipway::service {
namespace {

TEST_CASE("every reason for which DHCP drops a datagram has a label of its own",
          "[service][metrics]") {
  std::vector<std::string_view> seen;
  for (std::size_t i = 1; i < dhcp::kErrcCount; ++i) {
    const auto reason = dhcp_drop_reason(i);
    INFO(i);
    CHECK_FALSE(reason.empty());
    CHECK(std::ranges::find(seen, reason) == seen.end());
    seen.push_back(reason);
  }
  CHECK(dhcp_drop_reason(static_cast<std::size_t>(dhcp::Errc::unknown_arch)) == "unknown_arch");
  CHECK(dhcp_drop_reason(static_cast<std::size_t>(dhcp::Errc::too_large)) == "too_large");
  CHECK(dhcp_drop_reason(static_cast<std::size_t>(dhcp::Errc::withheld)) == "withheld");
  CHECK(dhcp_drop_reason(static_cast<std::size_t>(dhcp::Errc::pool_empty)) == "pool_empty");
  CHECK(dhcp_drop_reason(dhcp::kErrcCount).empty());
}

TEST_CASE("what DHCP counted is written by interface", "[service][metrics]") {
  dhcp::Counters first, second;
  first.received = 9;
  first.offers = 4;
  first.dropped[static_cast<std::size_t>(dhcp::Errc::not_pxe)] = 3;
  second.silent = 2;
  const std::vector<DhcpReading> readings{{"eth1", &first}, {"eth2.7", &second}};
  metrics::Text text;
  write_dhcp(text, readings, answer_histogram());
  const auto written = std::move(text).take();
  for (const auto* line : {
           "slipway_dhcp_received_total{interface=\"eth1\"} 9\n",
           "slipway_dhcp_received_total{interface=\"eth2.7\"} 0\n",
           "slipway_dhcp_answers_total{interface=\"eth1\",answer=\"offer\"} 4\n",
           "slipway_dhcp_answers_total{interface=\"eth2.7\",answer=\"silent\"} 2\n",
           "slipway_dhcp_dropped_total{interface=\"eth1\",reason=\"not_pxe\"} 3\n",
           "# TYPE slipway_dhcp_answer_seconds histogram\n",
       }) {
    INFO(line);
    CHECK(written.find(line) != std::string::npos);
  }
}

TEST_CASE("connections of HTTP that got no service are written by reason", "[service][metrics]") {
  const http::Refusals boot{
      .turned_away = 1, .cut_off = 2, .wrong_protocol = 3, .bad_handshake = 4};
  const http::Refusals none;
  const std::vector<HttpReading> readings{{"boot", &boot, 7}, {"operator", &none, 0}};
  metrics::Text text;
  write_http(text, readings);
  const auto written = std::move(text).take();
  for (const auto* line : {
           "slipway_http_refused_total{plane=\"boot\",reason=\"turned_away\"} 1\n",
           "slipway_http_refused_total{plane=\"boot\",reason=\"cut_off\"} 2\n",
           "slipway_http_refused_total{plane=\"boot\",reason=\"wrong_protocol\"} 3\n",
           "slipway_http_refused_total{plane=\"boot\",reason=\"bad_handshake\"} 4\n",
           "slipway_http_refused_total{plane=\"operator\",reason=\"cut_off\"} 0\n",
           "slipway_http_connections{plane=\"boot\"} 7\n",
       }) {
    INFO(line);
    CHECK(written.find(line) != std::string::npos);
  }
}

TEST_CASE("what TFTP counted is written by outcome", "[service][metrics]") {
  tftp::Counters counters;
  counters.completed = 5;
  counters.octets = 5'000'000'000;
  counters.strangers = 7;
  const std::vector<TftpReading> readings{{"eth1", &counters, 2, 1}};
  metrics::Text text;
  write_tftp(text, readings);
  const auto written = std::move(text).take();
  for (const auto* line : {
           "slipway_tftp_ended_total{interface=\"eth1\",outcome=\"completed\"} 5\n",
           "slipway_tftp_sent_bytes_total{interface=\"eth1\"} 5000000000\n",
           "slipway_tftp_refused_total{interface=\"eth1\",reason=\"stranger\"} 7\n",
           "slipway_tftp_transfers{interface=\"eth1\"} 2\n",
           "slipway_tftp_half_open{interface=\"eth1\"} 1\n",
       }) {
    INFO(line);
    CHECK(written.find(line) != std::string::npos);
  }
}

TEST_CASE("a path from the wire becomes one of few labels", "[service][metrics]") {
  const auto [path, name] = GENERATE(table<std::string_view, std::string_view>({
      {"/boot.ipxe", "script"},
      {"/boot.ipxe.evil", "other"},
      {"/boot.token", "script"},
      {"/loader/snponly.efi", "loader"},
      {"/loader", "other"},
      {"/grub/grub.cfg-52:54:00:aa:00:01", "grub"},
      {"/EFI/BOOT/BOOTX64.EFI", "grub"},
      {"/artifacts/00/vmlinuz", "artifact"},
      {"/i/debian/12/x", "artifact"},
      {"/h/abcdef.../user-data", "token"},
      {"/agent/v1/session", "agent"},
      {"/api/v1/hosts", "api"},
      {"/readyz", "health"},
      {"/\"} 1\nx", "other"},
      {"", "other"},
  }));
  INFO(path);
  CHECK(route_class(path) == name);
}

TEST_CASE("an HTTP plane counts answers by route and status, octets and broken answers",
          "[service][metrics]") {
  HttpMeter boot("boot"), operators("operator");
  const auto answer = [](std::string path, int status, std::uint64_t octets, bool complete) {
    http::Access access;
    access.path = std::move(path);
    access.status = status;
    access.octets = octets;
    access.complete = complete;
    access.elapsed = std::chrono::milliseconds(20);
    return access;
  };
  boot.observe(answer("/boot.ipxe", 200, 100, true));
  boot.observe(answer("/boot.ipxe", 200, 50, false));
  boot.observe(answer("/boot.ipxe", 503, 10, true));
  boot.observe(answer("/boot.ipxe", 599, 0, true));
  operators.observe(answer("/api/v1/hosts", 404, 1, true));
  const std::array<const HttpMeter*, 2> meters{&boot, &operators};
  metrics::Text text;
  HttpMeter::write(text, meters);
  const auto written = std::move(text).take();
  for (const auto* line : {
           "slipway_http_requests_total{plane=\"boot\",route=\"script\",status=\"200\"} 2\n",
           "slipway_http_requests_total{plane=\"boot\",route=\"script\",status=\"503\"} 1\n",
           "slipway_http_requests_total{plane=\"boot\",route=\"script\",status=\"other\"} 1\n",
           "slipway_http_requests_total{plane=\"operator\",route=\"api\",status=\"404\"} 1\n",
           "slipway_http_sent_bytes_total{plane=\"boot\",route=\"script\"} 160\n",
           "slipway_http_broken_off_total{plane=\"boot\",route=\"script\"} 1\n",
           "slipway_http_request_seconds_bucket{plane=\"boot\",route=\"script\",le=\"0.01\"} 0\n",
           "slipway_http_request_seconds_bucket{plane=\"boot\",route=\"script\",le=\"0.025\"} 4\n",
           "slipway_http_request_seconds_count{plane=\"operator\",route=\"api\"} 1\n",
       }) {
    INFO(line);
    CHECK(written.find(line) != std::string::npos);
  }
  CHECK(written.find("status=\"201\"") == std::string::npos);
}

}  // namespace
}  // namespace slipway::service
