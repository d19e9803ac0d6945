#include "agent/console.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <sstream>

#include "agent/text_file.hpp"

namespace slipway::agent {
namespace {

constexpr std::size_t kColumns = 79;  // the 80th would wrap on some terminals
constexpr std::string_view kClearToEnd = "\x1b[K";

bool is_screen(std::string_view name) {
  return name.starts_with("tty") && name.find_first_not_of("0123456789", 3) == name.npos;
}

}  // namespace

Console::Console(const std::filesystem::path& root) {
  std::istringstream names(read_text(root / "sys/class/tty/console/active"));
  for (std::string name; names >> name;) {
    const int descriptor =
        ::open((root / "dev" / name).c_str(), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor >= 0) terminals_.push_back({descriptor, !is_screen(name), {}, {}});
  }
  if (terminals_.empty()) terminals_.push_back({::dup(STDERR_FILENO), true, {}, {}});
}

Console::~Console() {
  for (const auto& terminal : terminals_) ::close(terminal.descriptor);
}

void Console::put(Terminal& terminal, std::string_view text) {
  constexpr int kPatienceMs = 200;  // 2 KiB at 115200 baud
  while (!text.empty()) {
    const auto written = ::write(terminal.descriptor, text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
      continue;
    }
    pollfd waiting{terminal.descriptor, POLLOUT, 0};
    if (::poll(&waiting, 1, kPatienceMs) <= 0 || (waiting.revents & POLLOUT) == 0) return;
  }
}

void Console::remember(const std::string& line) {
  constexpr std::size_t kKept = 300;
  constexpr std::string_view kBlock = "\xE2";  // how each half block begins in UTF-8
  if (line.find(kBlock) != std::string::npos) return;
  recent_.push_back(line);
  if (recent_.size() > kKept) recent_.pop_front();
}

void Console::say(std::string_view text) {
  remember(std::string(text));
  for (auto& terminal : terminals_) {
    const std::string before = terminal.drawn.empty() ? "\r" : "\n";
    terminal.drawn.clear();
    put(terminal, before + "slipway: " + std::string(text) + std::string(kClearToEnd) + "\n");
  }
}

void Console::show(const std::vector<std::string>& lines) {
  const std::string rule(60, '=');
  std::string block = "\n" + rule + "\n";
  for (const auto& line : lines) {
    block += "  " + line + "\n";
    remember(line);
  }
  block += rule + "\n";
  for (auto& terminal : terminals_) {
    terminal.drawn.clear();
    put(terminal, block);
  }
}

void Console::progress(const Progress& progress, TimePoint now) {
  using std::chrono::milliseconds;
  const auto line = progress_line(progress, kColumns);
  for (auto& terminal : terminals_) {
    const auto pause = milliseconds(terminal.serial ? 1000 : 200);
    if (now - terminal.drawn_at < pause || line == terminal.drawn) continue;
    terminal.drawn = line;
    terminal.drawn_at = now;
    put(terminal, "\r" + line + std::string(kClearToEnd));
  }
}

}  // namespace slipway::agent
