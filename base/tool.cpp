#include "base/tool.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <sstream>
#include <utility>

#include "base/descriptor.hpp"

namespace slipway {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// How often the clock and `cancel` are looked at; what the program says or its end come at once.
constexpr int kLookMilliseconds = 20;
// Reads in a row: a program that says more and more must not keep us from looking at the clock.
constexpr int kReads = 32;

// One output of the program: our end does not block.
struct Pipe {
  Descriptor ours, its;

  static Fallible<Pipe> make() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno("making a pipe", errno);
    Pipe pipe{Descriptor(ends[0]), Descriptor(ends[1])};
    if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return fail_errno("making a pipe", errno);
    return pipe;
  }

  // Hands what there is to `take`; closes our end when there will be no more.
  template <class Take>
  void read(const Take& take) {
    std::array<char, 65536> buffer;
    for (int reads = 0; reads < kReads; ++reads) {
      const auto octets = ::read(ours.get(), buffer.data(), buffer.size());
      if (octets > 0) {
        take(std::string_view(buffer.data(), static_cast<std::size_t>(octets)));
        continue;
      }
      if (octets < 0 && errno == EINTR) continue;
      if (octets == 0 || errno != EAGAIN) ours.close();
      return;
    }
  }
};

// What posix_spawn() is told, beside the program.
class Spawning {
 public:
  Spawning(const ToolCall& call, int out, int trouble) {
    posix_spawn_file_actions_init(&actions_);
    if (call.input >= 0) {
      posix_spawn_file_actions_adddup2(&actions_, call.input, STDIN_FILENO);
    } else {
      posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    }
    posix_spawn_file_actions_adddup2(&actions_, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, trouble, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    posix_spawn_file_actions_addchdir_np(&actions_, call.folder.c_str());
    sigset_t signals;
    posix_spawnattr_init(&attributes_);
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    sigaddset(&signals, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  Spawning(const Spawning&) = delete;
  Spawning& operator=(const Spawning&) = delete;
  ~Spawning() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }

  Fallible<pid_t> start(const fs::path& program, std::vector<std::string> arguments) {
    std::vector<std::string> variables = {"LC_ALL=C"};
    for (char** each = environ; *each != nullptr; ++each) {
      if (!std::string_view(*each).starts_with("LC_ALL=")) variables.emplace_back(*each);
    }
    pid_t child = -1;
    const int failure = ::posix_spawn(&child, program.c_str(), &actions_, &attributes_,
                                      pointers(arguments).data(), pointers(variables).data());
    if (failure != 0) return fail_errno("starting " + program.native(), failure);
    return child;
  }

 private:
  static std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> list;
    for (auto& text : texts) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
  }

  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

// A program that runs. Its number stays its own until it is reaped, which reap() does.
class Child {
 public:
  // Without pidfd (Linux 5.3) its end is seen at the next look. Debian 12's <sys/pidfd.h> is not
  // for C++.
  explicit Child(pid_t number)
      : number_(number), handle_(static_cast<int>(::syscall(SYS_pidfd_open, number, 0))) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (number_ > 0) (void)reap();
  }

  [[nodiscard]] int handle() const { return handle_.get(); }  // readable when it has ended
  [[nodiscard]] bool ended() const {
    siginfo_t info{};
    const int done =
        ::waitid(P_PID, static_cast<id_t>(number_), &info, WEXITED | WNOHANG | WNOWAIT);
    return done == 0 && info.si_pid == number_;
  }

  // Kills what is left of its group and gives its wait status.
  int reap() {
    ::kill(-number_, SIGKILL);
    int status = 0;
    while (::waitpid(number_, &status, 0) < 0 && errno == EINTR) {
    }
    number_ = -1;
    return status;
  }

 private:
  pid_t number_;
  Descriptor handle_;
};

struct Outputs {
  Pipe out, trouble;
};

void keep(const ToolCall& call, Outputs& outputs, ToolResult& result) {
  outputs.out.read([&](std::string_view text) {
    const auto room = call.output_octets - result.out.size();
    result.out += text.substr(0, room);
    result.cut = result.cut || text.size() > room;
  });
  outputs.trouble.read([&](std::string_view text) {
    result.trouble += text;
    if (result.trouble.size() > call.output_octets) {
      result.trouble.erase(0, result.trouble.size() - call.output_octets);
    }
  });
}

// Reads until the program ends; what it left in the pipes is read as well.
Fallible<void> follow(const ToolCall& call, const Child& child, Outputs& outputs,
                      ToolResult& result) {
  const auto& name = call.arguments.front();
  const auto deadline = Clock::now() + call.patience;
  for (bool ended = false; !ended;) {
    std::array<pollfd, 3> news{{{outputs.out.ours.get(), POLLIN, 0},
                                {outputs.trouble.ours.get(), POLLIN, 0},
                                {child.handle(), POLLIN, 0}}};
    (void)::poll(news.data(), news.size(), kLookMilliseconds);  // EINTR: looked at once more
    ended = child.ended();
    keep(call, outputs, result);
    if (ended) break;
    if (call.cancel != nullptr && *call.cancel) return fail(name + " was cancelled");
    if (Clock::now() >= deadline) {
      const auto seconds = std::chrono::duration<double>(call.patience).count();
      std::ostringstream text;
      text << name << " was not done within " << seconds << " s and was killed";
      return fail(text.str());
    }
  }
  return {};
}

bool is_program(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

std::optional<fs::path> find_tool(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    return is_program(name) ? std::optional<fs::path>(name) : std::nullopt;
  }
  const char* path = std::getenv("PATH");  // set once, by who started this program
  std::istringstream folders(std::string(path == nullptr ? "/bin:/usr/bin" : path) +
                             ":/usr/sbin:/sbin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    auto place = fs::path(folder) / name;
    if (place.is_absolute() && is_program(place)) return place;
  }
  return std::nullopt;
}

Fallible<ToolResult> call_tool(const ToolCall& call) {
  const auto& name = call.arguments.front();
  const auto program = find_tool(name);
  if (!program) return fail("there is no program " + name + " here");
  auto out = Pipe::make();
  if (!out) return std::unexpected(out.error());
  auto trouble = Pipe::make();
  if (!trouble) return std::unexpected(trouble.error());
  Outputs outputs{std::move(*out), std::move(*trouble)};
  const auto started = Spawning(call, outputs.out.its.get(), outputs.trouble.its.get())
                           .start(*program, call.arguments);
  if (!started) return std::unexpected(started.error());
  outputs.out.its.close();
  outputs.trouble.its.close();

  Child child(*started);
  ToolResult result;
  const auto done = follow(call, child, outputs, result);
  const int status = child.reap();
  if (!done) return std::unexpected(done.error());
  if (WIFSIGNALED(status)) {
    return fail(name + " was killed by signal " + std::to_string(WTERMSIG(status)));
  }
  result.code = WEXITSTATUS(status);
  return result;
}

Fallible<std::string> run_tool(const ToolCall& call) {
  auto result = call_tool(call);
  if (!result) return std::unexpected(result.error());
  const auto& name = call.arguments.front();
  if (result->code != 0) {
    return fail(name + " ended with code " + std::to_string(result->code) + ": " +
                last_line(result->trouble));
  }
  if (result->cut) {
    return fail(name + " said more than " + std::to_string(call.output_octets) + " octets");
  }
  return std::move(result->out);
}

Fallible<std::string> run_tool(const std::vector<std::string>& arguments, const fs::path& folder) {
  return run_tool(ToolCall{.arguments = arguments, .folder = folder});
}

std::string last_line(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace slipway
