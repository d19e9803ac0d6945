// Media for the tests of this folder: kernels by hand, ISOs by xorriso and genisoimage, and ISOs
// made octet by octet for what those tools refuse to make.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "tests/images/disk_image.hpp"

namespace slipway::test {

// A bzImage as small as the boot protocol allows, of that version.
[[nodiscard]] std::string fake_kernel(const std::string& version = "6.1.0-28-amd64");
// A super block that says `used` octets, and that many octets (at least 96).
[[nodiscard]] std::string fake_squashfs(std::size_t octets = 4096);
[[nodiscard]] std::string fake_erofs(std::uint32_t blocks = 2);
[[nodiscard]] std::string fake_initrd();  // the start of a gzip

// Path -> content.
using Layout = std::map<std::string, std::string>;
void write_layout(const std::string& folder, const Layout& layout);

// Runs a tool that must succeed; the test fails with what it said otherwise.
void must_run(const std::string& command);

// An ISO of `layout` with Rock Ridge and Joliet by xorriso; `options` go to xorrisofs.
[[nodiscard]] std::string make_medium(const ScratchFolder& scratch, const std::string& name,
                                      const Layout& layout, const std::string& options = "-r -J");

// Names of the installers of the table with the smallest tree of each.
[[nodiscard]] const std::map<std::string, Layout>& known_layouts();

// One record of a directory (ECMA-119 s.9.1) of a medium made by hand.
struct RawRecord {
  std::string name;  // "\0" and "\1" are the folder itself and its parent
  std::uint32_t sector = 0;
  std::uint32_t octets = 0;
  std::uint8_t flags = 0;       // 2: a folder; 0x80: more extents follow
  std::string system_use = {};  // Rock Ridge
  int length = -1;              // what the record says of its length; -1: the truth
};
// Sectors of 2048 octets: 16 the primary descriptor, 17 the terminator, 18 the root directory with
// `root` behind "." and "..". `more` are further sectors by number.
struct RawMedium {
  std::vector<RawRecord> root;
  std::map<std::uint32_t, std::string> more;
  std::uint32_t sectors = 64;         // of the file
  std::uint32_t volume_sectors = 64;  // as the descriptor says
  std::uint32_t root_sector = 18, root_octets = 2048;
  std::uint16_t block_octets = 2048;
  bool rock_ridge = false;

  [[nodiscard]] Bytes bytes() const;
  [[nodiscard]] static std::string folder(const std::vector<RawRecord>& records);
};
// Rock Ridge fields: an alternate name, a POSIX mode, a link's target, a device number.
[[nodiscard]] std::string rr_name(const std::string& name);
[[nodiscard]] std::string rr_mode(std::uint32_t mode);
[[nodiscard]] std::string rr_link(const std::vector<std::string>& parts);
[[nodiscard]] std::string rr_device(std::uint32_t major, std::uint32_t minor);

}  // namespace slipway::test
