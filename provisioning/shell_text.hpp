// provisioning/shell_text.hpp -- where in a shell script a value would stand, and its form there.
//
// Follows quotes, command substitutions, comments and here-documents of the text that went before.
// The forms read the same in sh, bash and Python's shlex (which reads kickstart commands): a value
// is single-quoted, closing and reopening the quotes around it. Where that is impossible (nested
// substitutions, here-documents, back quotes), only values that need no quoting are taken.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::provisioning {

class ShellText {
 public:
  // `by_line`: shlex, where each line stands for itself and there is nothing but quotes.
  explicit ShellText(bool by_line) : by_line_(by_line) {}

  void literal(char c);
  // The form of `value`, a text of one line; nullopt where it cannot stand. A masked value
  // stands anywhere.
  [[nodiscard]] std::optional<std::string> form(std::string_view value, bool masked) const;
  // Says that `form` was written.
  void wrote(std::string_view form);

 private:
  struct Heredoc {
    std::string end;
    bool strips_tabs = false;
  };
  void quoted(char c);
  void unquoted(char c);
  void end_line();
  void note_heredoc();
  [[nodiscard]] bool at_word_start() const;
  [[nodiscard]] bool after_variable() const;
  [[nodiscard]] char before(std::size_t back) const;

  bool by_line_;
  std::vector<char> open_;  // what is open, outermost first: ' " ( {
  std::deque<Heredoc> heredocs_;
  std::string line_;  // of the text so far
  bool escaped_ = false;
  bool comment_ = false;
  bool whole_line_comment_ = false;
  bool opaque_ = false;                     // something that we do not follow was seen
  std::vector<std::size_t> heredoc_marks_;  // where << stands in line_
};

}  // namespace slipway::provisioning
