// provisioning/escape.hpp -- how a value gets into a document of each text format.
//
// An escaper is fed a template's own text and its values in turn and decides by what it has seen
// so far how a value must be written, so that the document's reader gets exactly the value back.
// A value that cannot be carried is refused, never altered. The rules stand in docs/templates.md.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "provisioning/inventory.hpp"
#include "provisioning/value.hpp"

namespace slipway::provisioning {

// Why a value or a document was refused: a clause without its subject ("has a line end, ...").
struct EscapeError {
  std::string text;
  std::size_t offset = 0;  // into what was fed so far, see Escaper::octets()
};

class Escaper {
 public:
  Escaper() = default;
  Escaper(const Escaper&) = delete;
  Escaper& operator=(const Escaper&) = delete;
  virtual ~Escaper() = default;

  // The template's own text, taken as it stands.
  virtual void literal(std::string_view text) = 0;
  // A value. `masked` says that it only stands for the real one, which is not shown.
  [[nodiscard]] virtual std::expected<void, EscapeError> value(const Value& value, bool masked) = 0;
  // The document, checked as a whole.
  [[nodiscard]] virtual std::expected<std::string, EscapeError> finish() = 0;
  // How much was made so far; offsets of errors count in this.
  [[nodiscard]] virtual std::size_t octets() const = 0;
};

// The escaper of a text format; `template_text` is the whole template.
[[nodiscard]] std::unique_ptr<Escaper> make_escaper(UserDataFormat format,
                                                    std::string_view template_text);
[[nodiscard]] std::unique_ptr<Escaper> make_yaml_escaper(std::string_view template_text,
                                                         bool is_cloud_config);
[[nodiscard]] std::unique_ptr<Escaper> make_json_escaper();

// The text of a scalar as people write it (true, 12, 1.5); null for lists, maps and nothing.
[[nodiscard]] std::optional<std::string> scalar_text(const Value& value);

// The value as JSON on one line; nullopt where JSON cannot carry it (octets that are not UTF-8,
// infinity). Secrets stand in it in the clear.
[[nodiscard]] std::optional<std::string> json_text(const Value& value);

// Whether `text` is well-formed UTF-8 of one line for every reader: no control character, none of
// the line ends of Unicode.
[[nodiscard]] bool is_one_line_text(std::string_view text);

}  // namespace slipway::provisioning
