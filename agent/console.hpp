// agent/console.hpp -- what a person in front of the host sees, on the screen and on serial alike.
//
// Written to every console of the kernel, not to /dev/console alone, which is only the last
// `console=`. A terminal that does not take octets (a serial port whose cable is pulled) loses
// text; it never holds up the write of a disk. One thread at a time.
#pragma once

#include <deque>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.hpp"
#include "base/scheduler.hpp"

namespace slipway::agent {

class Console {
 public:
  // Opens ROOT/dev/NAME for each name in ROOT/sys/class/tty/console/active; standard error when
  // none can be opened.
  explicit Console(const std::filesystem::path& root);
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;
  ~Console();

  // One line, below the progress line if that is showing.
  void say(std::string_view text);

  // A block between two rules; for what a person must read: the waiting screen, a failure.
  void show(const std::vector<std::string>& lines);

  // Redraws the progress line in place: 5 times a second on a screen, once a second on serial,
  // whose 115200 baud would otherwise be busy with nothing else.
  void progress(const Progress& progress, TimePoint now);

  // The last lines that say() and show() wrote, drawings left out; oldest first.
  [[nodiscard]] const std::deque<std::string>& recent() const { return recent_; }

 private:
  struct Terminal {
    int descriptor = -1;
    bool serial = false;
    std::string drawn;  // the progress line that is showing
    TimePoint drawn_at{};
  };
  void put(Terminal& terminal, std::string_view text);
  void remember(const std::string& line);

  std::vector<Terminal> terminals_;
  std::deque<std::string> recent_;
};

}  // namespace slipway::agent
