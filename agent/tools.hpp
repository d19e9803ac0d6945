// agent/tools.hpp -- the distribution's programs as the agent runs them; tests put their own here.
#pragma once

#include <functional>
#include <string>

#include "agent/failure.hpp"
#include "base/tool.hpp"

namespace slipway::agent {

struct Tools {
  std::function<bool(const std::string&)> has = [](const std::string& name) {
    return find_tool(name).has_value();
  };
  std::function<Fallible<ToolResult>(const ToolCall&)> run = call_tool;
};

// For a plan that needs the program `name`; `why` says for what, `remedy` how it gets there.
[[nodiscard]] inline Failure tool_missing(const std::string& name, const std::string& why,
                                          const std::string& remedy) {
  return {"tool-missing", "The installer has no " + name + ", and " + why + "; " + remedy + "."};
}

}  // namespace slipway::agent
