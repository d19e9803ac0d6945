// provisioning/inventory_writer.hpp -- sites and hosts as files of the inventory folder.
//
// In two steps, so that a mistake never lands: check_additions() reads the whole inventory as if
// the new entries stood in it, and only what it found good can be written. A write is all or
// nothing as far as a file system allows: secrets first, then the files that name them, each by one
// rename of a synced file; what fails is taken back. A crash in between leaves the first entries of
// the list in the inventory, which is valid then, too, unless replaced entries exchange MACs or
// names: then the same import must be run again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "provisioning/fields.hpp"
#include "provisioning/inventory.hpp"

namespace slipway::provisioning {

enum class Existing : std::uint8_t { refuse, replace };

// Entries that were found good. Only check_additions() makes one.
class InventoryDraft {
 public:
  struct File {
    std::filesystem::path path;
    std::string name;  // of the site or host
    Value value;       // secrets are of type Secret
    bool replaces = false;
  };
  [[nodiscard]] const std::vector<File>& files() const { return files_; }

 private:
  friend struct CheckedAdditions check_additions(const std::filesystem::path& folder,
                                                 Additions additions, Existing existing);
  explicit InventoryDraft(std::filesystem::path folder) : folder_(std::move(folder)) {}
  friend class InventoryWriter;
  std::filesystem::path folder_;
  std::vector<File> files_;
};

struct CheckedAdditions {
  Inventory inventory;                  // with the additions in it
  Mistakes mistakes;                    // of the whole inventory, warnings included
  std::optional<InventoryDraft> draft;  // none when there is a mistake that is no warning
};

// Checks `additions` together with the inventory of `folder`. Each must be a map with a `name`; its
// marks name the places in messages. Texts under secret keys and URLs with a password become
// secrets. A name that is taken is a mistake that names both places; under Existing::replace the
// new entry goes into the file of the old one, which must be a YAML file and not hosts.csv.
[[nodiscard]] CheckedAdditions check_additions(const std::filesystem::path& folder,
                                               Additions additions, Existing existing);

// Writes FOLDER/sites/NAME.yaml and FOLDER/hosts/NAME.yaml (mode 0644) and their secrets as
// FOLDER/secrets/NAME.KEY (0600; 0640 where that folder is 0750; the folder is made with 0700). A
// secret file that is there is never written over: the next free name is taken. Gives the
// files that are new or changed. On failure nothing is changed.
[[nodiscard]] Fallible<std::vector<std::filesystem::path>> write_additions(
    const InventoryDraft& draft);

// What a person may see of an addition before it is written: the file's text, secrets masked.
[[nodiscard]] std::string preview(const InventoryDraft::File& file);

}  // namespace slipway::provisioning
