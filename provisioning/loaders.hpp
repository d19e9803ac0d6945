// provisioning/loaders.hpp -- the published boot programs, for TFTP and UEFI HTTP Boot.
//
// Fixed lists of names are looked for once, at the start, and the operator's own folder is listed
// once; nothing else can be asked for, and what is asked for never reaches the file system.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.hpp"
#include "provisioning/boot_program.hpp"
#include "provisioning/inventory.hpp"
#include "tftp/files.hpp"

namespace slipway::provisioning {

class Loaders {
 public:
  // Files that are missing or cannot be read are left out. Of the operator's own folder, every file
  // of a name that may be published is (boot_program.hpp), and comes before one of the
  // distribution: shimx64.efi and grubx64.efi there take the place of the signed ones.
  explicit Loaders(const LoaderFolders& folders);

  [[nodiscard]] bool has(std::string_view name) const { return loaders_.contains(name); }

  // The octets for TFTP, or null.
  [[nodiscard]] std::shared_ptr<const tftp::Source> source(std::string_view name) const;

  // The same file for HTTP, or null.
  [[nodiscard]] std::shared_ptr<const http::File> file(std::string_view name) const;

 private:
  struct Loader {
    std::shared_ptr<const tftp::Source> source;
    std::shared_ptr<const http::File> file;
  };
  void publish(const std::filesystem::path& path, std::string_view name);
  void publish_own(const std::filesystem::path& folder);

  std::map<std::string, Loader, std::less<>> loaders_;
};

struct MissingProgram {
  std::string file;  // its published name
  std::string who;   // "boot_programs.uefi", "host h1"
};

// What settings and hosts name and `loaders` does not have; of two that name the same, the first.
[[nodiscard]] std::vector<MissingProgram> missing_programs(const Loaders& loaders,
                                                           const BootPrograms& programs,
                                                           const Inventory& inventory);

}  // namespace slipway::provisioning
