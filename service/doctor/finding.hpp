// service/doctor/finding.hpp -- what `slipway doctor` says: one line a thing that was looked at.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::service {

struct Finding {
  enum class Level : std::uint8_t { ok, warning, error };

  Level level = Level::ok;
  std::string name{};    // kebab-case; what was looked at or found: "another-proxy"
  std::string text{};    // what was seen
  std::string remedy{};  // what to do, beginning with a verb; empty when all is well
};
using Findings = std::vector<Finding>;

[[nodiscard]] constexpr std::string_view name_of(Finding::Level level) {
  switch (level) {
    case Finding::Level::ok: return "ok";
    case Finding::Level::warning: return "warning";
    case Finding::Level::error: return "error";
  }
  return {};
}

// "warning another-proxy: sentence; remedy".
[[nodiscard]] inline std::string line_of(const Finding& finding) {
  auto line = std::string(name_of(finding.level)) + " " + finding.name + ": " + finding.text;
  return finding.remedy.empty() ? line : line + "; " + finding.remedy;
}

}  // namespace slipway::service
