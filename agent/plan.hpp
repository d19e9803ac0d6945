// agent/plan.hpp -- what the server wants done with this host: the answer to GET /agent/v1/plan.
#pragma once

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
};

struct Requirements {
  std::uint64_t memory_octets = 0;  // 0: nothing is asked
  std::uint64_t cpus = 0;
  std::uint64_t disk_octets = 0;
  std::string firmware = "any";  // any | bios | uefi
};

// What is empty or 0 is not asked. Texts must be equal, sizes lie within the bounds.
struct DiskCondition {
  std::string type;  // nvme | ssd | hdd | mmc | virtio
  std::uint64_t min_octets = 0;
  std::uint64_t max_octets = 0;
  std::string model, serial, path;
};

struct SeedSource {
  std::string url;  // a path on the server, fetched with the session's bearer
  std::uint64_t octets = 0;
  Sha256 sha256;
};

enum class Finish : std::uint8_t { poweroff, reboot };

struct Plan {
  std::uint64_t attempt = 0;
  std::string host;  // the host's name, for the console
  ImageSource image;
  Requirements requirements;
  std::vector<DiskCondition> disk;  // all of them must hold
  std::optional<SeedSource> seed;
  Finish finish = Finish::poweroff;
};

// Fails when a member is missing or of the wrong kind, or when the plan asks for something that
// this agent cannot do: a plan half understood would write the wrong thing.
[[nodiscard]] Fallible<Plan> parse_plan(std::string_view json);

}  // namespace slipway::agent
