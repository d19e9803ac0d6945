#include "service/tool.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <utility>

namespace slipway::service {
namespace {

namespace fs = std::filesystem;

// Where a tool's output goes; removed at the end. Files, because two pipes would need a poll loop.
struct Output {
  TemporaryFolder folder;
  [[nodiscard]] fs::path standard() const { return folder.path() / "out"; }
  [[nodiscard]] fs::path error() const { return folder.path() / "err"; }
};

std::string read_all(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string last_line(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

// PATH of a plain user has no sbin, where depmod lives.
std::string program(const std::string& name) {
  const auto in_sbin = fs::path("/usr/sbin") / name;
  return name.find('/') == std::string::npos && fs::exists(in_sbin) ? in_sbin.native() : name;
}

Fallible<pid_t> start(const std::vector<std::string>& arguments, const fs::path& folder,
                      const Output& output) {
  std::vector<std::string> texts = arguments;
  std::vector<char*> pointers;
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC;
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.standard().c_str(), kFlags,
                                   0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, output.error().c_str(), kFlags, 0600);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  pid_t child = -1;
  const int failure = ::posix_spawnp(&child, program(arguments.front()).c_str(), &actions, nullptr,
                                     pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) return fail_errno("starting " + arguments.front(), failure);
  return child;
}

Fallible<int> wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return fail_errno("waiting for a child process", errno);
  }
  return status;
}

}  // namespace

Fallible<std::string> run_tool(const std::vector<std::string>& arguments, const fs::path& folder) {
  auto scratch = TemporaryFolder::make();
  if (!scratch) return std::unexpected(scratch.error());
  const Output output{std::move(*scratch)};
  const auto child = start(arguments, folder, output);
  if (!child) return std::unexpected(child.error());
  const auto status = wait_for(*child);
  if (!status) return std::unexpected(status.error());
  if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0) return read_all(output.standard());
  const std::string how = WIFEXITED(*status)
                              ? "ended with code " + std::to_string(WEXITSTATUS(*status))
                              : "was killed by signal " + std::to_string(WTERMSIG(*status));
  return fail(arguments.front() + " " + how + ": " + last_line(read_all(output.error())));
}

Fallible<TemporaryFolder> TemporaryFolder::make() {
  std::error_code error;
  std::string name = fs::temp_directory_path(error) / "slipway-XXXXXX";
  if (error || ::mkdtemp(name.data()) == nullptr) return fail_errno("making " + name, errno);
  return TemporaryFolder(name);
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;  // what cannot be removed is left to the system's own cleaning of /tmp
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

}  // namespace slipway::service
