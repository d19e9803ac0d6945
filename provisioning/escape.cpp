// The text formats that are read line by line: preseed, kickstart, generic.
#include "provisioning/escape.hpp"

#include <algorithm>
#include <utility>

#include "provisioning/fields.hpp"
#include "provisioning/shell_text.hpp"
#include "provisioning/yaml.hpp"

namespace slipway::provisioning {
namespace {

constexpr std::string_view kNoText =
    "is a list or a map, which has no text form here; loop over it";
constexpr std::string_view kNotOneLine =
    "has a line end, a control character or octets that are not UTF-8, which this format cannot "
    "carry";

// Common to all: what was made, and a value's text when it is one line.
class LineEscaper : public Escaper {
 public:
  [[nodiscard]] std::size_t octets() const override { return out_.size(); }
  [[nodiscard]] std::expected<std::string, EscapeError> finish() override {
    return std::move(out_);
  }

 protected:
  [[nodiscard]] std::unexpected<EscapeError> refuse(std::string_view why) const {
    return std::unexpected(EscapeError{std::string(why), out_.size()});
  }
  [[nodiscard]] std::expected<std::string, EscapeError> one_line(const Value& value) const {
    auto text = scalar_text(value);
    if (!text) return refuse(kNoText);
    if (!is_one_line_text(*text)) return refuse(kNotOneLine);
    return std::move(*text);
  }

  std::string out_;
};

class GenericEscaper final : public LineEscaper {
 public:
  void literal(std::string_view text) override { out_ += text; }
  [[nodiscard]] std::expected<void, EscapeError> value(const Value& value, bool) override {
    auto text = one_line(value);
    if (!text) return std::unexpected(text.error());
    out_ += *text;
    return {};
  }
};

// `OWNER QUESTION TYPE VALUE`. The installer cuts blanks around the value and joins a line that
// ends in a backslash with the next one; the questions whose names end in _command hold shell.
class PreseedEscaper final : public LineEscaper {
 public:
  void literal(std::string_view text) override {
    for (const char c : text) add(c);
  }

  [[nodiscard]] std::expected<void, EscapeError> value(const Value& value, bool masked) override {
    auto text = one_line(value);
    if (!text) return std::unexpected(text.error());
    if (!line_.starts_with('#')) {
      if (auto fits = check_field(*text); !fits) return fits;
    }
    if (in_command_) {
      auto form = shell_.form(*text, masked);
      if (!form) return refuse(kNoShellForm);
      shell_.wrote(*form);
      text = std::move(*form);
    }
    out_ += *text;
    line_ += *text;
    return {};
  }

 private:
  static constexpr std::string_view kNoShellForm =
      "cannot be quoted at this place of a shell command; put it outside of substitutions";

  [[nodiscard]] std::expected<void, EscapeError> check_field(std::string_view text) const {
    const auto field = fields();
    if (text.starts_with(' ') || text.ends_with(' ')) {
      return refuse("begins or ends with a blank, which the installer would cut off");
    }
    if (text.ends_with('\\')) return refuse("ends in a backslash, which would join two lines");
    if (line_.empty() && text.starts_with('#')) return refuse("would begin a comment here");
    if (field < 3 && (text.empty() || text.find(' ') != std::string_view::npos)) {
      return refuse("must be one word here, before a question's value");
    }
    return {};
  }

  void add(char c) {
    if (c == '\n') return end_line();
    out_ += c;
    if (in_command_) shell_.literal(c);
    line_ += c;
    if (!in_command_ && fields() == 3 && asks_command()) {
      in_command_ = true;
      shell_ = ShellText(false);
    }
  }

  void end_line() {
    out_ += '\n';
    const bool goes_on = line_.ends_with('\\') && !line_.starts_with('#');
    if (goes_on) {
      line_.back() = ' ';
      if (in_command_) shell_.literal('\n');
    } else {
      line_.clear();
      in_command_ = false;
    }
  }

  // How many fields are complete: 3 means that the value has begun.
  [[nodiscard]] std::size_t fields() const {
    std::size_t count = 0;
    bool inside = false;
    for (const char c : line_) {
      const bool blank = c == ' ' || c == '\t';
      count += inside && blank ? 1 : 0;
      inside = !blank;
      if (count == 3) break;
    }
    return count;
  }

  [[nodiscard]] bool asks_command() const {
    const auto owner = line_.find_first_of(" \t");
    const auto question = line_.find_first_not_of(" \t", owner);
    const auto end = line_.find_first_of(" \t", question);
    return std::string_view(line_).substr(question, end - question).ends_with("_command");
  }

  std::string line_;  // the logical line so far
  bool in_command_ = false;
  ShellText shell_{false};
};

// Commands are read by Python's shlex, line by line; sections that begin with %pre, %post, ... and
// end with %end hold shell, %packages holds names.
class KickstartEscaper final : public LineEscaper {
 public:
  void literal(std::string_view text) override {
    for (const char c : text) {
      out_ += c;
      text_.literal(c);
      if (c == '\n') {
        end_line();
      } else {
        line_ += c;
      }
    }
  }

  [[nodiscard]] std::expected<void, EscapeError> value(const Value& value, bool masked) override {
    const auto text = one_line(value);
    if (!text) return std::unexpected(text.error());
    const bool at_begin = line_.find_first_not_of(" \t") == std::string::npos;
    auto form = in_packages_ ? package_form(*text, masked) : text_.form(*text, masked);
    if (!form || (at_begin && form->starts_with('%'))) return refuse(kNoForm);
    text_.wrote(*form);
    line_ += *form;
    out_ += *form;
    return {};
  }

 private:
  static constexpr std::string_view kNoForm =
      "cannot be quoted at this place; put it outside of substitutions and here-documents";

  // There are no quotes in a list of packages.
  static std::optional<std::string> package_form(const std::string& text, bool masked) {
    const bool name =
        !text.empty() && text.find_first_of(" \t#\\\"'%") == std::string::npos && text[0] != '-';
    return name || masked ? std::optional(text) : std::nullopt;
  }

  void end_line() {
    const auto begin = std::min(line_.find_first_not_of(" \t"), line_.size());
    const auto words = std::string_view(line_).substr(begin);
    const std::string name(words.substr(0, words.find_first_of(" \t")));
    line_.clear();
    if (name == "%end") {
      text_ = ShellText(true);
      in_packages_ = false;
    } else if (name == "%packages" || name == "%anaconda" || name == "%addon") {
      in_packages_ = name == "%packages";
    } else if (name.starts_with('%') && !name.starts_with("%include") && name != "%ksappend") {
      text_ = ShellText(false);
    }
  }

  std::string line_;
  ShellText text_{true};
  bool in_packages_ = false;
};

}  // namespace

std::optional<std::string> scalar_text(const Value& value) {
  if (const auto* text = value.revealed()) return *text;
  if (value.is_null() || value.map() != nullptr || value.list() != nullptr) return std::nullopt;
  auto text = emit_yaml(value);
  text.pop_back();  // the line end
  return text;
}

bool is_one_line_text(std::string_view text) {
  if (has_control_characters(text) || !is_utf8(text)) return false;
  // NEL and the other control characters of Latin 1, the line and the paragraph separator: Python
  // splits lines at them.
  const auto has = [text](std::string_view what) { return text.find(what) != text.npos; };
  if (has("\xE2\x80\xA8") || has("\xE2\x80\xA9")) return false;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '\xC2' && static_cast<unsigned char>(text[i + 1]) < 0xA0) return false;
  }
  return true;
}

std::unique_ptr<Escaper> make_escaper(UserDataFormat format, std::string_view template_text) {
  switch (format) {
    case UserDataFormat::preseed: return std::make_unique<PreseedEscaper>();
    case UserDataFormat::kickstart: return std::make_unique<KickstartEscaper>();
    case UserDataFormat::autoinstall: return make_yaml_escaper(template_text, true);
    case UserDataFormat::yaml: return make_yaml_escaper(template_text, false);
    case UserDataFormat::ignition: return make_json_escaper();
    case UserDataFormat::generic:
    case UserDataFormat::cloud_init:
    case UserDataFormat::kairos: break;
  }
  return std::make_unique<GenericEscaper>();
}

}  // namespace slipway::provisioning
