// provisioning/template.hpp -- text templates: variables, conditions and loops over lists.
//
// The whole language stands in docs/templates.md. It has no code, no includes and no file access,
// and no way round the escaping of the target format (escape.hpp). A template is parsed once, with
// every mistake at its line and column, and is immutable afterwards.
//
// Hostile input is bounded: 1 MiB of template, 16 levels of blocks and of parentheses, 8 MiB of
// output, a million steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "provisioning/fields.hpp"
#include "provisioning/inventory.hpp"
#include "provisioning/value.hpp"

namespace slipway::provisioning {

inline constexpr std::size_t kMaxTemplateOctets = std::size_t{1} << 20U;
inline constexpr std::size_t kMaxTemplateDepth = 16;
inline constexpr std::size_t kMaxTemplateOutput = std::size_t{8} << 20U;
inline constexpr std::size_t kMaxTemplateSteps = 1'000'000;

// What stands between {{ and }}, or after if, elif and `in`.
struct TemplateExpression {
  enum class Kind : std::uint8_t {
    literal,
    path,
    negation,
    conjunction,
    disjunction,
    same,
    differs
  };
  using Step = std::variant<std::string, std::size_t>;  // a key, or an index from 0

  Kind kind = Kind::literal;
  Value literal{};
  std::vector<Step> path{};                    // the first one names a fact or a loop's variable
  std::vector<TemplateExpression> operands{};  // of the other kinds
  Mark mark{};
};

// A piece of a template: its own text, a value, `if` with its branches, or `for`.
struct TemplateNode {
  enum class Kind : std::uint8_t { text, value, choice, loop };
  struct Branch {
    TemplateExpression condition{};  // `else`: the literal true
    std::vector<TemplateNode> body{};
  };

  Kind kind = Kind::text;
  Mark mark{};
  std::string text{};               // of text; of a loop its variable
  TemplateExpression expression{};  // of value and loop
  std::vector<Branch> branches{};   // of choice; a loop has one
};

struct Template {
  std::string file;  // as marks name it
  std::string text;  // as it was read
  std::vector<TemplateNode> nodes;
};

// Parses `text`. Mistakes: syntax, limits, and names that no fact has (with the nearest right
// one). The result is whole even then, for what can still be said of it; it must not be rendered.
[[nodiscard]] Template parse_template(std::string text, std::string_view file, Mistakes& mistakes);

// Renders `parsed` over `facts` (facts.hpp) with the escaping of `format`, which must be one of the
// text formats. Fails at the first value that is not there or that the format cannot carry, naming
// its place in the template; no octet of a value is ever altered. `masked` hides secrets.
[[nodiscard]] std::expected<std::string, Mistake> render_template(const Template& parsed,
                                                                  const Value& facts,
                                                                  UserDataFormat format,
                                                                  bool masked = false);

}  // namespace slipway::provisioning
