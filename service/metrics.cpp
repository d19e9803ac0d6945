#include "service/metrics.hpp"

#include <dirent.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <memory>

namespace slipway::service {
namespace {

namespace prov = slipway::provisioning;
using metrics::Kind;
using metrics::Text;

// By dhcp::Errc; its test holds the two together.
constexpr auto kReasons = std::to_array<std::string_view>(
    {"none",           "truncated",       "bad_cookie",    "not_ethernet",
     "option_overrun", "no_message_type", "bad_uuid",      "not_a_request",
     "wrong_type",     "not_pxe",         "unknown_arch",  "other_boot_item",
     "other_server",   "no_lease",        "other_network", "pending",
     "withheld",       "no_address",      "too_large",     "pool_empty"});

constexpr auto kAnswerBounds = std::to_array<double>(
    {0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.1, 1});

template <class Counters>
struct Row {
  std::string_view value;  // of the label
  std::uint64_t Counters::* count;
};

constexpr auto kAnswers = std::to_array<Row<dhcp::Counters>>({
    {"offer", &dhcp::Counters::offers},
    {"ack", &dhcp::Counters::acks},
    {"silent", &dhcp::Counters::silent},
});

constexpr auto kRefusals = std::to_array<Row<tftp::Counters>>({
    {"stranger", &tftp::Counters::strangers},
    {"malformed", &tftp::Counters::malformed},
    {"error", &tftp::Counters::refused},
    {"repeated", &tftp::Counters::repeated},
    {"deferred", &tftp::Counters::deferred},
});

constexpr auto kOutcomes = std::to_array<Row<tftp::Counters>>({
    {"completed", &tftp::Counters::completed},
    {"aborted", &tftp::Counters::aborted},
    {"failed", &tftp::Counters::failed},
    {"unanswered", &tftp::Counters::unanswered},
    {"evicted", &tftp::Counters::evicted},
});

constexpr auto kHttpRefusals = std::to_array<Row<http::Refusals>>({
    {"turned_away", &http::Refusals::turned_away},
    {"cut_off", &http::Refusals::cut_off},
    {"wrong_protocol", &http::Refusals::wrong_protocol},
    {"bad_handshake", &http::Refusals::bad_handshake},
});

template <class Reading, class Counters>
void write_sum(Text& text, std::span<const Reading> readings, std::uint64_t Counters::* count) {
  for (const auto& one : readings) {
    text.sample({{"interface", one.interface}}, one.counters->*count);
  }
}

template <class Reading, class Rows>
void write_rows(Text& text, std::span<const Reading> readings, std::string_view label,
                const Rows& rows) {
  for (const auto& one : readings) {
    for (const auto& row : rows) {
      text.sample({{"interface", one.interface}, {label, row.value}}, one.counters->*row.count);
    }
  }
}

// Nothing when the file system does not say.
std::uint64_t octets_of(const std::filesystem::path& file) {
  std::error_code error;
  const auto octets = std::filesystem::file_size(file, error);
  return error ? 0 : octets;
}

// /proc/self/statm: sizes in pages; the second is what is resident.
double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double open_files() {
  const std::unique_ptr<DIR, decltype(&::closedir)> folder(::opendir("/proc/self/fd"), ::closedir);
  if (!folder) return 0;
  double count = -3;  // ".", "..", and this folder itself
  while (::readdir(folder.get()) != nullptr) ++count;
  return count;
}

}  // namespace

metrics::Histogram answer_histogram() { return metrics::Histogram(kAnswerBounds); }

void write_dhcp(Text& text, std::span<const DhcpReading> readings,
                const metrics::Histogram& answering) {
  text.family("slipway_dhcp_received_total", Kind::counter, "Datagrams to ports 67 and 4011.");
  write_sum(text, readings, &dhcp::Counters::received);
  text.family("slipway_dhcp_answers_total", Kind::counter,
              "Requests that were ours: offered, acknowledged, or left in silence by decision.");
  write_rows(text, readings, "answer", kAnswers);
  text.family("slipway_dhcp_unsent_total", Kind::counter, "Answers that the kernel did not take.");
  write_sum(text, readings, &dhcp::Counters::unsent);
  text.family("slipway_dhcp_dropped_total", Kind::counter,
              "Datagrams that got no answer, malformed or not for us, by reason.");
  for (const auto& one : readings) {
    for (std::size_t i = 1; i < one.counters->dropped.size(); ++i) {
      text.sample({{"interface", one.interface}, {"reason", dhcp_drop_reason(i)}},
                  one.counters->dropped[i]);
    }
  }
  text.family(
      "slipway_dhcp_overheard_total", Kind::counter,
      "Answers of other servers to boot clients, and clients' choices of a lease, by kind.");
  for (const auto& one : readings) {
    for (std::size_t i = 0; i < dhcp::kOverheardKinds; ++i) {
      const auto kind = dhcp::name_of(static_cast<dhcp::Overheard::Kind>(i));
      text.sample({{"interface", one.interface}, {"kind", kind}}, one.counters->overheard[i]);
    }
  }
  text.family("slipway_dhcp_answer_seconds", Kind::histogram,
              "From a request that was ours, DISCOVER or on port 4011, to its answer.");
  text.sample({}, answering);
}

void write_leases(Text& text, std::span<const LeaseReading> readings,
                  const dhcp::LeaseCounts& counts) {
  constexpr auto kKinds = std::to_array<std::string_view>(
      {"offered", "leased", "refused", "informed", "released", "declined"});
  text.family("slipway_dhcp_leases_total", Kind::counter,
              "What was said to clients of leases, and what they said.");
  for (const auto& one : readings) {
    for (std::size_t i = 0; i < kKinds.size(); ++i) {
      text.sample({{"interface", one.interface}, {"kind", kKinds[i]}},
                  one.desk->counters().done[i]);
    }
  }
  text.family("slipway_dhcp_leases_unkept_total", Kind::counter,
              "Leases that did not reach the disk, and so were not acknowledged.");
  for (const auto& one : readings) {
    text.sample({{"interface", one.interface}}, one.desk->counters().unkept);
  }
  text.family("slipway_dhcp_leases_withheld", Kind::gauge,
              "1 while no lease is given, because another DHCP server answers or may.");
  for (const auto& one : readings) {
    text.sample({{"interface", one.interface}}, std::uint64_t{one.desk->may_lease() ? 0U : 1U});
  }
  text.family("slipway_dhcp_addresses", Kind::gauge, "Addresses of the pools, by what they are.");
  text.sample({{"state", "leased"}}, std::uint64_t{counts.leased});
  text.sample({{"state", "offered"}}, std::uint64_t{counts.offered});
  text.sample({{"state", "declined"}}, std::uint64_t{counts.declined});
  text.sample({{"state", "all"}}, std::uint64_t{counts.all});
}

std::string_view dhcp_drop_reason(std::size_t errc) {
  return errc < kReasons.size() ? kReasons[errc] : std::string_view();
}

void write_tftp(Text& text, std::span<const TftpReading> readings) {
  text.family("slipway_tftp_requests_total", Kind::counter, "Datagrams to the TFTP port.");
  write_sum(text, readings, &tftp::Counters::requests);
  text.family("slipway_tftp_refused_total", Kind::counter,
              "Requests that started no transfer, by reason; an error is an answer, such as to a "
              "name that is not published.");
  write_rows(text, readings, "reason", kRefusals);
  text.family("slipway_tftp_started_total", Kind::counter, "Transfers that were begun.");
  write_sum(text, readings, &tftp::Counters::started);
  text.family("slipway_tftp_ended_total", Kind::counter,
              "Transfers that are over, by outcome; probes for the size are aborted.");
  write_rows(text, readings, "outcome", kOutcomes);
  text.family("slipway_tftp_sent_bytes_total", Kind::counter,
              "Octets of the files that were taken whole.");
  write_sum(text, readings, &tftp::Counters::octets);
  text.family("slipway_tftp_transfers", Kind::gauge, "Transfers that run now.");
  for (const auto& one : readings) {
    text.sample({{"interface", one.interface}}, std::uint64_t{one.running});
  }
  text.family("slipway_tftp_half_open", Kind::gauge, "Those of them that nobody has answered yet.");
  for (const auto& one : readings) {
    text.sample({{"interface", one.interface}}, std::uint64_t{one.half_open});
  }
}

void write_http(Text& text, std::span<const HttpReading> readings) {
  text.family("slipway_http_refused_total", Kind::counter,
              "Connections that got no service: over the limits, too slow, TLS and plain HTTP "
              "mistaken for each other, or a TLS handshake that came to nothing.");
  for (const auto& one : readings) {
    for (const auto& row : kHttpRefusals) {
      text.sample({{"plane", one.plane}, {"reason", row.value}}, one.refusals->*row.count);
    }
  }
  text.family("slipway_http_connections", Kind::gauge, "Open connections.");
  for (const auto& one : readings) {
    text.sample({{"plane", one.plane}}, std::uint64_t{one.connections});
  }
}

void write_hosts(Text& text, prov::Ledger& ledger) {
  constexpr std::size_t kStates = static_cast<std::size_t>(prov::HostState::ignored) + 1;
  std::array<std::uint64_t, kStates> hosts{};
  ledger.hosts().each(
      [&](const prov::Host& host) { ++hosts[static_cast<std::size_t>(host.state)]; });
  text.family("slipway_hosts", Kind::gauge, "Hosts that are known, by state.");
  for (std::size_t i = 0; i < kStates; ++i) {
    text.sample({{"state", prov::name_of(static_cast<prov::HostState>(i))}}, hosts[i]);
  }
  text.family("slipway_boot_stage_seconds", Kind::histogram,
              "How long hosts took to a step of their boot from the step before it.");
  for (std::size_t i = 1; i < prov::kMilestones; ++i) {
    const auto milestone = static_cast<prov::Milestone>(i);
    text.sample({{"stage", prov::name_of(milestone)}}, ledger.journey().took(milestone));
  }
}

void write_store(Text& text, prov::Ledger& ledger, const std::filesystem::path& data_dir) {
  const auto& counters = ledger.store_counters();
  text.family("slipway_store_changes_total", Kind::counter,
              "Changes that were given to the store, by what became of them.");
  text.sample({{"outcome", "done"}}, counters.done);
  text.sample({{"outcome", "failed"}}, counters.failed);
  text.family("slipway_store_commit_seconds", Kind::histogram,
              "How long a group of changes took until it was on the disk.");
  text.sample({}, counters.commit);
  text.family("slipway_store_backlog", Kind::gauge, "Changes that wait for the store.");
  text.sample({}, std::uint64_t{ledger.store_backlog()});
  text.family("slipway_store_bytes", Kind::gauge,
              "Octets of the SQLite database, by file; 0 with PostgreSQL.");
  text.sample({{"file", "database"}}, octets_of(data_dir / "slipway.db"));
  text.sample({{"file", "log"}}, octets_of(data_dir / "slipway.db-wal"));
  struct statvfs room{};
  if (::statvfs(data_dir.c_str(), &room) != 0) return;  // gone: the store says so by itself
  const auto block = static_cast<double>(room.f_frsize);
  text.single("slipway_data_free_bytes", Kind::gauge, "Room below data_dir for this service.",
              static_cast<double>(room.f_bavail) * block);
  text.single("slipway_data_size_bytes", Kind::gauge, "Size of the file system of data_dir.",
              static_cast<double>(room.f_blocks) * block);
}

void write_process(Text& text, std::chrono::system_clock::time_point started) {
  text.family("slipway_build_info", Kind::gauge, "Always 1; the label is the version.");
  text.sample({{"version", SLIPWAY_VERSION}}, std::uint64_t{1});
  text.single("process_start_time_seconds", Kind::gauge, "When the service began, since 1970.",
              std::chrono::duration<double>(started.time_since_epoch()).count());
  text.single("process_resident_memory_bytes", Kind::gauge, "Memory that it has in RAM.",
              resident_bytes());
  text.single("process_open_fds", Kind::gauge, "Its open file descriptors.", open_files());
}

}  // namespace slipway::service
