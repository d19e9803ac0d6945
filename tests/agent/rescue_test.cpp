#include "agent/rescue.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "agent/initramfs/scripts.hpp"
#include "tests/agent/fake_root.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::agent;
using slipway::test::FakeRoot;

namespace {

// A terminal whose other end a person holds.
class Terminal {
 public:
  Terminal() : master_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    REQUIRE(master_ >= 0);
    REQUIRE(::grantpt(master_) == 0);
    REQUIRE(::unlockpt(master_) == 0);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() { ::close(master_); }

  [[nodiscard]] std::string name() const { return ::ptsname(master_); }
  void type(const std::string& text) const {
    REQUIRE(::write(master_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  // What is shown until `end` is, or for 10 s.
  [[nodiscard]] std::string shown_until(const std::string& end) const {
    std::string text;
    char part[512];
    pollfd wish{master_, POLLIN, 0};
    while (text.find(end) == std::string::npos && ::poll(&wish, 1, 10'000) > 0) {
      const auto octets = ::read(master_, part, sizeof(part));
      if (octets <= 0) break;
      text.append(part, static_cast<std::size_t>(octets));
    }
    return text;
  }

 private:
  int master_;
};

pid_t number_after(const std::string& text, const std::string& word) {
  const auto at = text.rfind(word);
  return at == std::string::npos ? 0 : std::atoi(text.c_str() + at + word.size());
}

}  // namespace

TEST_CASE("a shell opens on the console, and close() ends all that came of it", "[agent][rescue]") {
  Terminal terminal;
  FakeRoot root;
  root.file("sys/class/tty/console/active", "tty0\n");
  root.link("dev/tty0", terminal.name());
  RescueShell shell(root.path(), {"/bin/sh", "-i"});
  shell.open();
  terminal.type("setsid sleep 1000 & echo pid=$! me=$$ end=$((40+2))\n");
  const auto shown = terminal.shown_until("end=42");
  REQUIRE_THAT(shown, ContainsSubstring("end=42"));
  const auto sleeper = number_after(shown, "pid="), leader = number_after(shown, "me=");
  REQUIRE(sleeper > 1);
  REQUIRE(leader > 1);
  CHECK(::kill(leader, 0) == 0);
  CHECK(shell.close());
  CHECK(::kill(leader, 0) != 0);
  CHECK(::kill(sleeper, 0) != 0);  // it had left the shell's session
}

TEST_CASE("closing what is not open does nothing", "[agent][rescue]") {
  FakeRoot root;
  RescueShell shell(root.path(), {"/bin/sh"});
  CHECK(shell.close());
}

TEST_CASE("the installer itself opens no shell to whoever stands at the console",
          "[agent][rescue]") {
  const std::string init(kInitScript);
  for (const auto* word : {"getty", "cttyhack", "setsid", "/bin/sh", "login", "askfirst"}) {
    INFO(word);
    CHECK(init.find(word) == std::string::npos);
  }
  // The agent's terminal is none: no key of the console is a signal to it.
  CHECK_THAT(init, ContainsSubstring("/bin/slipway-agent < /dev/null"));
}
