#include "service/line_editor.hpp"

#include <algorithm>
#include <utility>

#include "provisioning/yaml.hpp"

namespace slipway::service {
namespace {

constexpr char kEscape = '\x1B';
constexpr std::size_t kLongestEscape = 16;
constexpr std::size_t kLongestText = 64 << 10U;  // octets; what a secret's file may hold

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80; }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7F'; }

std::size_t length_by_lead(char c) {
  const auto lead = static_cast<unsigned char>(c);
  return lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
}

}  // namespace

LineEditor::LineEditor(std::string text) : text_(std::move(text)), cursor_(text_.size()) {}

std::string_view LineEditor::before_cursor() const {
  return std::string_view(text_).substr(0, cursor_);
}

std::string_view LineEditor::after_cursor() const {
  return std::string_view(text_).substr(cursor_);
}

std::size_t LineEditor::feed(std::string_view octets) {
  std::size_t taken = 0;
  while (taken < octets.size() && status_ == Status::editing) octet(octets[taken++]);
  return taken;
}

void LineEditor::octet(char c) {
  if (!escape_.empty()) return escape(c);
  if (c == kEscape) {
    escape_ = c;
    return;
  }
  if (in_paste_ && is_control(c)) return pasted(c);
  if (is_control(c)) return control(c);
  part_of_character(c);
}

void LineEditor::control(char c) {
  constexpr auto key = [](char letter) { return static_cast<char>(letter - 'A' + 1); };
  character_.clear();
  switch (c) {
    case '\r':
    case '\n': status_ = Status::accepted; break;
    case key('C'): status_ = Status::cancelled; break;
    case key('P'): status_ = Status::back; break;
    case key('A'): cursor_ = 0; break;
    case key('E'): cursor_ = text_.size(); break;
    case key('B'): cursor_ = left_of(cursor_); break;
    case key('F'): cursor_ = right_of(cursor_); break;
    case '\x7F':
    case key('H'): erase_to(left_of(cursor_)); break;
    case key('D'):
      if (text_.empty()) status_ = Status::ended;
      erase_to(right_of(cursor_));
      break;
    case key('K'): erase_to(text_.size()); break;
    case key('U'): erase_to(0); break;
    case key('W'): erase_to(word_left()); break;
    default: break;
  }
}

// ESC and a key, ESC [ ... letter, ESC O letter.
void LineEditor::escape(char c) {
  escape_ += c;
  const bool opened = escape_.size() == 2 && (c == '[' || c == 'O');
  const bool closed = escape_.size() == 2 || (c >= '@' && c <= '~') || escape_[1] == 'O';
  if (opened || !(closed || escape_.size() >= kLongestEscape)) return;
  const auto keys = std::exchange(escape_, {});
  sequence(std::string_view(keys).substr(1));
}

void LineEditor::sequence(std::string_view keys) {
  if (keys == "[200~" || keys == "[201~") {
    in_paste_ = keys == "[200~";
    owes_blank_ = false;
  } else if (in_paste_) {
    return;  // what was copied with colours
  } else if (keys == "[D" || keys == "OD") {
    cursor_ = left_of(cursor_);
  } else if (keys == "[C" || keys == "OC") {
    cursor_ = right_of(cursor_);
  } else if (keys == "[A" || keys == "OA") {
    status_ = Status::back;
  } else if (keys == "[H" || keys == "OH" || keys == "[1~") {
    cursor_ = 0;
  } else if (keys == "[F" || keys == "OF" || keys == "[4~") {
    cursor_ = text_.size();
  } else if (keys == "[3~") {
    erase_to(right_of(cursor_));
  } else if (keys == "b" || keys == "[1;5D") {
    cursor_ = word_left();
  } else if (keys == "f" || keys == "[1;5C") {
    cursor_ = word_right();
  } else if (keys == "\x7F") {
    erase_to(word_left());
  }
}

// Lines are pasted as one, with a blank where a line ended and another followed.
void LineEditor::pasted(char c) {
  if (c == '\r' || c == '\n' || c == '\t') owes_blank_ = true;
}

void LineEditor::part_of_character(char c) {
  if (!continues(c)) character_.clear();
  character_ += c;
  const auto wanted = length_by_lead(character_[0]);
  if (character_.size() < wanted) return;
  const auto whole = std::exchange(character_, {});
  if (whole.size() != wanted || !provisioning::is_utf8(whole)) return;
  if (std::exchange(owes_blank_, false) && cursor_ > 0) insert(" ");
  insert(whole);
}

void LineEditor::insert(std::string_view text) {
  if (text_.size() + text.size() > kLongestText) return;
  text_.insert(cursor_, text);
  cursor_ += text.size();
}

void LineEditor::erase_to(std::size_t place) {
  const auto [first, last] = std::minmax(place, cursor_);
  text_.erase(first, last - first);
  cursor_ = first;
}

std::size_t LineEditor::left_of(std::size_t place) const {
  while (place > 0 && continues(text_[--place])) {
  }
  return place;
}

std::size_t LineEditor::right_of(std::size_t place) const {
  if (place < text_.size()) ++place;
  while (place < text_.size() && continues(text_[place])) ++place;
  return place;
}

std::size_t LineEditor::word_left() const {
  auto place = cursor_;
  while (place > 0 && text_[place - 1] == ' ') --place;
  while (place > 0 && text_[place - 1] != ' ') --place;
  return place;
}

std::size_t LineEditor::word_right() const {
  auto place = cursor_;
  while (place < text_.size() && text_[place] == ' ') ++place;
  while (place < text_.size() && text_[place] != ' ') ++place;
  return place;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return !continues(c); }));
}

std::string_view first_characters(std::string_view text, std::size_t count) {
  std::size_t place = 0;
  while (place < text.size() && (count > 0 || continues(text[place]))) {
    if (!continues(text[place])) --count;
    ++place;
  }
  return text.substr(0, place);
}

std::string_view last_characters(std::string_view text, std::size_t count) {
  const auto all = characters(text);
  const auto skipped = first_characters(text, all > count ? all - count : 0);
  return text.substr(skipped.size());
}

}  // namespace slipway::service
