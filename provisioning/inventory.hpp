// provisioning/inventory.hpp -- what operators prepare: profiles, sites, hosts.
//
// Loaded whole, checked whole, then immutable and shared. Reading and checking never touches the
// state of hosts, which lives in the store.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/net.hpp"
#include "base/result.hpp"
#include "dhcp/policy.hpp"
#include "provisioning/value.hpp"

namespace slipway::provisioning {

enum class Firmware : std::uint8_t { any, bios, uefi };
enum class SecureBoot : std::uint8_t { any, on, off };
// What is left when the conditions fit several disks: a failure, or the one at an end of the sizes.
enum class DiskPick : std::uint8_t { one, largest, smallest };
// What happens to the disk's old content before the write, beyond what the image overwrites.
enum class Erase : std::uint8_t { none, discard, secure };
// The first two are trees of settings; the others come from a text template. `yaml` is autoinstall
// without its first line.
enum class UserDataFormat : std::uint8_t {
  cloud_init,
  kairos,
  preseed,
  kickstart,
  autoinstall,
  ignition,
  yaml,
  generic
};
enum class Finish : std::uint8_t { poweroff, reboot };
// Our own and those of others.
enum class InstallerKind : std::uint8_t {
  flash,
  kairos,
  preseed,
  autoinstall,
  kickstart,
  ignition,
  talos,
  generic
};

struct Template;  // template.hpp

struct Requirements {
  std::uint64_t memory_octets = 0;  // 0: none asked
  std::uint64_t cpus = 0;
  std::uint64_t disk_octets = 0;
  Firmware firmware = Firmware::any;
  SecureBoot secure_boot = SecureBoot::any;
  bool tpm = false;                  // must be there
  std::uint64_t nic_speed_mbit = 0;  // of the NIC that booted
  bool healthy_disk = true;          // SMART and NVMe must not speak against the disk
};

// One condition of a disk rule; all conditions of all entries must hold, and exactly one disk may
// be left.
struct DiskCondition {
  std::string type;  // nvme | ssd | hdd | mmc | virtio, or empty
  std::uint64_t min_octets = 0;
  std::uint64_t max_octets = 0;          // 0: no limit
  std::string model, serial, wwn, path;  // exact; empty: any
  std::optional<bool> rotational{};
};

// How long the parts of a host are tried before its disk is written; 0: not at all.
struct BurnIn {
  std::chrono::seconds memory{}, disk_read{}, cpu{};
  bool operator==(const BurnIn&) const = default;
};

// Of a composed profile also what stood beside the layers of its parts: without name and kind.
struct Layer {
  std::string name;
  std::string kind;  // os | kubernetes | network | storage | add-on
  std::string version;
  Value user_data;
  Mark mark{};
};

// Files of the store that go onto the disk beside the image.
struct ContentItem {
  std::string image;      // NAME@VERSION, imported with --kind content
  std::string path;       // the folder for its files: absolute, clean
  std::string partition;  // label of the file system that `path` is in; empty: the agent finds it
  Mark mark;
};

struct Profile {
  std::string name, version = "1.0.0", type = "full", description;
  InstallerKind installer = InstallerKind::flash;
  std::string image;    // NAME@VERSION: what our installer writes, or the installer itself
  std::string cmdline;  // further words for the kernel of an installer of others
  std::vector<std::string> consoles;     // of it, as `console=` takes them; empty: its kind's own
  std::chrono::seconds report_within{};  // from its config to its report; 0: its kind's own time
  UserDataFormat format = UserDataFormat::cloud_init;
  std::string template_file;  // relative to the inventory folder; empty: none
  std::shared_ptr<const Template> text_template;
  Mark format_mark, template_mark, installer_mark, image_mark, cmdline_mark;
  Requirements requirements;
  std::vector<DiskCondition> disk;
  DiskPick pick = DiskPick::one;
  Erase erase = Erase::none;
  bool new_guids = false;  // for the disk and its partitions
  bool grow = false;       // the last partition of the image and its file system
  BurnIn burn_in;
  std::vector<ContentItem> content;
  std::vector<Layer> layers;
  Value user_data;
  Finish finish = Finish::poweroff;
  std::map<std::string, std::string> tags;
  std::vector<std::string> parts;  // of which it is composed, NAME@VERSION; all are in it already
  Mark mark;
  [[nodiscard]] std::string id() const { return name + "@" + version; }
};

struct Site {
  std::string name;
  Value user_data;  // stylus, install, stages, reboot, network of the site file, as one map
  Mark mark;
};

// A host as its file describes it. `name` is the file's stem unless the file says otherwise.
struct HostEntry {
  std::string name;
  std::vector<Mac> macs;
  std::vector<Mac> shared_macs{};  // of NICs that go from host to host: they identify nobody
  std::optional<Uuid> uuid;
  std::string serial;
  std::string manufacturer, product;  // as the machine says; no inventory file has them
  std::optional<dhcp::OfferStyle>
      offer{};                          // how its firmware is sent to its file; none: as the depot
  std::string boot_program{};           // boot_program.hpp; empty: the depot's for its architecture
  std::optional<Ipv4> bench_address{};  // its lease while it is set up, where we give those
  Mark offer_mark{}, bench_address_mark{};
  std::string site, profile;  // profile as written: NAME or NAME@VERSION; empty: not assigned
  Value user_data;
  Mark mark;
};

struct Inventory {
  std::vector<Profile> profiles;
  std::vector<Site> sites;
  std::vector<HostEntry> hosts;

  // NAME means the highest version; by the rules of Semantic Versioning: "1.10.0" is
  // above "1.9.2" and above "1.10.0-rc1".
  [[nodiscard]] const Profile* profile(std::string_view id) const;
  [[nodiscard]] const Site* site(std::string_view name) const;
  [[nodiscard]] const HostEntry* host(std::string_view name) const;
  // Null also for a MAC that hosts share.
  [[nodiscard]] const HostEntry* host_by_mac(const Mac& mac) const;
  // The host that alone gets `address` as a lease, or null.
  [[nodiscard]] const HostEntry* host_by_bench_address(Ipv4 address) const;
  // The hosts that list `mac` among their shared MACs.
  [[nodiscard]] std::vector<const HostEntry*> sharers(const Mac& mac) const;

  // Makes the lookups above independent of the size. load_inventory() has called it; whoever
  // changes names afterwards calls it again.
  void index();

 private:
  struct HashText {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const;
  };
  using Places = std::unordered_map<std::string, std::size_t, HashText, std::equal_to<>>;
  struct Index {
    Places profiles, sites, hosts;  // profiles by NAME (highest version) and by NAME@VERSION
    std::map<Mac, std::size_t> macs;
    std::multimap<Mac, std::size_t> shared;
    std::map<Ipv4, std::size_t> benches;
    std::size_t counts[3] = {};  // of what was indexed
  };
  [[nodiscard]] bool is_indexed() const;
  [[nodiscard]] const Profile* find_profile(std::string_view id) const;
  Index index_;
};

inline constexpr std::size_t kMaxCsvOctets = std::size_t{64} << 20U;

struct Loaded {
  Inventory inventory;
  std::vector<Mistake> mistakes;  // warnings included
  [[nodiscard]] bool good() const;
};

// Entries that are not in the folder yet, as their files would hold them, each with its `name`.
struct Additions {
  std::vector<Value> sites, hosts;
  std::vector<std::filesystem::path> replaced;  // files of the folder that are not read
};

// Reads FOLDER/{profiles,sites,hosts}/*.yaml and FOLDER/hosts.csv in the order of their names and
// reports every mistake of every file at once. A folder that is missing counts as empty; FOLDER
// itself must exist. `additions` come last, as if they stood in files of their own.
[[nodiscard]] Loaded load_inventory(const std::filesystem::path& folder,
                                    const Additions& additions = {});

}  // namespace slipway::provisioning
