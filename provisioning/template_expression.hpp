// provisioning/template_expression.hpp -- the expressions of templates, for template.cpp only.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "provisioning/template.hpp"

namespace slipway::provisioning {

// Line and column of an offset into a template.
class Places {
 public:
  Places(std::string_view text, std::string_view file) : file_(file) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') starts_.push_back(i + 1);
    }
  }
  [[nodiscard]] Mark at(std::size_t offset) const {
    const auto line = std::ranges::upper_bound(starts_, offset) - starts_.begin();
    const auto start = starts_[static_cast<std::size_t>(line - 1)];
    return {file_, static_cast<unsigned>(line), static_cast<unsigned>(offset - start + 1)};
  }

 private:
  std::string file_;
  std::vector<std::size_t> starts_{0};
};

// Reads the expression that `text`, which stands at `offset` of the template, is; a mistake and
// nullopt when it is none.
[[nodiscard]] std::optional<TemplateExpression> read_expression(std::string_view text,
                                                                std::size_t offset,
                                                                const Places& places,
                                                                Mistakes& mistakes);

// The head of `for`: `NAME in LIST`.
struct LoopHead {
  std::string variable;
  TemplateExpression list;
};
[[nodiscard]] std::optional<LoopHead> read_loop_head(std::string_view text, std::size_t offset,
                                                     const Places& places, Mistakes& mistakes);

}  // namespace slipway::provisioning
