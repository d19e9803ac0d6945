// provisioning/store_batches.hpp -- the steps of batches, and of what reports are made from.
//
// Part of store.hpp's list of steps; carried out in store_batches.cpp.
#pragma once

#include <cstdint>
#include <string>

#include "provisioning/batch.hpp"
#include "provisioning/box.hpp"

namespace slipway::provisioning {

struct AddBatch {
  Batch batch{};
  std::int64_t remaining_seconds = 0;  // from `steady` on
  TimePoint steady{};
};
// A host takes a place, or what was foreseen for it: fails unless the batch is open and the place
// free (SG6).
struct ClaimSlot {
  std::string batch{};
  std::int64_t number = 0;
  std::string host{};
  std::int64_t arming = 0, at_ms = 0;
};
struct CloseBatch {  // fails when it is closed already
  std::string batch{}, who{};
  std::int64_t at_ms = 0;
};
// What is kept of the machine that `arming` arms; a later one replaces it.
struct KeepBox {
  std::int64_t arming = 0;
  Box box{};
};

}  // namespace slipway::provisioning
