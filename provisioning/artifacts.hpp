// provisioning/artifacts.hpp -- what provisioning asks of the image store and of the installer.
//
// The service adapts the images folder to it. All calls come from the deciding thread and must
// not block for long.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "base/result.hpp"
#include "http/message.hpp"
#include "provisioning/userdata.hpp"

namespace slipway::provisioning {

// Digests of the stored octets, by which the artifacts are served.
struct ImageFiles {
  std::string name{};  // NAME@VERSION, the version always there
  Sha256 manifest{}, data{};
  std::string signature{};  // of the manifest, as minisign writes it; empty: it has none
};
// One file of a content, served by its digest.
struct ContentPart {
  std::string name;  // of the file, without a folder
  std::uint64_t octets = 0;
  Sha256 sha256;
};
struct InstallerFiles {
  Sha256 vmlinuz, initramfs;
};

// One file of an installer of others. Its name is its role (kernel, initrd, initrd2, rootfs, iso)
// or its path in the installer's tree ("images/install.img").
struct InstallerFile {
  std::string name{};
  Sha256 sha256{};
  std::uint64_t octets = 0;
};

// An installer of others, as the store has it.
struct InstallerSet {
  std::string name{};     // NAME@VERSION
  std::string kind{};     // as it was recognised: kairos, debian, ubuntu, fedora, fcos, talos, ...
  std::string cmdline{};  // given when it was imported; may be empty
  Sha256 manifest{};
  std::vector<InstallerFile> files{};

  // The file of that name, or null.
  [[nodiscard]] const InstallerFile* file(std::string_view wanted) const;
};

class Artifacts {
 public:
  virtual ~Artifacts() = default;

  // The image NAME@VERSION. Fails with a sentence for the operator when the store has none.
  [[nodiscard]] virtual Fallible<ImageFiles> find_image(std::string_view name) = 0;

  // The installer of others NAME@VERSION. Fails with a sentence that says what is under that name
  // instead: nothing, or a disk image.
  [[nodiscard]] virtual Fallible<InstallerSet> find_installer(std::string_view name) = 0;

  // The files of the content NAME@VERSION. Fails when the store has none, or it is something else.
  [[nodiscard]] virtual Fallible<std::vector<ContentPart>> find_content(std::string_view name) = 0;

  // Our own installer's kernel and initramfs; fails with a sentence when it was not built.
  [[nodiscard]] virtual Fallible<InstallerFiles> installer() = 0;

  // A published artifact: any blob of the store and the two files of the installer, none of which
  // holds a secret. Null: there is none with this digest.
  [[nodiscard]] virtual std::shared_ptr<const http::File> open(const Sha256& digest) = 0;

  // The NoCloud volume of a host (ISO 9660, label cidata). The same seed gives the same octets.
  [[nodiscard]] virtual Fallible<Bytes> cidata_iso(const Seed& seed) = 0;
  // The same as FAT, which can be read on disks with sectors of 4096 octets, too.
  [[nodiscard]] virtual Fallible<Bytes> cidata_fat(const Seed& seed) = 0;

  // A cpio (newc) with etc/slipway/token, mode 0600, its length a multiple of 512 octets.
  [[nodiscard]] virtual Fallible<Bytes> token_cpio(std::string_view token) = 0;
};

}  // namespace slipway::provisioning
