#include "provisioning/template_expression.hpp"

#include <charconv>
#include <utility>

namespace slipway::provisioning {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_space(char c) { return is_blank(c) || c == '\n' || c == '\r'; }

// Reads an expression:
//   or:    and { "or" and }          and: not { "and" not }      not: "not" not | comparison
//   comparison: primary [ ("==" | "!=") primary ]
//   primary: "text" | 'text' | number | true | false | name { . name | [ "key" ] | [ number ] }
//            | ( or )
class ExpressionReader {
 public:
  using Kind = TemplateExpression::Kind;

  ExpressionReader(std::string_view text, std::size_t offset, const Places& places,
                   Mistakes& mistakes)
      : text_(text), offset_(offset), places_(places), mistakes_(mistakes) {}

  // The whole of the text as one expression.
  TemplateExpression whole() {
    auto expression = disjunction();
    skip_blanks();
    if (!failed_ && at_ < text_.size()) say("unexpected `" + rest_shown() + "`");
    return expression;
  }
  // For the head of `for`: a name, then the word `in`.
  std::string loop_variable() {
    auto name = word();
    const bool reserved = name == "loop" || is_reserved(name);
    if (name.empty() || reserved) say("`for` needs a name of your own: {% for item in LIST %}");
    if (!failed_ && word() != "in") say("`for` needs `in`: {% for item in LIST %}");
    return name;
  }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  static bool is_reserved(std::string_view word) {
    return word == "and" || word == "or" || word == "not" || word == "in" || word == "true" ||
           word == "false";
  }

  void say(std::string text) {
    if (!std::exchange(failed_, true)) mistakes_.push_back({here(), std::move(text)});
  }
  [[nodiscard]] Mark here() const { return places_.at(offset_ + at_); }
  [[nodiscard]] std::string rest_shown() const { return std::string(text_.substr(at_, 20)); }
  void skip_blanks() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  bool take(std::string_view sign) {
    skip_blanks();
    if (!text_.substr(at_).starts_with(sign)) return false;
    at_ += sign.size();
    return true;
  }
  // The name at the cursor, or empty.
  std::string_view peek_word() {
    skip_blanks();
    auto end = at_;
    while (end < text_.size() &&
           (is_letter(text_[end]) || (end > at_ && (is_digit(text_[end]) || text_[end] == '-')))) {
      ++end;
    }
    return text_.substr(at_, end - at_);
  }
  std::string word() {
    const auto found = peek_word();
    at_ += found.size();
    return std::string(found);
  }
  bool take_word(std::string_view wanted) {
    if (peek_word() != wanted) return false;
    at_ += wanted.size();
    return true;
  }

  TemplateExpression joined(Kind kind, std::string_view sign,
                            TemplateExpression (ExpressionReader::*part)()) {
    auto first = (this->*part)();
    if (failed_ || peek_word() != sign) return first;
    TemplateExpression out{.kind = kind, .operands = {std::move(first)}, .mark = here()};
    while (!failed_ && take_word(sign)) out.operands.push_back((this->*part)());
    return out;
  }
  TemplateExpression disjunction() {
    return joined(Kind::disjunction, "or", &ExpressionReader::conjunction);
  }
  TemplateExpression conjunction() {
    return joined(Kind::conjunction, "and", &ExpressionReader::negation);
  }
  TemplateExpression negation() {
    const auto mark = here();
    if (!take_word("not")) return comparison();
    TemplateExpression out{.kind = Kind::negation, .mark = mark};
    if (go_deeper()) out.operands.push_back(negation());
    --depth_;
    return out;
  }
  TemplateExpression comparison() {
    auto left = primary();
    const auto mark = here();
    const bool same = !failed_ && take("==");
    const bool differs = !failed_ && !same && take("!=");
    if (!same && !differs) return left;
    TemplateExpression out{.kind = same ? Kind::same : Kind::differs, .mark = mark};
    out.operands.push_back(std::move(left));
    out.operands.push_back(primary());
    return out;
  }

  TemplateExpression primary() {
    skip_blanks();
    TemplateExpression out{.mark = here()};
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    if (c == '(') {
      ++at_;
      if (go_deeper()) out = disjunction();
      --depth_;
      if (!failed_ && !take(")")) say("`)` is missing");
    } else if (c == '"' || c == '\'') {
      out.literal = make_text(text_literal());
    } else if (is_digit(c) || c == '-') {
      out.literal = make_number(number());
    } else if (is_letter(c)) {
      name(out);
    } else {
      say(c == '\0' ? "a name or a value is missing" : "unexpected `" + rest_shown() + "`");
    }
    return out;
  }

  bool go_deeper() {
    if (++depth_ > kMaxTemplateDepth) {
      say("nested deeper than " + std::to_string(kMaxTemplateDepth));
    }
    return !failed_;
  }

  // Without escapes: a text that holds one kind of quotes is written in the other.
  std::string text_literal() {
    const auto end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) {
      say("the text has no closing quote");
      return "";
    }
    std::string out(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return out;
  }

  std::int64_t number() {
    std::int64_t value = 0;
    const auto* begin = text_.data() + at_;
    const auto [stop, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error != std::errc{}) say("a whole number is expected");
    at_ += static_cast<std::size_t>(stop - begin);
    return value;
  }

  void name(TemplateExpression& out) {
    if (const auto first = word(); first == "true" || first == "false") {
      out.literal = make_flag(first == "true");
      return;
    } else if (is_reserved(first)) {
      return say("a name or a value is missing before `" + first + "`");
    } else {
      out.kind = Kind::path;
      out.path.emplace_back(first);
    }
    while (!failed_ && at_ < text_.size() && (text_[at_] == '.' || text_[at_] == '[')) step(out);
    if (!failed_ && at_ < text_.size() && text_[at_] == '|') {
      say("there are no filters: values are escaped by the format");
    }
  }

  void step(TemplateExpression& out) {
    if (text_[at_++] == '.') {
      auto key = word();
      if (key.empty()) return say("a name is missing behind `.`; write [\"KEY\"] for odd keys");
      out.path.emplace_back(std::move(key));
      return;
    }
    skip_blanks();
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    if (c == '"' || c == '\'') {
      out.path.emplace_back(text_literal());
    } else if (is_digit(c)) {
      out.path.emplace_back(static_cast<std::size_t>(number()));
    } else {
      say("a key in quotes or a number is expected in [ ]");
    }
    if (!failed_ && !take("]")) say("`]` is missing");
  }

  std::string_view text_;
  std::size_t offset_;
  const Places& places_;
  Mistakes& mistakes_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  bool failed_ = false;
};

}  // namespace

std::optional<TemplateExpression> read_expression(std::string_view text, std::size_t offset,
                                                  const Places& places, Mistakes& mistakes) {
  ExpressionReader reader(text, offset, places, mistakes);
  auto out = reader.whole();
  return reader.failed() ? std::nullopt : std::optional(std::move(out));
}

std::optional<LoopHead> read_loop_head(std::string_view text, std::size_t offset,
                                       const Places& places, Mistakes& mistakes) {
  ExpressionReader reader(text, offset, places, mistakes);
  LoopHead head{.variable = reader.loop_variable(), .list = {}};
  if (!reader.failed()) head.list = reader.whole();
  return reader.failed() ? std::nullopt : std::optional(std::move(head));
}

}  // namespace slipway::provisioning
