#include "agent/rescue.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <csignal>
#include <sstream>
#include <thread>

#include "agent/text_file.hpp"

namespace slipway::agent {
namespace {

namespace fs = std::filesystem;

// The parent of process `pid`; 0 when it is gone. "PID (NAME) STATE PARENT ...", and a name may
// hold anything.
pid_t parent_of(const fs::path& folder) {
  const auto text = read_text(folder / "stat");
  const auto end = text.rfind(')');
  if (end == std::string::npos) return 0;
  std::istringstream rest(text.substr(end + 1));
  std::string state;
  pid_t parent = 0;
  rest >> state >> parent;
  return parent;
}

// Children of this process, by /proc: what their own children leave behind becomes ours, because
// we are their subreaper.
std::vector<pid_t> children() {
  std::vector<pid_t> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const auto name = entry.path().filename().string();
    pid_t pid = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (bad != std::errc() || end != name.data() + name.size()) continue;
    if (parent_of(entry.path()) == ::getpid()) found.push_back(pid);
  }
  return found;
}

// In the child, between fork and exec: only calls that are safe there.
[[noreturn]] void become(const char* terminal, char* const* arguments) {
  (void)::setsid();  // a child of a fork leads no group, so it cannot fail
  const int console = ::open(terminal, O_RDWR);
  if (console < 0) ::_exit(127);
  (void)::ioctl(console, TIOCSCTTY, 0);  // without job control it is a shell all the same
  for (int standard = 0; standard <= 2; ++standard) (void)::dup2(console, standard);
  ::closefrom(3);
  ::execv(arguments[0], arguments);
  ::_exit(127);
}

}  // namespace

RescueShell::RescueShell(fs::path root, std::vector<std::string> arguments)
    : root_(std::move(root)), arguments_(std::move(arguments)) {}

RescueShell::~RescueShell() {
  (void)close();  // there is nobody left to tell
}

pid_t RescueShell::start(const fs::path& terminal) const {
  auto words = arguments_;
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const auto path = terminal.string();
  const pid_t pid = ::fork();
  if (pid == 0) become(path.c_str(), pointers.data());
  return pid;
}

void RescueShell::open() {
  if (!close()) return;
  open_ = true;
  (void)::prctl(PR_SET_CHILD_SUBREAPER, 1);  // Linux 3.4
  std::istringstream names(read_text(root_ / "sys/class/tty/console/active"));
  for (std::string name; names >> name;) (void)start(root_ / "dev" / name);
}

bool RescueShell::close() {
  if (!open_) return true;
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::seconds(10);
  while (Clock::now() < deadline) {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    const auto left = children();
    if (left.empty()) {
      open_ = false;
      return true;
    }
    for (const auto pid : left) (void)::kill(pid, SIGKILL);  // it may have ended by itself
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace slipway::agent
