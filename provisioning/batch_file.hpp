// provisioning/batch_file.hpp -- the list that a batch is opened with: sites, or hosts. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "provisioning/batch.hpp"
#include "provisioning/fields.hpp"

namespace slipway::provisioning {

// One line: the site, or the host (name, MAC or ID) and perhaps its site.
struct BatchLine {
  std::string host{}, site{};
  Mark mark{};
};

// Either one name a line, or CSV whose first row names its columns: `site`, or `host` (also `name`,
// `mac`, `id`) and, if wanted, `site`; other columns are left alone. Lines that begin with # are
// comments. Mistakes: an empty list, no such column, an empty field, a line said twice.
[[nodiscard]] std::vector<BatchLine> read_batch_file(std::string_view text, std::string_view file,
                                                     BatchKind kind, Mistakes& mistakes);

}  // namespace slipway::provisioning
