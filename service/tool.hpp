// service/tool.hpp -- runs a program of the distribution and waits for it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace slipway::service {

// Runs `arguments[0]` (looked up in PATH and in /usr/sbin) in `folder`, without a shell, and gives
// what it wrote to standard output. Fails when it cannot be started, is killed, or ends with other
// than 0; the error then carries the last line of its standard error.
[[nodiscard]] Fallible<std::string> run_tool(const std::vector<std::string>& arguments,
                                             const std::filesystem::path& folder = "/");

// A folder of its own below the system's temporary folder, removed with all that is in it.
class TemporaryFolder {
 public:
  [[nodiscard]] static Fallible<TemporaryFolder> make();
  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace slipway::service
