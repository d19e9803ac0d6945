#include "service/installer_modules.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace slipway::service {
namespace {

namespace fs = std::filesystem;

Fallible<std::string> read_table(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(path.native() + " cannot be read; run depmod");
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::string underscored(std::string name) {
  std::ranges::replace(name, '-', '_');
  return name;
}

template <class Each>
void for_each_line(const std::string& text, const Each& each) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    each(words);
  }
}

}  // namespace

std::string module_name(std::string_view file) {
  const auto name = file.substr(file.rfind('/') + 1);  // npos + 1 is 0
  return underscored(std::string(name.substr(0, name.find(".ko"))));
}

ModuleTables::ModuleTables(const Texts& texts) {
  // "kernel/a.ko: kernel/b.ko kernel/c.ko"
  for_each_line(texts.dependencies, [&](std::istringstream& words) {
    std::string file;
    if (!(words >> file) || !file.ends_with(':')) return;
    file.pop_back();
    auto& module = modules_[module_name(file)];
    module.file = file;
    for (std::string needed; words >> needed;) module.needs.push_back(module_name(needed));
  });
  // "softdep r8169 pre: realtek post: ..."
  for_each_line(texts.soft, [&](std::istringstream& words) {
    std::string keyword, name;
    if (!(words >> keyword >> name) || keyword != "softdep") return;
    const auto module = modules_.find(underscored(name));
    if (module == modules_.end()) return;
    for (std::string needed; words >> needed;) {
      if (needed != "pre:" && needed != "post:") module->second.needs.push_back(needed);
    }
  });
  // "alias crypto-crc32c crc32c_intel"; several modules may serve one alias
  for_each_line(texts.aliases, [&](std::istringstream& words) {
    std::string keyword, alias, name;
    if (!(words >> keyword >> alias >> name) || keyword != "alias") return;
    if (alias.find_first_of("*?[") != std::string::npos) return;
    aliases_[underscored(alias)].push_back(underscored(name));
  });
  for_each_line(texts.builtin, [&](std::istringstream& words) {
    std::string file;
    if (words >> file) builtin_.insert(module_name(file));
  });
}

Fallible<ModuleTables> ModuleTables::read(const fs::path& folder) {
  Texts texts;
  const std::vector<std::pair<std::string_view, std::string*>> tables = {
      {"modules.dep", &texts.dependencies},
      {"modules.softdep", &texts.soft},
      {"modules.alias", &texts.aliases},
      {"modules.builtin", &texts.builtin}};
  for (const auto& [name, text] : tables) {
    auto content = read_table(folder / name);
    if (!content) return std::unexpected(content.error());
    *text = std::move(*content);
  }
  return ModuleTables(texts);
}

bool ModuleTables::collect(const std::string& name, std::set<std::string>& found) const {
  const auto key = underscored(name);
  if (const auto module = modules_.find(key); module != modules_.end()) {
    if (!found.insert(key).second) return true;
    // A soft dependency that this kernel lacks is, by definition, no failure.
    for (const auto& needed : module->second.needs) (void)collect(needed, found);
    return true;
  }
  if (builtin_.contains(key)) return true;
  const auto alias = aliases_.find(key);
  if (alias == aliases_.end()) return false;
  for (const auto& target : alias->second) (void)collect(target, found);  // named by depmod itself
  return true;
}

std::vector<std::string> ModuleTables::files(const std::vector<std::string>& names,
                                             std::vector<std::string>& unknown) const {
  std::set<std::string> found;
  for (const auto& name : names) {
    if (!collect(name, found)) unknown.push_back(name);
  }
  std::vector<std::string> result;
  for (const auto& name : found) result.push_back(modules_.at(name).file);
  std::ranges::sort(result);
  return result;
}

std::vector<std::string> ModuleTables::names(
    const std::function<bool(std::string_view)>& wanted) const {
  std::vector<std::string> result;
  for (const auto& [name, module] : modules_) {
    if (wanted(module.file)) result.push_back(name);
  }
  return result;
}

}  // namespace slipway::service
