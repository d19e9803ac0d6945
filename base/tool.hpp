// base/tool.hpp -- runs a program of the distribution, without a shell, and waits for it.
//
// Bounded in time and in what it may say. The program gets no descriptor of ours but its three
// (standard input is /dev/null unless it is given), speaks English (LC_ALL=C), and leads a process
// group of its own: when it has ended or its time is up, what is left of the group is killed.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace slipway {

struct ToolCall {
  std::vector<std::string> arguments;  // [0]: a name (see find_tool()) or a path
  std::filesystem::path folder = "/";  // where it runs
  std::chrono::milliseconds patience = std::chrono::minutes(10);  // then it is killed
  std::size_t output_octets = std::size_t{1} << 20;  // that are kept of each of its two outputs
  int input = -1;                                    // becomes its standard input; -1: /dev/null
  const std::atomic<bool>* cancel = nullptr;  // set from any thread to kill it; nullptr: never
};

struct ToolResult {
  int code = 0;         // exit status, 0..255
  std::string out;      // standard output from its start
  bool cut = false;     // it said more than `output_octets` on its standard output
  std::string trouble;  // the end of its standard error
};

// Where the program `name` is: in the folders of PATH, or else in /usr/sbin or /sbin, which a plain
// user's PATH lacks. A name with a '/' is taken as it is. nullopt when there is no such program.
[[nodiscard]] std::optional<std::filesystem::path> find_tool(const std::string& name);

// Runs it to its end, whatever its exit status. Fails when there is no such program, when it cannot
// be started, is killed by a signal, is not done within its time, or was cancelled.
[[nodiscard]] Fallible<ToolResult> call_tool(const ToolCall& call);

// The same for a program that must succeed: gives its standard output, whole. Fails besides when
// its exit status is not 0 (the error carries the last line of its standard error) or when it said
// more than is kept.
[[nodiscard]] Fallible<std::string> run_tool(const ToolCall& call);
[[nodiscard]] Fallible<std::string> run_tool(const std::vector<std::string>& arguments,
                                             const std::filesystem::path& folder = "/");

// The last line of `text` that is not empty.
[[nodiscard]] std::string last_line(std::string text);

}  // namespace slipway
