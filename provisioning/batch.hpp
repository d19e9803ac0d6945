// provisioning/batch.hpp -- a batch: the technician's unit of work, and whom it may take. Pure.
//
// A batch is opened by a person and arms hosts in that person's name: those that it names, or the
// next discovered ones that its allow-rules let in, each taking the next site. What carries it out
// is batches.hpp.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/net.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"

namespace slipway::provisioning {

enum class BatchKind : std::uint8_t { hosts, sites };

[[nodiscard]] std::string_view name_of(BatchKind kind);

// What lets a discovered host into a batch.
struct AllowRule {
  enum class Kind : std::uint8_t { any, mac, vendor, product };
  Kind kind = Kind::any;
  // mac: the first 1 to 6 octets, "52:54:00". vendor, product: as SMBIOS says it; a `*` at the end
  // stands for any rest. any: empty.
  std::string value{};
};

// `any`, `mac=PREFIX`, `vendor=TEXT`, `product=TEXT`. Fails with what is allowed.
[[nodiscard]] Fallible<AllowRule> parse_allow_rule(std::string_view text);
[[nodiscard]] std::string text_of(const AllowRule& rule);

// What a machine has said of itself.
struct Candidate {
  std::span<const Mac> macs{};
  std::string_view manufacturer{}, product{};
};

// Of the rules of one kind one must hold, and each kind that is named must have one that holds:
// mac=A mac=B vendor=V lets in V's machines with A or B. No rules let in nobody.
[[nodiscard]] bool allows(std::span<const AllowRule> rules, const Candidate& candidate);

// One place of a batch.
struct BatchSlot {
  std::int64_t number = 0;    // 1, 2, ... in the order of the list
  std::string site{};         // empty: the host's own, or none
  std::string host{};         // id; empty until a host took the place
  std::int64_t arming = 0;    // the batch's own arming of that host; 0 until it has one
  std::int64_t taken_ms = 0;  // wall clock; 0 until then
};

struct Batch {
  std::string id{};       // 8 characters of Crockford base32
  std::string profile{};  // NAME@VERSION
  BatchKind kind = BatchKind::hosts;
  std::vector<AllowRule> rules{};
  std::string who{}, why{};  // of the person that opened it
  std::int64_t opened_ms = 0, closed_ms = 0;
  TimePoint expires{};      // takes and arms nobody after it; so do its armings
  std::string closed_by{};  // who, and why
  std::vector<BatchSlot> slots{};

  [[nodiscard]] bool is_open() const { return closed_ms == 0; }
  // As the audit log names whoever arms for it.
  [[nodiscard]] std::string signature() const { return "batch " + id + ", opened by " + who; }
};

}  // namespace slipway::provisioning
