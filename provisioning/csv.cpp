#include "provisioning/csv.hpp"

#include <algorithm>

#include "provisioning/yaml.hpp"

namespace slipway::provisioning {
namespace {

// One quoted field from its opening quote on; false when it is not closed on this line.
bool take_quoted(std::string_view& rest, std::string& out) {
  rest.remove_prefix(1);
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c != '"') {
      out += c;
    } else if (rest.starts_with('"')) {
      out += '"';
      rest.remove_prefix(1);
    } else {
      return rest.empty() || rest.front() == ',';
    }
  }
  return false;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The next field, and past it up to the comma; false when its quotes are wrong.
bool take_cell(std::string_view& rest, std::string& out) {
  if (rest.starts_with('"')) return take_quoted(rest, out);
  const auto end = std::min(rest.find(','), rest.size());
  out = trimmed(rest.substr(0, end));
  rest.remove_prefix(end);
  return true;
}

CsvRow split(std::string_view line, const Mark& start, Mistakes& mistakes) {
  CsvRow row;
  auto rest = line;
  while (true) {
    CsvCell cell{{}, start};
    cell.mark.column = static_cast<unsigned>(line.size() - rest.size() + 1);
    if (!take_cell(rest, cell.text)) {
      mistakes.push_back({cell.mark, "a quoted field must end with a quote before the next comma"});
      return {};
    }
    row.push_back(std::move(cell));
    if (rest.empty()) return row;
    rest.remove_prefix(1);  // the comma
  }
}

std::string field(std::string_view text) {
  constexpr std::string_view kFormula = "=+-@\t\r";
  std::string safe;
  if (!text.empty() && kFormula.contains(text.front())) safe = "'";
  safe += text;
  const bool plain =
      safe.find_first_of(",\"\r\n") == std::string::npos && trimmed(safe).size() == safe.size();
  if (plain) return safe;
  std::string quoted = "\"";
  for (const char c : safe) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

std::vector<CsvRow> read_csv(std::string_view text, std::string_view file, Mistakes& mistakes) {
  std::vector<CsvRow> rows;
  Mark mark{std::string(file), 0, 1};
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // spreadsheets write one
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++mark.line;
    if (trimmed(line).empty()) continue;
    if (!is_utf8(line) || has_control_characters(line)) {
      mistakes.push_back({mark, "this line is not UTF-8 text, or has control characters"});
      continue;
    }
    auto row = split(line, mark, mistakes);
    if (!row.empty()) rows.push_back(std::move(row));
  }
  return rows;
}

std::string csv_record(std::span<const std::string> fields) {
  std::string record;
  for (std::size_t i = 0; i < fields.size(); ++i) record += (i == 0 ? "" : ",") + field(fields[i]);
  return record + "\r\n";
}

}  // namespace slipway::provisioning
