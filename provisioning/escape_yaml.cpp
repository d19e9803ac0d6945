// Documents in YAML. The template is filled with placeholders first and read by our own reader,
// which then knows in which kind of scalar each value stands; the values are written accordingly,
// and the result is read again: it must be the tree of the first reading with the values in it.
#include <algorithm>
#include <optional>
#include <vector>

#include "provisioning/escape.hpp"
#include "provisioning/yaml.hpp"

namespace slipway::provisioning {
namespace {

constexpr std::size_t kDigits = 7;

// The value with its secrets as texts, as a reader of the document sees it.
Value without_secrets(const Value& value) {
  Value out = value;
  if (const auto* secret = std::get_if<Secret>(&value.data)) out.data = secret->reveal();
  if (auto* list = out.list()) {
    for (auto& element : *list) element = without_secrets(element);
  }
  if (auto* map = out.map()) {
    for (auto& [key, element] : *map) element = without_secrets(element);
  }
  return out;
}

// Whether every reader takes the text as it stands: only quotes and backslashes were escaped.
bool needs_no_escapes(std::string_view text, std::string_view quoted) {
  const auto plain = std::ranges::count_if(text, [](char c) { return c == '"' || c == '\\'; });
  return quoted.size() == text.size() + 2 + static_cast<std::size_t>(plain) &&
         is_one_line_text(text);
}

class YamlEscaper final : public Escaper {
 public:
  YamlEscaper(std::string_view template_text, bool is_cloud_config)
      : is_cloud_config_(is_cloud_config) {
    while (template_text.find(marker_) != std::string_view::npos) marker_ += 'q';
  }

  void literal(std::string_view text) override { out_ += text; }
  [[nodiscard]] std::size_t octets() const override { return out_.size(); }

  [[nodiscard]] std::expected<void, EscapeError> value(const Value& value, bool) override {
    values_.push_back({without_secrets(value), out_.size(), {}, false});
    out_ += placeholder(values_.size() - 1);
    return {};
  }

  [[nodiscard]] std::expected<std::string, EscapeError> finish() override {
    if (is_cloud_config_ && !out_.starts_with("#cloud-config\n")) {
      return std::unexpected(EscapeError{"the first line must be #cloud-config", 0});
    }
    auto parsed = parse_yaml(out_, "document");
    if (!parsed.mistakes.empty()) {
      const auto& first = parsed.mistakes.front();
      return std::unexpected(EscapeError{first.text, offset_of(first.mark)});
    }
    const auto filled = fill(parsed.value);
    if (failure_) return std::unexpected(*failure_);
    in_comments();
    if (failure_) return std::unexpected(*failure_);
    auto text = put_in();
    const auto again = parse_yaml(text, "document");
    if (!again.mistakes.empty() || !again.value.same_as(filled)) return std::unexpected(altered());
    return text;
  }

 private:
  struct Given {
    Value value;
    std::size_t offset;  // of its placeholder
    std::string form;
    bool placed;
  };

  [[nodiscard]] std::string placeholder(std::size_t index) const {
    auto digits = std::to_string(index);
    return marker_ + std::string(kDigits - digits.size(), '0') + digits + "z";
  }

  void refuse(const Given& given, std::string_view why) {
    if (!failure_) failure_ = EscapeError{std::string(why), given.offset};
  }

  // The index of the placeholder at `at` of `text`.
  [[nodiscard]] std::size_t index_at(std::string_view text, std::size_t at) const {
    return std::stoull(std::string(text.substr(at + marker_.size(), kDigits)));
  }

  [[nodiscard]] std::size_t offset_of(const Mark& mark) const {
    std::size_t at = 0;
    for (unsigned line = 1; line < mark.line && at < out_.size(); ++line) {
      at = std::min(out_.find('\n', at), out_.size() - 1) + 1;
    }
    return at + mark.column - 1;
  }

  // `tree` with the values in the place of their placeholders; how each is to be written is
  // decided on the way.
  Value fill(const Value& tree) {
    if (const auto* text = tree.string()) return fill_scalar(*text, tree.mark);
    Value out = tree;
    if (auto* list = out.list()) {
      for (auto& element : *list) element = fill(element);
    }
    if (auto* map = out.map()) {
      for (auto& [key, element] : *map) {
        const auto name = fill_scalar(key, element.key_mark());
        if (name.string() != nullptr) key = *name.string();
        element = fill(element);
      }
    }
    return out;
  }

  Value fill_scalar(const std::string& text, const Mark& mark) {
    const auto first = text.find(marker_);
    if (first == std::string::npos) return make_text(text, mark);
    const auto offset = offset_of(mark);
    const char style = offset < out_.size() ? out_[offset] : '\0';
    const bool quoted = style == '"' || style == '\'' || style == '|' || style == '>';
    if (!quoted) return plain(text, offset, mark);
    std::string filled;
    std::size_t from = 0;
    for (auto at = first; at != std::string::npos; at = text.find(marker_, from)) {
      filled += text.substr(from, at - from);
      filled += inside(values_[index_at(text, at)], style);
      from = at + marker_.size() + kDigits + 1;
    }
    return make_text(filled + text.substr(from), mark);
  }

  Value plain(const std::string& text, std::size_t offset, const Mark& mark) {
    auto& given = values_[index_at(text, text.find(marker_))];
    const auto whole = placeholder(static_cast<std::size_t>(&given - values_.data()));
    if (text != whole || offset != given.offset) {
      refuse(given, "stands beside other text: put the whole into double quotes");
      return make_text("", mark);
    }
    given.form = emit_flow_yaml(given.value);
    given.placed = true;
    return given.value;
  }

  // What the value adds to a quoted or block scalar; its form goes into `given`.
  std::string inside(Given& given, char style) {
    given.placed = true;
    const auto text = scalar_text(given.value);
    if (!text) {
      refuse(given, "is a list or a map, which cannot stand inside a text");
      return "";
    }
    const auto flow = emit_flow_yaml(make_text(*text));
    if (!flow.starts_with('"')) {
      refuse(given, "holds octets that are not UTF-8; let the value stand alone, without quotes");
    } else if (style == '"') {
      given.form = flow.substr(1, flow.size() - 2);
    } else if (!needs_no_escapes(*text, flow)) {
      refuse(given, "has a line end or a control character: put it into double quotes");
    } else {
      for (const char c : *text)
        given.form += style == '\'' && c == '\'' ? "''" : std::string(1, c);
    }
    return *text;
  }

  // What no scalar holds stands in a comment.
  void in_comments() {
    for (auto& given : values_) {
      if (given.placed) continue;
      const auto text = scalar_text(given.value);
      if (text && is_one_line_text(*text)) {
        given.form = *text;
      } else {
        refuse(given, "must be text of one line here");
      }
    }
  }

  [[nodiscard]] std::string put_in() const {
    std::string text;
    std::size_t from = 0;
    for (const auto& given : values_) {
      text += std::string_view(out_).substr(from, given.offset - from);
      text += given.form;
      from = given.offset + marker_.size() + kDigits + 1;
    }
    return text + out_.substr(from);
  }

  [[nodiscard]] EscapeError altered() const {
    return {"(or a value behind it) would not read back as it was meant: put it into double quotes",
            values_.empty() ? 0 : values_.front().offset};
  }

  bool is_cloud_config_;
  std::string marker_ = "slipwayvalue";
  std::string out_;
  std::vector<Given> values_;
  std::optional<EscapeError> failure_;
};

}  // namespace

std::unique_ptr<Escaper> make_yaml_escaper(std::string_view template_text, bool is_cloud_config) {
  return std::make_unique<YamlEscaper>(template_text, is_cloud_config);
}

}  // namespace slipway::provisioning
