// agent/plan.hpp -- what the server wants done with this host: the answer to GET /agent/v1/plan.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.hpp"
#include "base/result.hpp"

namespace slipway::agent {

struct ImageSource {
  std::string name;      // "debian-edge@12.5", for people
  std::string manifest;  // paths on the server, each starting with '/'
  std::string data;
  Sha256 manifest_sha256;  // everything that reaches the disk hangs on it
  std::string signature;   // of the manifest, as minisign writes it; may be empty
};

struct Requirements {
  std::uint64_t memory_octets = 0;  // 0: nothing is asked
  std::uint64_t cpus = 0;
  std::uint64_t disk_octets = 0;
  std::string firmware = "any";      // any | bios | uefi
  std::string secure_boot = "any";   // any | on | off
  bool tpm = false;                  // must be there
  std::uint64_t nic_speed_mbit = 0;  // of the NIC that booted
  bool healthy_disk = true;          // no disk that its own health data speak against
};

// What is empty or 0 is not asked. Texts must be equal, sizes lie within the bounds.
struct DiskCondition {
  std::string type;  // nvme | ssd | hdd | mmc | virtio
  std::uint64_t min_octets = 0;
  std::uint64_t max_octets = 0;
  std::string model, serial, wwn, path;
  std::optional<bool> rotational;
};

// Which of several disks that fit: none, or the one at an end of the sizes.
enum class DiskPick : std::uint8_t { one, largest, smallest };

// What happens to the disk's old content before the write, beyond what the image overwrites.
enum class Erase : std::uint8_t { none, discard, secure };

// How long each part is tried before the disk is written; 0: not at all.
struct BurnIn {
  std::chrono::seconds memory{}, disk_read{}, cpu{};
  bool operator==(const BurnIn&) const = default;
};

struct SeedSource {
  std::string url;  // a path on the server, fetched with the session's bearer
  std::uint64_t octets = 0;
  Sha256 sha256;
};

// The host's document for Kairos, in the place of the seed when the image has where to put it.
struct OemSource {
  SeedSource source;
  std::string name;  // of the file, "99_slipway.yaml"
};

// A file that is put into the written image's file system as it is.
struct ContentFile {
  SeedSource source;      // an artifact: fetched in ranges, without the session's bearer
  std::string path;       // absolute: as the finished host sees it or, with `partition`, in there
  std::string partition;  // label of a file system; empty: the agent finds the place
};
inline constexpr std::size_t kMaxContentFiles = 1000;

enum class Finish : std::uint8_t { poweroff, reboot };

struct Plan {
  std::uint64_t attempt = 0;
  std::string host;  // the host's name, for the console
  ImageSource image;
  Requirements requirements;
  std::vector<DiskCondition> disk;  // all of them must hold
  DiskPick pick = DiskPick::one;
  Erase erase = Erase::none;
  bool new_guids = false;  // for the disk and its partitions
  bool grow = false;       // the image's last partition and its file system
  BurnIn burn_in;
  std::optional<SeedSource> seed;
  std::optional<OemSource> oem;
  std::vector<ContentFile> content;
  Finish finish = Finish::poweroff;
};

// Fails when a member is missing, unknown or of the wrong kind, or when the plan asks for something
// that this agent cannot do: a plan half understood would write the wrong thing.
[[nodiscard]] Fallible<Plan> parse_plan(std::string_view json);

}  // namespace slipway::agent
