// provisioning/box.hpp -- a machine as it leaves the depot: what is kept of it, and its record.
//
// What a report says must be the same next year, whatever became of inventory and hosts: a Box is
// written down when its host is armed, and again when the host gets its plan, because by then the
// machine has said its serial number. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/crypto.hpp"
#include "base/net.hpp"
#include "provisioning/batch.hpp"

namespace slipway::provisioning {

struct Box {
  std::string name{};  // of the host; its ID when it has none
  std::vector<Mac> macs{};
  std::string uuid{}, serial{};
  std::string edge_id{};  // as the installed system will register; empty when nothing is known
  std::string site{};
  std::string image{};                                      // NAME@VERSION
  Sha256 image_digest{};                                    // of its manifest
  std::vector<std::pair<std::string, std::string>> tags{};  // stylus.site.tags
};

// Rows of the store, times in milliseconds since 1970, 0 for "not yet".
struct ArmingRow {
  std::int64_t id = 0;
  std::string host{}, who{}, profile{};
  std::int64_t armed_ms = 0, ended_ms = 0;
  std::string ended_why{};
  Box box{};
};
struct AttemptRow {
  std::int64_t id = 0, arming = 0;
  std::string state{}, reason{}, detail{};  // state: running, installed, failed
  std::string report_json{};                // what the agent said at the end
  std::int64_t started_ms = 0, ended_ms = 0;
};

enum class BoxResult : std::uint8_t {
  not_taken,  // no host took this place
  armed,      // has not begun, or may try again
  running,
  installed,
  failed,    // for good
  withdrawn  // the permission ended before anything was begun
};

[[nodiscard]] std::string_view name_of(BoxResult result);

// One line of a report.
struct BoxRecord {
  std::int64_t number = 0;  // of the place in its batch; 0 outside of one
  std::string host{};       // id
  Box box{};
  std::string profile{}, armed_by{};
  std::int64_t armed_ms = 0, started_ms = 0, ended_ms = 0;  // of the attempt that counts
  std::size_t attempts = 0;
  BoxResult result = BoxResult::not_taken;
  std::string reason{}, detail{};  // of a failure, or why the permission ended
  std::string report_json{};       // of the attempt that counts
};

// What is on record, in the order in which it happened.
struct History {
  std::vector<BatchSlot> slots{};  // of the batch that was asked for
  std::vector<ArmingRow> armings{};
  std::vector<AttemptRow> attempts{};
  std::set<std::int64_t> of_other_batches{};  // armings
};

// One record a place. A host counts from its batch's arming on, with whatever a person armed
// afterwards, up to its first success or until another batch takes it.
[[nodiscard]] std::vector<BoxRecord> records_of(std::span<const BatchSlot> slots,
                                                const History& history);

// One record for each host in `history`, by its last arming.
[[nodiscard]] std::vector<BoxRecord> last_records_of(const History& history);

}  // namespace slipway::provisioning
