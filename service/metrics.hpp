// service/metrics.hpp -- /metrics: what the parts of a server have counted, in one text.
//
// Each function writes whole families; what they are told is read at each scrape.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "base/metrics.hpp"
#include "dhcp/server.hpp"
#include "http/limits.hpp"
#include "provisioning/ledger.hpp"
#include "tftp/server.hpp"

namespace slipway::service {

struct DhcpReading {
  std::string_view interface;
  const dhcp::Counters* counters;
};
// `answering` is of all interfaces: how long answers took.
void write_dhcp(metrics::Text& text, std::span<const DhcpReading> readings,
                const metrics::Histogram& answering);
[[nodiscard]] metrics::Histogram answer_histogram();
// The label for a dhcp::Errc; empty for one that has none here.
[[nodiscard]] std::string_view dhcp_drop_reason(std::size_t errc);

struct LeaseReading {
  std::string_view interface;
  const dhcp::LeaseDesk* desk;
};
// Only where leases are given.
void write_leases(metrics::Text& text, std::span<const LeaseReading> readings,
                  const dhcp::LeaseCounts& counts);

struct TftpReading {
  std::string_view interface;
  const tftp::Counters* counters;
  std::size_t running;
  std::size_t half_open;
};
void write_tftp(metrics::Text& text, std::span<const TftpReading> readings);

struct HttpReading {
  std::string_view plane;
  const http::Refusals* refusals;
  std::size_t connections;
};
// Of connections; what is counted of answers is http_meter.hpp's.
void write_http(metrics::Text& text, std::span<const HttpReading> readings);

// Hosts by state, and how long their boots took step by step.
void write_hosts(metrics::Text& text, provisioning::Ledger& ledger);

// The store's queue and commits, its file, and the room that is left below `data_dir`.
void write_store(metrics::Text& text, provisioning::Ledger& ledger,
                 const std::filesystem::path& data_dir);

// Version, start, memory, open files: as the usual names have them.
void write_process(metrics::Text& text, std::chrono::system_clock::time_point started);

}  // namespace slipway::service
