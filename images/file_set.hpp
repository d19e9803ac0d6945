// images/file_set.hpp -- what the store publishes that is not a disk image: an installer, or
// content.
//
// A file set is a name for some blobs and what each of them is. Its JSON stands where a disk
// image's manifest would stand, told apart by the member "type". Parsing takes hostile input:
// whatever parse_file_set() returns keeps every rule below.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.hpp"
#include "base/result.hpp"
#include "images/manifest.hpp"

namespace slipway::images {

// "debian-edge@12.5"
struct ImageName {
  std::string name, version;

  // Fails when either part is not an is_image_name() or there is no '@'.
  [[nodiscard]] static Fallible<ImageName> parse(std::string_view text);
  [[nodiscard]] std::string text() const { return name + "@" + version; }
  bool operator==(const ImageName&) const = default;
};

enum class FileSetType { installer, content };
[[nodiscard]] std::string_view text(FileSetType type);

struct StoredFile {
  // Of an installer: kernel, initrd, initrd2, …, rootfs, iso, or a path of the installer's tree
  // ("images/install.img"). Of content: the file's name. Never absolute, no "." or ".." in it, no
  // control characters, at most 1024 octets.
  std::string name;
  std::uint64_t octets = 0;
  Sha256 sha256;  // the blob
  bool operator==(const StoredFile&) const = default;
};

inline constexpr std::size_t kMaxSetFiles = 65536;
inline constexpr std::size_t kMaxCmdlineOctets = 2048;  // Linux takes no more on x86

struct FileSet {
  ImageName name;
  FileSetType type = FileSetType::installer;
  // kairos debian debian-live ubuntu fedora fcos talos generic; of content: content.
  std::string kind;
  SourceFile source;
  std::string cmdline;             // one line without control characters; may be empty
  std::vector<StoredFile> files;   // 1..kMaxSetFiles, each name once
  std::vector<std::string> found;  // lines for people: "kernel /boot/kernel"
  bool operator==(const FileSet&) const = default;

  // The file of that name, or none.
  [[nodiscard]] const StoredFile* find(std::string_view file_name) const;
  [[nodiscard]] std::uint64_t octets() const;  // of all files
};

// Keeps every rule above, or says which one is broken and where ("files[17]: ...").
[[nodiscard]] Fallible<void> check_file_set(const FileSet& set);

// The JSON text: one line, members in a fixed order, a final newline. Equal sets give equal octets.
[[nodiscard]] std::string to_json(const FileSet& set);

// Reads and checks. Unknown members are ignored, `format` other than 1 is an error.
[[nodiscard]] Fallible<FileSet> parse_file_set(std::string_view json);

// Whether to_json() of a file set wrote this, and not that of a disk image. A look at the start.
[[nodiscard]] bool is_file_set_json(std::string_view json);

}  // namespace slipway::images
