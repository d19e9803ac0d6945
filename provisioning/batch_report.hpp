// provisioning/batch_report.hpp -- records of boxes as text, CSV and JSON. Pure.
//
// Times are ISO 8601 in UTC, "2026-11-21T14:40:28Z", and empty where there is none.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "provisioning/batch.hpp"
#include "provisioning/box.hpp"

namespace slipway::provisioning {

[[nodiscard]] std::string utc_text(std::int64_t unix_ms);

// For paper: a heading, then a few lines a box. Control characters are shown as `?`.
[[nodiscard]] std::string report_text(const Batch& batch, std::span<const BoxRecord> records);

// RFC 4180, the first record names the columns; guarded against formulas (csv.hpp).
[[nodiscard]] std::string records_csv(std::span<const BoxRecord> records);

// {"batch": {...}, "boxes": [...]}
[[nodiscard]] std::string report_json(const Batch& batch, std::span<const BoxRecord> records);
// {"hosts": [...]}, the same objects.
[[nodiscard]] std::string hosts_json(std::span<const BoxRecord> records);

}  // namespace slipway::provisioning
