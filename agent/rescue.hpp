// agent/rescue.hpp -- a root shell on the host's consoles, while the server says so.
//
// The only place of the installer that starts a shell. It never runs beside a write: close() ends
// the shells and everything that was started from them, also what took itself out of their
// sessions, and returns only when nothing of it is left.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace slipway::agent {

class RescueShell {
 public:
  // `arguments` is the shell: {"/bin/busybox", "sh"}. Consoles are those of ROOT's kernel.
  RescueShell(std::filesystem::path root, std::vector<std::string> arguments);
  RescueShell(const RescueShell&) = delete;
  RescueShell& operator=(const RescueShell&) = delete;
  ~RescueShell();

  // One shell on each console. Those that are open are closed first.
  void open();

  // Ends them; nothing when none is open. False when a process could not be ended within 10 s (it
  // hangs in the kernel, on a broken disk for example): nothing may be written then.
  [[nodiscard]] bool close();

 private:
  [[nodiscard]] pid_t start(const std::filesystem::path& terminal) const;

  std::filesystem::path root_;
  std::vector<std::string> arguments_;
  bool open_ = false;
};

}  // namespace slipway::agent
