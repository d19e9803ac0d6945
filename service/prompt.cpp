#include "service/prompt.hpp"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>

namespace slipway::service {
namespace {

constexpr std::string_view kPasteOn = "\x1B[?2004h";
constexpr std::string_view kPasteOff = "\x1B[?2004l";
constexpr std::array kEndings{SIGINT, SIGTERM, SIGHUP, SIGQUIT};

void send(std::string_view text) {
  while (!text.empty()) {
    const auto done = ::write(STDERR_FILENO, text.data(), text.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return;  // the terminal is gone; reading will say so
    text.remove_prefix(static_cast<std::size_t>(done));
  }
}

// For the signal handler, which can reach nothing else.
termios former_settings{};

// Only calls that POSIX allows in a handler.
void restore() {
  (void)::write(STDERR_FILENO, kPasteOff.data(), kPasteOff.size());
  (void)::tcsetattr(STDIN_FILENO, TCSADRAIN, &former_settings);
}

extern "C" void restore_and_end(int number) {
  restore();
  (void)::raise(number);  // its action is the default again (SA_RESETHAND)
}

// The terminal gives every key at once, without echo, ^C as a key too.
class RawTerminal {
 public:
  RawTerminal() {
    (void)::tcgetattr(STDIN_FILENO, &former_settings);  // it is a terminal: open() asked
    struct sigaction action{};
    action.sa_handler = restore_and_end;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    for (std::size_t i = 0; i < kEndings.size(); ++i) {
      (void)::sigaction(kEndings[i], &action, &former_actions_[i]);
    }
    auto raw = former_settings;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG | IEXTEN);
    raw.c_iflag &= ~static_cast<tcflag_t>(ICRNL | IXON);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    (void)::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    send(kPasteOn);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  ~RawTerminal() {
    restore();
    for (std::size_t i = 0; i < kEndings.size(); ++i) {
      (void)::sigaction(kEndings[i], &former_actions_[i], nullptr);
    }
  }

 private:
  std::array<struct sigaction, kEndings.size()> former_actions_{};
};

std::size_t columns() {
  constexpr std::size_t kUsual = 80;
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsual;
  return size.ws_col;
}

class TerminalPrompt : public Prompt {
 public:
  Answer ask(const Question& question) override {
    LineEditor line(question.initial);
    while (true) {
      edit(question, line);
      if (line.status() != LineEditor::Status::accepted) break;
      if (question.mistake(line.text()).empty()) break;
      send("\a");  // the line says what is wrong
      line.go_on();
    }
    send("\r\n");
    switch (line.status()) {
      case LineEditor::Status::accepted: return {.text = line.text()};
      case LineEditor::Status::back: return {.how = Answer::How::back};
      default: return {.how = Answer::How::cancelled, .why = "cancelled"};
    }
  }

 private:
  void edit(const Question& question, LineEditor& line) {
    while (line.status() == LineEditor::Status::editing) {
      send(drawn(question, line, columns()));
      if (unread_.empty() && !read_more()) unread_ = "\x03";
      unread_.erase(0, line.feed(unread_));
    }
    send(drawn(question, line, columns()));
  }

  bool read_more() {
    std::array<char, 1024> octets{};
    ssize_t done = -1;
    do {
      done = ::read(STDIN_FILENO, octets.data(), octets.size());
    } while (done < 0 && errno == EINTR);
    if (done <= 0) return false;  // the terminal is gone
    unread_.assign(octets.data(), static_cast<std::size_t>(done));
    return true;
  }

  RawTerminal raw_;
  std::string unread_;  // typed ahead, or pasted for the next questions
};

class LinesPrompt : public Prompt {
 public:
  Answer ask(const Question& question) override {
    std::string text;
    ++line_;
    const auto where = "line " + std::to_string(line_) + " (" + question.label + "): ";
    if (!std::getline(std::cin, text)) {
      return {.how = Answer::How::cancelled, .why = where + "the input ended before it"};
    }
    if (text.ends_with('\r')) text.pop_back();
    if (text.empty()) text = question.initial;
    auto mistake = question.mistake(text);
    if (!mistake.empty()) return {.how = Answer::How::cancelled, .why = where + mistake};
    return {.text = std::move(text)};
  }

 private:
  unsigned line_ = 0;
};

}  // namespace

std::unique_ptr<Prompt> Prompt::open() {
  if (::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1) {
    return std::make_unique<TerminalPrompt>();
  }
  return std::make_unique<LinesPrompt>();
}

std::string drawn(const Question& question, const LineEditor& line, std::size_t columns) {
  constexpr std::string_view kClear = "\r\x1B[K";
  constexpr std::string_view kKeepCursor =
      "\x1B"
      "7";
  constexpr std::string_view kBackToCursor =
      "\x1B"
      "8";
  std::size_t room = columns - 1;  // the last column would wrap
  const auto take = [&room](std::string_view text, bool from_end) {
    const auto part = from_end ? last_characters(text, room) : first_characters(text, room);
    room -= characters(part);
    return std::string(part);
  };
  std::string out(kClear);
  out += take(first_characters(question.label + ": ", columns / 2), false);
  if (!question.is_hidden) out += take(line.before_cursor(), true);
  out += kKeepCursor;
  if (!question.is_hidden) out += take(line.after_cursor(), false);
  const auto mistake = question.mistake(line.text());
  const auto verdict = mistake.empty() ? std::string("  ok") : "  <- " + mistake;
  out += mistake.empty() ? "\x1B[32m" : "\x1B[31m";
  out += take(verdict, false);
  return out + "\x1B[0m" + std::string(kBackToCursor);
}

}  // namespace slipway::service
