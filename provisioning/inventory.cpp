#include "provisioning/inventory.hpp"

#include <algorithm>
#include <charconv>
#include <compare>
#include <tuple>
#include <type_traits>

#include "provisioning/compose.hpp"
#include "provisioning/entries.hpp"
#include "provisioning/installer_kind.hpp"
#include "provisioning/userdata.hpp"
#include "provisioning/yaml.hpp"

namespace slipway::provisioning {
namespace {

// The .yaml files of one folder by name; other endings that look like YAML get a warning, because
// leaving them out silently would lose a host.
std::vector<std::filesystem::path> yaml_files(const std::filesystem::path& folder,
                                              Mistakes& mistakes) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  if (!std::filesystem::exists(folder, error)) return files;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    const auto& path = it->path();
    if (path.filename().string().starts_with('.')) continue;
    if (path.extension() == ".yaml") {
      files.push_back(path);
    } else if (path.extension() == ".yml") {
      mistakes.push_back({{path.string(), 1, 1}, "is not read; name it .yaml", true});
    }
  }
  if (error) mistakes.push_back({{folder.string(), 0, 0}, error.message()});
  std::ranges::sort(files);
  return files;
}

// What the reading of one folder needs: where it is, and the files that are not read.
struct Source {
  const std::filesystem::path& folder;
  const std::vector<std::filesystem::path>& replaced;
};

template <class Draft>
using Reader = Draft (*)(const Value&, std::string_view, Mistakes&);

// One entry; of hosts also a list of them, each with its name.
template <class Draft>
void read_document(const Value& value, const std::string& stem, Reader<Draft> read,
                   std::vector<Draft>& drafts, Mistakes& mistakes) {
  constexpr bool kMayBeList = std::is_same_v<Draft, HostDraft>;
  if (!kMayBeList || value.list() == nullptr) {
    drafts.push_back(read(value, stem, mistakes));
    return;
  }
  for (const auto& entry : *value.list()) {
    if (entry.map() != nullptr && entry.find("name") == nullptr) {
      mistakes.push_back({entry.mark, "each host of a list needs a `name`"});
    } else {
      drafts.push_back(read(entry, "", mistakes));
    }
  }
}

// Reads every document of FOLDER/KIND with `read`, in the order of the files' names.
template <class Draft>
void read_folder(const Source& source, std::string_view kind, Reader<Draft> read,
                 std::vector<Draft>& drafts, Mistakes& mistakes) {
  const auto& folder = source.folder;
  for (const auto& file : yaml_files(folder / kind, mistakes)) {
    if (std::ranges::find(source.replaced, file) != source.replaced.end()) continue;
    auto parsed = read_yaml(file, folder);
    const bool readable = parsed.mistakes.empty() || !parsed.value.is_null();
    std::ranges::move(parsed.mistakes, std::back_inserter(mistakes));
    if (!readable) continue;
    if (parsed.value.is_null()) {
      mistakes.push_back({{file.string(), 1, 1}, "the file is empty"});
      continue;
    }
    read_document(parsed.value, file.stem().string(), read, drafts, mistakes);
  }
}

void read_csv(const std::filesystem::path& file, Drafts& drafts, Mistakes& mistakes) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return;
  const auto text = read_text_file(file, kMaxCsvOctets);
  if (!text) {
    mistakes.push_back({{}, text.error().text()});
    return;
  }
  auto hosts = read_hosts_csv(*text, file.string(), mistakes);
  std::ranges::move(hosts, std::back_inserter(drafts.hosts));
}

Inventory published(const Drafts& drafts) {
  Inventory inventory;
  for (const auto& draft : drafts.profiles) inventory.profiles.push_back(draft.profile);
  for (const auto& draft : drafts.sites) inventory.sites.push_back(draft.site);
  for (const auto& draft : drafts.hosts) inventory.hosts.push_back(draft.host);
  inventory.index();
  return inventory;
}

void check_hosts(const Inventory& inventory, Mistakes& mistakes) {
  for (const auto& host : inventory.hosts) {
    const auto* profile = inventory.profile(host.profile);
    const auto* site = inventory.site(host.site);
    if (profile == nullptr || (site == nullptr && !host.site.empty())) continue;
    std::ranges::move(check_subject({inventory, host, *profile, site}),
                      std::back_inserter(mistakes));
  }
}

// By file, line and column; what is said of a site once for each of its hosts is said once.
void sort_and_unite(Mistakes& mistakes) {
  const auto key = [](const Mistake& m) {
    return std::tie(m.mark.file, m.mark.line, m.mark.column, m.text);
  };
  std::ranges::sort(mistakes, {}, key);
  const auto tail = std::ranges::unique(mistakes, {}, key);
  mistakes.erase(tail.begin(), tail.end());
}

std::string_view take_part(std::string_view& text) {
  const auto part = text.substr(0, text.find('.'));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && stop == text.data() + text.size();
  return whole ? std::optional(value) : std::nullopt;
}

std::strong_ordering compare_parts(std::string_view a, std::string_view b) {
  while (!a.empty() || !b.empty()) {
    const auto left = take_part(a);
    const auto right = take_part(b);
    const auto x = whole_number(left);
    const auto y = whole_number(right);
    const auto order = x && y ? *x <=> *y : left <=> right;
    if (order != 0) return order;
  }
  return std::strong_ordering::equal;
}

// As Semantic Versioning 2.0.0 s.11: numbers as numbers, and "1.10.0-rc1" is below "1.10.0".
bool is_above(std::string_view a, std::string_view b) {
  const auto dash = [](std::string_view text) { return std::min(text.find('-'), text.size()); };
  const auto release = compare_parts(a.substr(0, dash(a)), b.substr(0, dash(b)));
  if (release != 0) return release > 0;
  const auto pre_a = a.substr(dash(a));
  const auto pre_b = b.substr(dash(b));
  if (pre_a.empty() || pre_b.empty()) return pre_a.empty() && !pre_b.empty();
  return compare_parts(pre_a, pre_b) > 0;
}

}  // namespace

std::size_t Inventory::HashText::operator()(std::string_view text) const {
  return std::hash<std::string_view>()(text);
}

void Inventory::index() {
  index_ = {};
  for (std::size_t i = 0; i < profiles.size(); ++i) {
    index_.profiles.emplace(profiles[i].id(), i);
    const auto [best, is_new] = index_.profiles.emplace(profiles[i].name, i);
    if (!is_new && is_above(profiles[i].version, profiles[best->second].version)) best->second = i;
  }
  for (std::size_t i = 0; i < sites.size(); ++i) index_.sites.emplace(sites[i].name, i);
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    index_.hosts.emplace(hosts[i].name, i);
    for (const auto& mac : hosts[i].macs) index_.macs.emplace(mac, i);
    for (const auto& mac : hosts[i].shared_macs) index_.shared.emplace(mac, i);
    if (hosts[i].bench_address) index_.benches.emplace(*hosts[i].bench_address, i);
  }
  index_.counts[0] = profiles.size();
  index_.counts[1] = sites.size();
  index_.counts[2] = hosts.size();
}

bool Inventory::is_indexed() const {
  return index_.counts[0] == profiles.size() && index_.counts[1] == sites.size() &&
         index_.counts[2] == hosts.size();
}

const Profile* Inventory::profile(std::string_view id) const {
  if (!is_indexed()) return find_profile(id);
  const auto found = index_.profiles.find(id);
  return found == index_.profiles.end() ? nullptr : &profiles[found->second];
}

const Profile* Inventory::find_profile(std::string_view id) const {
  const Profile* best = nullptr;
  for (const auto& candidate : profiles) {
    if (candidate.id() == id) return &candidate;
    if (candidate.name != id) continue;
    if (best == nullptr || is_above(candidate.version, best->version)) best = &candidate;
  }
  return best;
}

const Site* Inventory::site(std::string_view name) const {
  if (is_indexed()) {
    const auto place = index_.sites.find(name);
    return place == index_.sites.end() ? nullptr : &sites[place->second];
  }
  const auto found = std::ranges::find(sites, name, &Site::name);
  return found == sites.end() ? nullptr : &*found;
}

const HostEntry* Inventory::host(std::string_view name) const {
  if (is_indexed()) {
    const auto place = index_.hosts.find(name);
    return place == index_.hosts.end() ? nullptr : &hosts[place->second];
  }
  const auto found = std::ranges::find(hosts, name, &HostEntry::name);
  return found == hosts.end() ? nullptr : &*found;
}

const HostEntry* Inventory::host_by_mac(const Mac& mac) const {
  if (is_indexed()) {
    const auto place = index_.macs.find(mac);
    return place == index_.macs.end() ? nullptr : &hosts[place->second];
  }
  const auto holds = [&mac](const HostEntry& host) {
    return std::ranges::find(host.macs, mac) != host.macs.end();
  };
  const auto found = std::ranges::find_if(hosts, holds);
  return found == hosts.end() ? nullptr : &*found;
}

const HostEntry* Inventory::host_by_bench_address(Ipv4 address) const {
  if (is_indexed()) {
    const auto place = index_.benches.find(address);
    return place == index_.benches.end() ? nullptr : &hosts[place->second];
  }
  const auto found = std::ranges::find(hosts, address, &HostEntry::bench_address);
  return found == hosts.end() ? nullptr : &*found;
}

std::vector<const HostEntry*> Inventory::sharers(const Mac& mac) const {
  std::vector<const HostEntry*> found;
  if (is_indexed()) {
    const auto [first, last] = index_.shared.equal_range(mac);
    for (auto at = first; at != last; ++at) found.push_back(&hosts[at->second]);
    return found;
  }
  for (const auto& host : hosts) {
    const auto& shared = host.shared_macs;
    if (std::ranges::find(shared, mac) != shared.end()) found.push_back(&host);
  }
  return found;
}

bool Loaded::good() const { return std::ranges::all_of(mistakes, &Mistake::is_warning); }

Loaded load_inventory(const std::filesystem::path& folder, const Additions& additions) {
  Loaded loaded;
  auto& mistakes = loaded.mistakes;
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    mistakes.push_back({{folder.string(), 0, 0}, "the inventory folder does not exist"});
    return loaded;
  }
  Drafts drafts;
  const Source source{folder, additions.replaced};
  read_folder(source, "profiles", read_profile, drafts.profiles, mistakes);
  read_folder(source, "sites", read_site, drafts.sites, mistakes);
  read_folder(source, "hosts", read_host, drafts.hosts, mistakes);
  read_csv(folder / "hosts.csv", drafts, mistakes);
  for (const auto& site : additions.sites) drafts.sites.push_back(read_site(site, "", mistakes));
  for (const auto& host : additions.hosts) drafts.hosts.push_back(read_host(host, "", mistakes));
  compose_profiles(drafts.profiles, mistakes);
  loaded.inventory = published(drafts);
  complete_profiles(loaded.inventory, folder, mistakes);
  check_across(drafts, loaded.inventory, mistakes);
  check_merged(drafts, loaded.inventory, mistakes);
  check_hosts(loaded.inventory, mistakes);
  sort_and_unite(mistakes);
  return loaded;
}

}  // namespace slipway::provisioning
