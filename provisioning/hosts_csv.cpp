#include <algorithm>
#include <array>

#include "provisioning/csv.hpp"
#include "provisioning/entries.hpp"
#include "provisioning/property.hpp"
#include "provisioning/schema.hpp"

namespace slipway::provisioning {
namespace {

constexpr std::size_t kMaxColumns = 200;

using Cell = CsvCell;
using Row = CsvRow;

constexpr std::array<std::string_view, 10> kKeys{
    "name", "macs",    "shared_macs", "uuid",         "serial",
    "site", "profile", "offer",       "boot_program", "bench_address"};

// What a column may be called: a key of a host, or a key of user-data with dots.
bool is_column(std::string_view name) {
  if (std::ranges::find(kKeys, name) != kKeys.end()) return true;
  if (name.starts_with("stylus.site.tags.")) return true;
  const auto* entry = schema_entry(name);
  const bool composite =
      entry != nullptr &&
      (entry->rule == Rule::map || entry->rule == Rule::list || entry->rule == Rule::text_map);
  return entry != nullptr && !composite &&
         (name == "reboot" || name.find('.') != std::string_view::npos);
}

void check_header(const Row& header, Mistakes& mistakes) {
  std::vector<std::string_view> known(kKeys.begin(), kKeys.end());
  for (const auto& entry : schema_entries()) {
    if (is_column(entry.path)) known.push_back(entry.path);
  }
  for (std::size_t i = 0; i < header.size(); ++i) {
    const auto& [text, mark] = header[i];
    const auto first = std::ranges::find(header, text, &Cell::text) - header.begin();
    if (static_cast<std::size_t>(first) != i) {
      mistakes.push_back({mark, "column " + shown(make_text(text)) + " stands twice"});
    } else if (!is_column(text)) {
      mistakes.push_back(
          {mark, "unknown column " + shown(make_text(text)) + suggestion(text, known)});
    }
  }
}

Value mac_list(const Cell& cell) {
  List macs;
  std::string_view rest = cell.text;
  while (!rest.empty()) {
    const auto end = std::min(rest.find_first_of(" ;"), rest.size());
    if (end > 0) macs.push_back(make_text(std::string(rest.substr(0, end)), cell.mark));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return make_list(std::move(macs), cell.mark);
}

Value host_value(const Row& header, const Row& row, Mark mark) {
  Value host = make_map({}, std::move(mark));
  for (std::size_t i = 0; i < header.size(); ++i) {
    const auto& column = header[i].text;
    if (row[i].text.empty() || !is_column(column)) continue;
    const bool macs = column == "macs" || column == "shared_macs";
    set_at(host, column, macs ? mac_list(row[i]) : value_of_text(column, row[i].text, row[i].mark));
  }
  return host;
}

class CsvReader {
 public:
  CsvReader(std::string_view file, Mistakes& mistakes)
      : mark_{std::string(file), 0, 1}, mistakes_(mistakes) {}

  std::vector<Value> read(std::string_view text) {
    for (auto& row : read_csv(text, mark_.file, mistakes_)) {
      mark_.line = row.front().mark.line;
      read_row(std::move(row));
    }
    return std::move(hosts_);
  }

 private:
  void read_row(Row row) {
    if (row.size() > kMaxColumns) {
      mistakes_.push_back({mark_, "more than " + std::to_string(kMaxColumns) + " columns"});
    } else if (header_.empty()) {
      check_header(row, mistakes_);
      header_ = std::move(row);
    } else if (row.size() != header_.size()) {
      mistakes_.push_back({mark_, "this row has " + std::to_string(row.size()) +
                                      " fields, the first " + std::to_string(header_.size())});
    } else {
      add(row);
    }
  }

  void add(const Row& row) {
    auto value = host_value(header_, row, mark_);
    if (value.find("name") == nullptr) {
      mistakes_.push_back({mark_, "`name` is missing in this row"});
      return;
    }
    hosts_.push_back(std::move(value));
  }

  Mark mark_;
  Mistakes& mistakes_;
  Row header_;
  std::vector<Value> hosts_;
};

}  // namespace

std::vector<Value> read_host_rows(std::string_view text, std::string_view file,
                                  Mistakes& mistakes) {
  return CsvReader(file, mistakes).read(text);
}

std::vector<HostDraft> read_hosts_csv(std::string_view text, std::string_view file,
                                      Mistakes& mistakes) {
  std::vector<HostDraft> hosts;
  for (const auto& row : read_host_rows(text, file, mistakes)) {
    hosts.push_back(read_host(row, "", mistakes));
  }
  return hosts;
}

}  // namespace slipway::provisioning
