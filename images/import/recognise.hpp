// images/import/recognise.hpp -- which installer a tree of files is, by what is in it. Pure, but
// for links that are looked up.
//
// One row of the table for each layout; names of files and of volumes are not asked. What is not
// recognised is refused with what each row missed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "images/import/archive_tree.hpp"
#include "images/import/file_check.hpp"

namespace slipway::images {

// A file of the tree and what it becomes in the file set.
struct FoundFile {
  std::string name;  // in the set: a role, or the path of a file that is served at its place
  const Member* member = nullptr;
  FileForm form = FileForm::any;
};

struct Installer {
  std::string kind;    // kairos debian debian-live ubuntu fedora fcos talos generic
  std::string system;  // for people: "Debian installer, CD"
  std::vector<FoundFile> files;
  bool whole_medium = false;  // the ISO itself becomes the file "iso"
  // Files of the set that a host holds in memory while it starts: these twice (as fetched and
  // unpacked), and the medium once.
  std::vector<std::string> in_memory = {};
  std::string note = {};  // what a person should know; may be empty
};

// The kinds that --kind takes, in the order of the table, "generic" last.
[[nodiscard]] std::vector<std::string_view> installer_kinds();

// A file that a person named for a role: kernel, initrd, initrd2, ..., rootfs.
struct GivenFile {
  std::string role, path;
  bool operator==(const GivenFile&) const = default;
};

// `kind` empty: whatever it is; otherwise only that one, where `given` files stand for what would
// be looked for. Of kind generic, the given files are all. Fails when nothing is recognised (with
// what was looked for, row by row, and the remedy), when it may be more than one, when a given file
// is not there, and for links that lead nowhere. The members live as long as `tree`.
[[nodiscard]] Fallible<Installer> recognise(const ArchiveTree& tree, std::string_view kind = {},
                                            const std::vector<GivenFile>& given = {});

// The same from files that lie beside each other and not in an archive: no member, only names and
// forms. Fails when `kind` needs more than was given.
[[nodiscard]] Fallible<Installer> installer_of(std::string_view kind,
                                               const std::vector<GivenFile>& given);

}  // namespace slipway::images
