// provisioning/agent_json.hpp -- bodies of the agent protocol, read and bounded. Pure.
//
// What an agent says is a stranger's word: unknown members are dropped, texts are cut and cleaned
// of control characters.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "provisioning/installs.hpp"
#include "provisioning/sessions.hpp"

namespace slipway::provisioning {

struct ProgressBody {
  std::int64_t attempt = 0;
  Progress progress{};
};

// Each fails with a sentence that names the member.
[[nodiscard]] Fallible<AgentHello> read_hello(std::string_view body);
// The inventory as JSON with the members that we know, at most 32 network cards and 128 disks.
[[nodiscard]] Fallible<std::string> read_inventory(std::string_view body);
[[nodiscard]] Fallible<ProgressBody> read_progress(std::string_view body);
[[nodiscard]] Fallible<std::vector<std::string>> read_log_lines(std::string_view body);
[[nodiscard]] Fallible<AttemptReport> read_result(std::string_view body);
// What an installer of others posts: {"state":"installed"} or {"state":"failed","reason":"…"}. Its
// reason is a sentence of its own and becomes the detail of installer-failed.
[[nodiscard]] Fallible<AttemptReport> read_call_back(std::string_view body);

}  // namespace slipway::provisioning
