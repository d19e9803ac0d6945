// tests/support/lease_bench.hpp -- a small network of leases, its clients and its policy.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dhcp/leases.hpp"
#include "tests/support/dhcp_packets.hpp"

namespace slipway::test {

inline Ipv4 ip(std::string_view text) { return *Ipv4::parse(text); }

inline Mac mac_of(std::uint32_t number) {
  Mac mac{{0x52, 0x54, 0, 0, 0, 0}};
  Writer(std::span(mac.octets).subspan(2)).u32(number);
  return mac;
}

// We are 10.77.0.2; 10.77.0.100 to 10.77.0.103 are given, for an hour.
inline dhcp::LeaseSettings small_network() {
  dhcp::LeaseSettings settings;
  settings.networks.push_back(
      {*Cidr::parse("10.77.0.0/24"), {{ip("10.77.0.100"), ip("10.77.0.103")}}, {ip("10.77.0.1")}});
  settings.length = std::chrono::hours(1);
  settings.dns = {ip("10.77.0.1"), ip("9.9.9.9")};
  settings.domain = "bench.test";
  settings.own = {ip("10.77.0.2")};
  return settings;
}

// The boot files of FixedPolicy, and reservations.
class LeasePolicy : public FixedPolicy {
 public:
  std::optional<Ipv4> reserved_address(const Mac& client) override {
    const auto found = reserved.find(client);
    return found == reserved.end() ? std::nullopt : std::optional(found->second);
  }
  bool is_reserved(Ipv4 address) override {
    for (const auto& [mac, each] : reserved) {
      if (each == address) return true;
    }
    return false;
  }
  void leased(const Mac& client, Ipv4 address, Ipv4 server) override {
    told.push_back(client.text() + " " + address.text() + " by " + server.text());
  }
  std::map<Mac, Ipv4> reserved;
  std::vector<std::string> told;
};

// Time goes on when the test says so.
class HandTime final : public Scheduler {
 public:
  void post(Task task) override { tasks_.emplace_back(now, std::move(task)); }
  void after(std::chrono::milliseconds delay, Task task) override {
    tasks_.emplace_back(now + delay, std::move(task));
  }
  void advance(std::chrono::milliseconds by) {
    const auto end = now + by;
    while (true) {
      auto next = tasks_.end();
      for (auto at = tasks_.begin(); at != tasks_.end(); ++at) {
        if (at->first <= end && (next == tasks_.end() || at->first < next->first)) next = at;
      }
      if (next == tasks_.end()) break;
      now = std::max(now, next->first);
      auto task = std::move(next->second);
      tasks_.erase(next);
      task();
    }
    now = end;
  }
  [[nodiscard]] std::size_t waiting() const { return tasks_.size(); }
  TimePoint now{std::chrono::hours(1000)};

 private:
  std::vector<std::pair<TimePoint, Task>> tasks_;
};

// Holds records back until the test lets them go.
class SlowStore final : public dhcp::LeaseStore {
 public:
  void keep(const dhcp::LeaseRecord& record, Done done) override {
    records.push_back(record);
    waiting.push_back(std::move(done));
  }
  void settle(bool kept) {
    for (auto& done : std::exchange(waiting, {})) done(kept);
  }
  std::vector<dhcp::LeaseRecord> records;
  std::vector<Done> waiting;
};

}  // namespace slipway::test
