#include "provisioning/shell_text.hpp"

#include <algorithm>

namespace slipway::provisioning {
namespace {

bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Characters without a meaning to any shell wherever they stand.
bool needs_no_quotes(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return is_word_char(c) || std::string_view("@+:./-").find(c) != std::string_view::npos;
  });
}

// The value for the inside of '...'.
std::string inside_single(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\'' ? std::string("'\"'\"'") : std::string(1, c);
  return out;
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

}  // namespace

void ShellText::literal(char c) {
  if (c == '\n') return end_line();
  if (heredocs_.empty() && !comment_) {
    if (escaped_) {
      escaped_ = false;
      line_ += '\0';  // whatever it was, it has no meaning to what follows
      return;
    }
    if (!open_.empty() && open_.back() != '(') {
      quoted(c);
    } else {
      unquoted(c);
    }
  }
  line_ += c;
}

void ShellText::quoted(char c) {
  const char top = open_.back();
  if (top == '\'') {
    if (c == '\'') open_.pop_back();
  } else if (c == '\\') {
    escaped_ = true;
  } else if (c == '`' || (top == '{' && (c == '"' || c == '\''))) {
    opaque_ = opaque_ || !by_line_;
  } else if (c == (top == '{' ? '}' : '"')) {
    open_.pop_back();
  } else if (!by_line_ && before(1) == '$' && (c == '(' || c == '{')) {
    open_.push_back(c);
  }
}

void ShellText::unquoted(char c) {
  const bool inside = !open_.empty();
  if (c == '\\') {
    escaped_ = true;
  } else if (c == '\'' || c == '"') {
    opaque_ = opaque_ || (!by_line_ && before(1) == '$');  // $'...' has escapes of its own
    open_.push_back(c);
  } else if (c == '#' && at_word_start()) {
    whole_line_comment_ = std::ranges::all_of(line_, is_blank);
    comment_ = true;
    opaque_ = opaque_ || inside;
  } else if (by_line_) {
    return;
  } else if (c == '`') {
    opaque_ = true;
  } else if ((c == '(' && (inside || before(1) == '$')) || (c == '{' && before(1) == '$')) {
    open_.push_back(c);
  } else if (c == ')' && inside) {
    open_.pop_back();
  } else if (c == '<' && before(1) == '<') {
    note_heredoc();
  } else if (is_blank(c) && inside && line_.ends_with("case")) {
    opaque_ = true;  // its patterns have a parenthesis that none opens
  }
}

// `<<` begins a here-document, `<<<` does not.
void ShellText::note_heredoc() {
  if (before(2) == '<') {
    if (!heredoc_marks_.empty()) heredoc_marks_.pop_back();
  } else {
    heredoc_marks_.push_back(line_.size() + 1);
  }
}

void ShellText::end_line() {
  if (!heredocs_.empty()) {
    auto line = std::string_view(line_);
    if (heredocs_.front().strips_tabs) {
      line.remove_prefix(std::min(line.find_first_not_of('\t'), line.size()));
    }
    if (line.ends_with('\\')) opaque_ = true;  // joins lines, and so may hide the end
    if (line == heredocs_.front().end) heredocs_.pop_front();
  }
  for (const auto at : heredoc_marks_) {
    auto rest = std::string_view(line_).substr(at);
    const bool strips = rest.starts_with('-');
    if (strips) rest.remove_prefix(1);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    std::string word;
    for (const char c : rest.substr(0, rest.find_first_of(" \t;|&<>()"))) {
      if (c != '\'' && c != '"') word += c;
    }
    heredocs_.push_back({word, strips});
  }
  heredoc_marks_.clear();
  line_.clear();
  comment_ = whole_line_comment_ = escaped_ = false;
  if (by_line_) open_.clear();
}

char ShellText::before(std::size_t back) const {
  return line_.size() < back ? '\n' : line_[line_.size() - back];
}

bool ShellText::at_word_start() const {
  return std::string_view(" \t\n;&|(").find(before(1)) != std::string_view::npos;
}

// Behind `$` or `$NAME`: letters would lengthen the variable's name.
bool ShellText::after_variable() const {
  if (by_line_) return false;
  const auto end = std::find_if_not(line_.rbegin(), line_.rend(), is_word_char);
  return end != line_.rend() && *end == '$';
}

std::optional<std::string> ShellText::form(std::string_view value, bool masked) const {
  const bool in_single = heredocs_.empty() && open_.size() == 1 && open_.back() == '\'';
  if (escaped_) return std::nullopt;
  if (whole_line_comment_) return std::string(value);
  const bool simple = heredocs_.empty() && !comment_ && !opaque_ && open_.size() <= 1 &&
                      (open_.empty() || open_.back() == '\'' || open_.back() == '"');
  const bool may_end = !heredocs_.empty() && !value.empty() &&
                       heredocs_.front().end.find(value) != std::string::npos;
  if (may_end) return std::nullopt;
  if (!simple) {
    const bool plain = (needs_no_quotes(value) && !after_variable()) || masked;
    return plain ? std::optional(std::string(value)) : std::nullopt;
  }
  if (in_single) return inside_single(value);
  if (before(1) == '$' && !by_line_) return std::nullopt;
  const bool bare = needs_no_quotes(value) && !after_variable();
  if (open_.empty())
    return bare && !value.empty() ? std::string(value) : "'" + inside_single(value) + "'";
  return bare ? std::string(value) : "\"'" + inside_single(value) + "'\"";
}

void ShellText::wrote(std::string_view form) {
  // What was written ends as it began; only the last character may matter to what follows.
  line_ += form;
}

}  // namespace slipway::provisioning
