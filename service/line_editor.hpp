// service/line_editor.hpp -- editing one line of text, without a terminal.
//
// Octets go in as a terminal in raw mode sends them (xterm's sequences, UTF-8, bracketed paste);
// the text, the cursor and what the person wants come out. Bad UTF-8 and unknown keys are dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::service {

class LineEditor {
 public:
  enum class Status : std::uint8_t {
    editing,
    accepted,   // Enter
    cancelled,  // ^C
    ended,      // ^D on an empty line
    back,       // arrow up, ^P: the question before
  };

  explicit LineEditor(std::string text = {});

  // Takes octets up to and with the one that ends the editing; gives how many were taken.
  std::size_t feed(std::string_view octets);
  // Goes on after Enter, with the same text.
  void go_on() { status_ = Status::editing; }

  [[nodiscard]] Status status() const { return status_; }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::string_view before_cursor() const;
  [[nodiscard]] std::string_view after_cursor() const;

 private:
  void octet(char c);
  void control(char c);
  void escape(char c);
  void sequence(std::string_view keys);
  void pasted(char c);
  void part_of_character(char c);
  void insert(std::string_view text);
  void erase_to(std::size_t place);
  [[nodiscard]] std::size_t left_of(std::size_t place) const;
  [[nodiscard]] std::size_t right_of(std::size_t place) const;
  [[nodiscard]] std::size_t word_left() const;
  [[nodiscard]] std::size_t word_right() const;

  std::string text_;
  std::size_t cursor_;     // in octets, between two characters
  std::string escape_;     // an escape sequence whose end has not come yet
  std::string character_;  // a UTF-8 character whose end has not come yet
  bool in_paste_ = false;
  bool owes_blank_ = false;  // a line end was pasted; a blank when something follows
  Status status_ = Status::editing;
};

// How many characters stand in UTF-8 text. Each counts as one column of the terminal: wide ones may
// be drawn beyond, which only shifts what is shown.
[[nodiscard]] std::size_t characters(std::string_view text);
// The first, or the last, `count` characters.
[[nodiscard]] std::string_view first_characters(std::string_view text, std::size_t count);
[[nodiscard]] std::string_view last_characters(std::string_view text, std::size_t count);

}  // namespace slipway::service
