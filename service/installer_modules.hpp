// service/installer_modules.hpp -- which kernel modules the installer needs, dependencies included.
//
// Works on the tables that depmod makes (modules.dep(5)): modules.dep, modules.softdep,
// modules.alias, modules.builtin.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace slipway::service {

class ModuleTables {
 public:
  // From the texts of the four files.
  struct Texts {
    std::string dependencies, soft, aliases, builtin;
  };
  explicit ModuleTables(const Texts& texts);

  // Reads them from .../lib/modules/VERSION.
  [[nodiscard]] static Fallible<ModuleTables> read(const std::filesystem::path& folder);

  // The files, relative to the folder and sorted, of `names` and of all that they need, hard or
  // soft. A name may be a module's ('-' and '_' are the same) or an exact alias ("crypto-crc32c").
  // What is built in needs no file. Names that this kernel does not know go to `unknown`.
  [[nodiscard]] std::vector<std::string> files(const std::vector<std::string>& names,
                                               std::vector<std::string>& unknown) const;

  // The names of all modules whose file, "kernel/drivers/net/veth.ko", is `wanted`; sorted.
  [[nodiscard]] std::vector<std::string> names(
      const std::function<bool(std::string_view)>& wanted) const;

 private:
  struct Module {
    std::string file;
    std::vector<std::string> needs;  // names
  };
  [[nodiscard]] bool collect(const std::string& name, std::set<std::string>& found) const;

  std::map<std::string, Module> modules_;                    // by name
  std::map<std::string, std::vector<std::string>> aliases_;  // without wildcards
  std::set<std::string> builtin_;
};

// "kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko.xz" -> "e1000e".
[[nodiscard]] std::string module_name(std::string_view file);

}  // namespace slipway::service
