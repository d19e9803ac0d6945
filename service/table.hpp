// service/table.hpp -- columns for a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace slipway::service {

// Prints the rows on stdout, each column as wide as its widest cell and two blanks; the last one
// ends where its text ends. All rows have the same number of cells.
void print_table(const std::vector<std::vector<std::string>>& rows);

// Wall-clock time of the terminal's zone from milliseconds since 1970.
[[nodiscard]] std::string clock_text(std::uint64_t unix_ms);

}  // namespace slipway::service
