// Ignition, and every other document in JSON: values stand as JSON values, or inside strings.
#include <boost/json.hpp>
#include <cmath>

#include "provisioning/escape.hpp"
#include "provisioning/yaml.hpp"

namespace slipway::provisioning {
namespace {

namespace json = boost::json;

// The value as JSON; nullopt where JSON has no form for it (octets that are not UTF-8, infinity).
std::optional<json::value> json_of(const Value& value) {
  if (value.is_null()) return json::value(nullptr);
  if (const auto* flag = std::get_if<bool>(&value.data)) return json::value(*flag);
  if (const auto* number = std::get_if<std::int64_t>(&value.data)) return json::value(*number);
  if (const auto* real = std::get_if<double>(&value.data)) {
    return std::isfinite(*real) ? std::optional(json::value(*real)) : std::nullopt;
  }
  if (const auto* text = value.revealed()) {
    return is_utf8(*text) ? std::optional(json::value(json::string(*text))) : std::nullopt;
  }
  if (const auto* list = value.list()) {
    json::array out;
    for (const auto& element : *list) {
      auto made = json_of(element);
      if (!made) return std::nullopt;
      out.push_back(std::move(*made));
    }
    return json::value(std::move(out));
  }
  json::object out;
  for (const auto& [key, element] : *value.map()) {
    auto made = json_of(element);
    if (!made || !is_utf8(key)) return std::nullopt;
    out[key] = std::move(*made);
  }
  return json::value(std::move(out));
}

class JsonEscaper final : public Escaper {
 public:
  void literal(std::string_view text) override {
    if (after_value_ && !text.empty()) {
      glued_ = glued_ || std::string_view(" \t\r\n,:]}").find(text[0]) == std::string_view::npos;
      after_value_ = false;
    }
    for (const char c : text) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = in_string_;
      } else if (c == '"') {
        in_string_ = !in_string_;
      }
    }
    out_ += text;
  }

  [[nodiscard]] std::expected<void, EscapeError> value(const Value& value, bool) override {
    return in_string_ ? inside(value) : whole(value);
  }

  [[nodiscard]] std::expected<std::string, EscapeError> finish() override {
    json::stream_parser parser;
    boost::json::error_code error;
    auto read = parser.write_some(out_, error);
    if (!error && read < out_.size()) error = json::error::extra_data;
    if (!error) parser.finish(error);
    if (!error && !glued_) return std::move(out_);
    return std::unexpected(
        EscapeError{error ? "the document is not JSON: " + error.message()
                          : std::string("a value outside of quotes must stand alone"),
                    read});
  }

  [[nodiscard]] std::size_t octets() const override { return out_.size(); }

 private:
  [[nodiscard]] std::unexpected<EscapeError> refuse(std::string_view why) const {
    return std::unexpected(EscapeError{std::string(why), out_.size()});
  }

  std::expected<void, EscapeError> inside(const Value& value) {
    const auto text = scalar_text(value);
    if (!text) return refuse("is a list or a map, which cannot stand inside a string");
    if (!is_utf8(*text)) return refuse(kNotUtf8);
    if (escaped_) return refuse("stands behind a backslash");
    const auto quoted = json::serialize(json::string(*text));
    out_ += std::string_view(quoted).substr(1, quoted.size() - 2);
    return {};
  }

  std::expected<void, EscapeError> whole(const Value& value) {
    const bool alone =
        out_.empty() || std::string_view(" \t\r\n,:[{").find(out_.back()) != std::string_view::npos;
    if (!alone) return refuse("must stand alone, or inside quotes");
    const auto made = json_of(value);
    if (!made) return refuse(kNotUtf8);
    out_ += json::serialize(*made);
    after_value_ = true;
    return {};
  }

  static constexpr std::string_view kNotUtf8 =
      "holds octets that are not UTF-8, or infinity, which JSON cannot carry";

  std::string out_;
  bool in_string_ = false, escaped_ = false;
  bool after_value_ = false;  // the last thing written was a value outside of quotes
  bool glued_ = false;        // something touched such a value
};

}  // namespace

std::optional<std::string> json_text(const Value& value) {
  const auto made = json_of(value);
  return made ? std::optional<std::string>(json::serialize(*made)) : std::nullopt;
}

std::unique_ptr<Escaper> make_json_escaper() { return std::make_unique<JsonEscaper>(); }

}  // namespace slipway::provisioning
