// Any octets behind the system area of an ISO 9660 medium: opening, recognising and reading refuse,
// or give members whose names keep the rules and whose content has the size that was said.
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "images/import/archive_tree.hpp"
#include "images/import/recognise.hpp"

namespace {

using namespace slipway;
using namespace slipway::images;

constexpr std::size_t kSystemArea = 32768;
constexpr TreeLimits kLimits{.max_members = 2000, .path = {}, .max_index_octets = 1 << 20};

void read_all(const ArchiveTree& tree, const std::vector<const Member*>& wanted) {
  const auto good = tree.read(wanted, [](const Member& member, const ArchiveTree::Pull& pull) {
    std::array<std::uint8_t, 4096> block{};
    std::uint64_t octets = 0;
    for (;;) {
      const auto got = pull(block);
      if (!got) return Fallible<void>(std::unexpected(got.error()));
      octets += *got;
      if (*got < block.size()) break;
    }
    if (octets != member.octets) std::abort();
    return Fallible<void>();
  });
  if (!good && good.error().text().empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int file = ::memfd_create("iso", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  if (::ftruncate(file, 0) != 0 || ::ftruncate(file, static_cast<off_t>(kSystemArea + size)) != 0 ||
      ::pwrite(file, data, size, kSystemArea) != static_cast<ssize_t>(size)) {
    std::abort();
  }
  const auto tree = ArchiveTree::open(path, kLimits);
  if (!tree) return 0;
  std::vector<const Member*> files;
  for (const auto& [name, member] : tree->members()) {
    const auto again = member_path(name);
    if (!again || *again != name || name.empty()) std::abort();
    (void)tree->find(name);  // follows what links there are; it may refuse
    if (member.type == Member::Type::file && files.size() < 50) files.push_back(&member);
  }
  read_all(*tree, files);
  const auto found = recognise(*tree);
  if (found && found->files.empty()) std::abort();
  return 0;
}
