// Reading a template: the text, its tags, their expressions.
#include "provisioning/template.hpp"

#include <algorithm>
#include <utility>

#include "provisioning/facts.hpp"
#include "provisioning/template_expression.hpp"

namespace slipway::provisioning {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// A tag or the text before it. `at` is its offset in the template.
struct Piece {
  enum class Kind : std::uint8_t { text, value, tag };
  Kind kind = Kind::text;
  std::string_view content;  // of a tag what stands between the braces
  std::size_t at = 0;
};

// Whether names lead somewhere, where that can be known before there is a host.
class NameCheck {
 public:
  explicit NameCheck(Mistakes& mistakes) : mistakes_(mistakes) {}

  void open(std::string variable) { variables_.push_back(std::move(variable)); }
  void close() { variables_.pop_back(); }

  void check(const TemplateExpression& expression) {
    for (const auto& operand : expression.operands) check(operand);
    if (expression.kind != TemplateExpression::Kind::path) return;
    const auto& first = std::get<std::string>(expression.path.front());
    if (std::ranges::find(variables_, first) != variables_.end()) return;
    if (first == "loop" && !variables_.empty()) return check_below(expression, kLoop);
    auto known = fact_names();
    if (std::ranges::find(known, first) == known.end()) {
      known.insert(known.end(), variables_.begin(), variables_.end());
      mistakes_.push_back(
          {expression.mark, "nothing is named `" + first + "`" + either(first, known)});
    } else if (const auto below = fact_names_below(first); !below.empty()) {
      check_below(expression, below);
    }
  }

 private:
  inline static const std::vector<std::string_view> kLoop{"index", "first", "last"};

  static std::string either(std::string_view word, const std::vector<std::string_view>& known) {
    const auto near = suggestion(word, known);
    return near.empty() ? "; known: " + listed(known) : near;
  }

  void check_below(const TemplateExpression& expression,
                   const std::vector<std::string_view>& known) {
    if (expression.path.size() < 2) return;
    const auto* key = std::get_if<std::string>(&expression.path[1]);
    if (key != nullptr && std::ranges::find(known, *key) != known.end()) return;
    const auto& fact = std::get<std::string>(expression.path.front());
    const auto said = key != nullptr ? *key : std::string("[...]");
    mistakes_.push_back(
        {expression.mark, "`" + fact + "` has no `" + said + "`" + either(said, known)});
  }

  Mistakes& mistakes_;
  std::vector<std::string> variables_;
};

class TemplateReader {
 public:
  TemplateReader(std::string_view text, std::string_view file, Mistakes& mistakes)
      : text_(text), places_(text, file), mistakes_(mistakes), names_(mistakes) {}

  std::vector<TemplateNode> read() {
    split();
    return block(nullptr);
  }

 private:
  using Kind = TemplateNode::Kind;

  void say(std::size_t at, std::string text) {
    mistakes_.push_back({places_.at(at), std::move(text)});
  }

  // Cuts the text into pieces; a tag that stands alone in its line takes the line with it.
  void split() {
    std::size_t from = 0;
    while (from < text_.size()) {
      const auto open = find_open(from);
      if (open == std::string_view::npos) break;
      const char kind = text_[open + 1];
      const std::string end = kind == '{' ? "}}" : std::string(1, kind) + "}";
      const auto close = find_close(open + 2, end, kind != '#');
      if (close == std::string_view::npos) {
        say(open, "`" + std::string(text_.substr(open, 2)) + "` has no `" + end + "`");
        pieces_.push_back({Piece::Kind::text, text_.substr(from), from});
        return;
      }
      auto before = open;
      auto after = close + 2;
      if (kind != '{') take_line(before, after);
      if (before > from) {
        pieces_.push_back({Piece::Kind::text, text_.substr(from, before - from), from});
      }
      const auto content = text_.substr(open + 2, close - open - 2);
      if (kind == '{') pieces_.push_back({Piece::Kind::value, content, open + 2});
      if (kind == '%') pieces_.push_back({Piece::Kind::tag, content, open + 2});
      from = std::max(after, from);
    }
    if (from < text_.size()) pieces_.push_back({Piece::Kind::text, text_.substr(from), from});
  }

  [[nodiscard]] std::size_t find_open(std::size_t from) const {
    for (auto at = text_.find('{', from); at != std::string_view::npos;
         at = text_.find('{', at + 1)) {
      const char next = at + 1 < text_.size() ? text_[at + 1] : '\0';
      if (next == '{' || next == '%' || next == '#') return at;
    }
    return std::string_view::npos;
  }

  // The end of a tag; braces inside its texts do not count.
  [[nodiscard]] std::size_t find_close(std::size_t from, std::string_view end, bool texts) const {
    char quote = '\0';
    for (auto at = from; at < text_.size(); ++at) {
      const char c = text_[at];
      if (quote != '\0') {
        quote = c == quote ? '\0' : quote;
      } else if (texts && (c == '"' || c == '\'')) {
        quote = c;
      } else if (text_.substr(at).starts_with(end)) {
        return at;
      }
    }
    return std::string_view::npos;
  }

  void take_line(std::size_t& before, std::size_t& after) const {
    auto begin = before;
    while (begin > 0 && is_blank(text_[begin - 1])) --begin;
    auto end = after;
    while (end < text_.size() && is_blank(text_[end])) ++end;
    const bool at_begin = begin == 0 || text_[begin - 1] == '\n';
    const bool at_end = end == text_.size() || text_[end] == '\n';
    if (!at_begin || !at_end) return;
    before = begin;
    after = std::min(end + 1, text_.size());
  }

  static std::string_view first_word(std::string_view content) {
    const auto begin = content.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return {};
    return content.substr(begin, content.find_first_of(" \t\r\n", begin) - begin);
  }

  // The nodes up to the tag that ends the block that began with `opener` (null: the template).
  // The cursor stays at that tag.
  std::vector<TemplateNode> block(const Piece* opener) {
    std::vector<TemplateNode> nodes;
    const bool too_deep = opener != nullptr && ++depth_ > kMaxTemplateDepth;
    if (too_deep) {
      say(opener->at, "nested deeper than " + std::to_string(kMaxTemplateDepth));
      next_ = pieces_.size();
      stopped_ = true;
    }
    while (next_ < pieces_.size()) {
      const auto& piece = pieces_[next_];
      const auto word = piece.kind == Piece::Kind::tag ? first_word(piece.content) : "";
      const bool ends = word == "end" || word == "else" || word == "elif";
      if (ends && opener != nullptr) break;
      ++next_;
      if (ends) {
        say(piece.at, "`" + std::string(word) + "` without an open block");
      } else {
        node(piece, word, nodes);
      }
    }
    if (opener != nullptr) --depth_;
    if (opener != nullptr && next_ == pieces_.size() && !std::exchange(stopped_, true)) {
      say(opener->at, "this block has no {% end %}");
    }
    return nodes;
  }

  void node(const Piece& piece, std::string_view word, std::vector<TemplateNode>& nodes) {
    TemplateNode out{.mark = places_.at(piece.at)};
    if (piece.kind == Piece::Kind::text) {
      out.text = piece.content;
    } else if (piece.kind == Piece::Kind::value) {
      out.kind = Kind::value;
      out.expression = expression(piece, 0);
    } else if (word == "if") {
      choice(piece, out);
    } else if (word == "for") {
      loop(piece, out);
    } else {
      return say(piece.at,
                 "unknown tag `" + std::string(word) + "`; known: if, elif, else, for, end");
    }
    nodes.push_back(std::move(out));
  }

  // The expression behind the first `skip` octets of a tag.
  TemplateExpression expression(const Piece& piece, std::size_t skip) {
    auto out = read_expression(piece.content.substr(skip), piece.at + skip, places_, mistakes_);
    if (out) names_.check(*out);
    return out ? std::move(*out) : TemplateExpression{};
  }

  static std::size_t behind(const Piece& piece, std::string_view word) {
    return static_cast<std::size_t>(word.data() - piece.content.data()) + word.size();
  }

  void choice(const Piece& opener, TemplateNode& out) {
    out.kind = Kind::choice;
    const auto* head = &opener;
    bool had_else = false;
    while (true) {
      const auto word = first_word(head->content);
      TemplateNode::Branch branch;
      if (word == "else") {
        branch.condition.literal = make_flag(true);
        nothing_behind(*head, word);
      } else {
        branch.condition = expression(*head, behind(*head, word));
      }
      if (had_else) say(head->at, "`else` must be the last branch");
      had_else = word == "else";
      branch.body = block(&opener);
      out.branches.push_back(std::move(branch));
      if (next_ == pieces_.size()) return;
      head = &pieces_[next_++];
      if (first_word(head->content) == "end") return nothing_behind(*head, "end");
    }
  }

  void loop(const Piece& opener, TemplateNode& out) {
    out.kind = Kind::loop;
    const auto skip = behind(opener, first_word(opener.content));
    const auto head = opener.content.substr(skip);
    if (auto read = read_loop_head(head, opener.at + skip, places_, mistakes_)) {
      out.text = std::move(read->variable);
      out.expression = std::move(read->list);
      names_.check(out.expression);
    }
    names_.open(out.text);
    out.branches.emplace_back();
    out.branches[0].body = block(&opener);
    names_.close();
    if (next_ == pieces_.size()) return;
    const auto& closer = pieces_[next_++];
    const auto word = first_word(closer.content);
    if (word != "end") say(closer.at, "`" + std::string(word) + "` does not belong to a `for`");
    nothing_behind(closer, word);
  }

  void nothing_behind(const Piece& piece, std::string_view word) {
    const auto from = piece.content.find(word) + word.size();
    if (piece.content.find_first_not_of(" \t\r\n", from) == std::string_view::npos) return;
    say(piece.at, "nothing may stand behind `" + std::string(word) + "`");
  }

  std::string_view text_;
  Places places_;
  Mistakes& mistakes_;
  NameCheck names_;
  std::vector<Piece> pieces_;
  std::size_t next_ = 0;
  std::size_t depth_ = 0;
  bool stopped_ = false;  // said why the rest was not read
};

}  // namespace

Template parse_template(std::string text, std::string_view file, Mistakes& mistakes) {
  Template parsed{.file = std::string(file), .text = std::move(text), .nodes = {}};
  if (parsed.text.size() > kMaxTemplateOctets) {
    mistakes.push_back({{parsed.file, 1, 1}, "the template is larger than 1 MiB"});
    return parsed;
  }
  parsed.nodes = TemplateReader(parsed.text, file, mistakes).read();
  return parsed;
}

}  // namespace slipway::provisioning
