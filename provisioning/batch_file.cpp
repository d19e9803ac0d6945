#include "provisioning/batch_file.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "provisioning/csv.hpp"

namespace slipway::provisioning {
namespace {

using Column = std::optional<std::size_t>;

struct Columns {
  Column host{}, site{};
};

Column column_of(const CsvRow& header, std::span<const std::string_view> names) {
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (std::ranges::find(names, header[i].text) != names.end()) return i;
  }
  return std::nullopt;
}

Columns columns_of(const CsvRow& header) {
  constexpr std::array<std::string_view, 4> kHost{"host", "name", "mac", "id"};
  constexpr std::array<std::string_view, 1> kSite{"site"};
  return {.host = column_of(header, kHost), .site = column_of(header, kSite)};
}

std::string cell(const CsvRow& row, Column column) {
  return column && *column < row.size() ? row[*column].text : std::string();
}

// What the first row makes of the list: columns by name, or one name a line. None: neither.
std::optional<Columns> columns_of_list(const CsvRow& first, BatchKind kind, bool& has_header) {
  const auto named = columns_of(first);
  const auto& key = kind == BatchKind::sites ? named.site : named.host;
  has_header = key.has_value();
  if (has_header) return named;
  if (first.size() > 1) return std::nullopt;
  return kind == BatchKind::sites ? Columns{.site = 0} : Columns{.host = 0};
}

void check_twice(const std::vector<BatchLine>& lines, BatchKind kind, Mistakes& mistakes) {
  std::map<std::string_view, const Mark*> first;
  for (const auto& line : lines) {
    const std::string_view name = kind == BatchKind::sites ? line.site : line.host;
    const auto [entry, is_new] = first.emplace(name, &line.mark);
    if (is_new) continue;
    mistakes.push_back(
        {line.mark, std::string(name) + " stands twice, first at " + entry->second->text()});
  }
}

}  // namespace

std::vector<BatchLine> read_batch_file(std::string_view text, std::string_view file, BatchKind kind,
                                       Mistakes& mistakes) {
  auto rows = read_csv(text, file, mistakes);
  std::erase_if(rows, [](const CsvRow& row) { return row.front().text.starts_with('#'); });
  const Mark whole{std::string(file), 1, 1};
  const std::string key = kind == BatchKind::sites ? "site" : "host";
  if (rows.empty()) {
    mistakes.push_back({whole, "the list is empty; expected one " + key + " a line"});
    return {};
  }
  bool has_header = false;
  const auto columns = columns_of_list(rows.front(), kind, has_header);
  if (!columns) {
    mistakes.push_back({rows.front().front().mark, "the first row names no column `" + key + "`"});
    return {};
  }
  std::vector<BatchLine> lines;
  for (std::size_t i = has_header ? 1 : 0; i < rows.size(); ++i) {
    BatchLine line{.host = cell(rows[i], columns->host),
                   .site = cell(rows[i], columns->site),
                   .mark = rows[i].front().mark};
    if ((kind == BatchKind::sites ? line.site : line.host).empty()) {
      mistakes.push_back({line.mark, "`" + key + "` is empty in this row"});
    } else {
      lines.push_back(std::move(line));
    }
  }
  if (lines.empty() && has_header) {
    mistakes.push_back({whole, "the list is empty; expected one " + key + " a line"});
  }
  check_twice(lines, kind, mistakes);
  return lines;
}

}  // namespace slipway::provisioning
