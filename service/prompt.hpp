// service/prompt.hpp -- asking a person one question after the other.
//
// At a terminal the line is edited in raw mode, and what is wrong with it stands beside it while it
// is typed. Without one (a pipe, a file) plain lines are read, one an answer, so that a dialogue
// can be scripted. The dialogue goes to standard error; standard output is for results.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "service/line_editor.hpp"

namespace slipway::service {

struct Question {
  std::string label;
  std::string initial{};   // stands there to be edited; what an empty plain line means
  bool is_hidden = false;  // what is typed is not shown
  // Why the answer is not good, in one line; empty when it is.
  std::function<std::string(const std::string&)> mistake;
};

struct Answer {
  enum class How : std::uint8_t { given, back, cancelled };
  How how = How::given;
  std::string text{};  // good, when given
  std::string why{};   // when cancelled: what to tell the person
};

class Prompt {
 public:
  virtual ~Prompt() = default;
  // Asks until the answer is good. Plain lines are not asked again: a bad one cancels.
  [[nodiscard]] virtual Answer ask(const Question& question) = 0;

  // For this process's standard input: a terminal's settings are changed until the prompt dies,
  // and are restored whatever ends the process short of SIGKILL.
  [[nodiscard]] static std::unique_ptr<Prompt> open();
};

// What a terminal of so many columns is sent to show the line with its mistake and its cursor.
[[nodiscard]] std::string drawn(const Question& question, const LineEditor& line,
                                std::size_t columns);

}  // namespace slipway::service
