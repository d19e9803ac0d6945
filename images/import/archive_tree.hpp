// images/import/archive_tree.hpp -- an ISO 9660 medium or a tar archive as a tree of members, by
// libarchive.
//
// The members are read as streams; nothing is ever extracted. Rock Ridge is used where the medium
// has it, else Joliet, else the plain names (which are then found in spite of their case and of
// "KERNEL.;1"). tar may be packed with gzip, bzip2, xz or zstd. Nothing of the archive is trusted:
// names, depth, the number of members, declared sizes and the memory for the table of contents are
// bounded, and a member that the archive does not hold whole is an error that names it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "images/import/member_path.hpp"

namespace slipway::images {

struct TreeLimits {
  std::size_t max_members = 250'000;  // a container's root file system has about 100,000
  PathLimits path;
  // What libarchive may read of an ISO's directories; a member takes about 150 octets of it.
  std::uint64_t max_index_octets = std::uint64_t{24} << 20;
  // How much larger than the file all members of a packed tar may be; from 1 GiB on.
  std::uint64_t max_ratio = 200;
};

struct Member {
  enum class Type { file, folder, link, special };
  std::string path;  // member_path()
  Type type = Type::file;
  std::uint64_t octets = 0;  // of a file
  std::string target = {};   // of a link, as it stands there; of a hard link, the member's path
  bool is_hard_link = false;
  std::size_t number = 0;  // among all members, as they lie in the archive
};

class ArchiveTree {
 public:
  // Fills the span, fewer octets mean the member's end. Fails when the archive ends before.
  using Pull = std::function<Fallible<std::size_t>(std::span<std::uint8_t>)>;
  using Visit = std::function<Fallible<void>(const Member& member, const Pull& pull)>;

  // Whether this file is one for open(); no says nothing of why.
  [[nodiscard]] static bool is_iso(const std::filesystem::path& path);
  [[nodiscard]] static bool is_tar(const std::filesystem::path& path);

  // Reads the table of contents.
  [[nodiscard]] static Fallible<ArchiveTree> open(const std::filesystem::path& path,
                                                  const TreeLimits& limits = {});
  ArchiveTree(ArchiveTree&&) noexcept;
  ArchiveTree& operator=(ArchiveTree&&) noexcept;
  ~ArchiveTree();

  [[nodiscard]] bool is_iso() const;
  [[nodiscard]] const std::map<std::string, Member, std::less<>>& members() const;

  // The file at `path`, links within the archive followed; nullptr when there is none. A name that
  // differs only in case, or that ISO 9660 level 1 shortened, counts where it is the only one.
  // Fails for a link that leads out or in a circle.
  [[nodiscard]] Fallible<const Member*> find(std::string_view path) const;
  // All files that fit a pattern, by path. Links are not followed.
  [[nodiscard]] std::vector<const Member*> all(std::string_view pattern) const;

  // Calls `visit` once for each of these members, in the order in which they lie in the archive. It
  // need not pull all.
  [[nodiscard]] Fallible<void> read(const std::vector<const Member*>& wanted,
                                    const Visit& visit) const;

  // After everything was read. Fails when the file was changed since open(), or is smaller than the
  // medium's own descriptor says.
  [[nodiscard]] Fallible<void> check_whole() const;
  // The octets of the archive itself, from the same open file.
  [[nodiscard]] std::uint64_t octets() const;
  [[nodiscard]] Fallible<std::size_t> read_at(std::uint64_t offset,
                                              std::span<std::uint8_t> out) const;

 private:
  struct State;
  explicit ArchiveTree(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace slipway::images
