// tests/support/log_capture.hpp -- what a test's subject logs.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <sstream>
#include <string>
#include <vector>

#include "base/descriptor.hpp"
#include "base/log.hpp"
#include "tests/support/catch.hpp"

namespace slipway::test {

// What the log says while it lives: standard error goes to a file in memory.
class LogCapture {
 public:
  LogCapture() : file_(::memfd_create("log", MFD_CLOEXEC)), before_(::dup(STDERR_FILENO)) {
    REQUIRE(file_.get() >= 0);
    REQUIRE(::dup2(file_.get(), STDERR_FILENO) == STDERR_FILENO);
    log::set_level(log::Level::info);
  }
  ~LogCapture() {
    ::dup2(before_.get(), STDERR_FILENO);
    log::set_level(log::Level::error);
  }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  // The lines with `event`, in order.
  [[nodiscard]] std::vector<std::string> lines(const std::string& event) const {
    std::string text(1U << 20U, '\0');
    const auto got = ::pread(file_.get(), text.data(), text.size(), 0);
    REQUIRE(got >= 0);
    text.resize(static_cast<std::size_t>(got));
    std::vector<std::string> found;
    std::istringstream all(text);
    for (std::string line; std::getline(all, line);) {
      if (line.find("event=" + event + " ") != std::string::npos) found.push_back(line);
    }
    return found;
  }

 private:
  Descriptor file_, before_;
};

}  // namespace slipway::test
