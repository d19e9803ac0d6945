// provisioning/csv.hpp -- comma-separated values, read and written. RFC 4180. Pure.
//
// Read line by line: a quoted field may hold commas and quotes but no line break, because every
// list that we read is one of names.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "provisioning/fields.hpp"

namespace slipway::provisioning {

struct CsvCell {
  std::string text;
  Mark mark;
};
using CsvRow = std::vector<CsvCell>;

// The rows of `text`, without blank lines; none of them is empty. Fields that are not quoted lose
// the blanks around them. Lines that are not UTF-8, hold control characters or have wrong quotes
// are mistakes and left out. `file` is only named.
[[nodiscard]] std::vector<CsvRow> read_csv(std::string_view text, std::string_view file,
                                           Mistakes& mistakes);

// One record with its CRLF. A field that a spreadsheet would take for a formula (it begins with
// = + - @, a tab or a carriage return) gets an apostrophe before it: what hosts say of themselves
// must not run on the desk of whoever opens the list.
[[nodiscard]] std::string csv_record(std::span<const std::string> fields);

}  // namespace slipway::provisioning
