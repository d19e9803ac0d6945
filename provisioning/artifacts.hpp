// provisioning/artifacts.hpp -- what provisioning asks of the image store and of the installer.
//
// The service adapts the images folder to it. All calls come from the deciding thread and must
// not block for long.
#pragma once

#include <memory>
#include <string>
#include <string_view>

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
struct InstallerFiles {
  Sha256 vmlinuz, initramfs;
};

class Artifacts {
 public:
  virtual ~Artifacts() = default;

  // The image NAME@VERSION. Fails with a sentence for the operator when the store has none.
  [[nodiscard]] virtual Fallible<ImageFiles> find_image(std::string_view name) = 0;

  // The installer's kernel and initramfs; fails with a sentence when it was not built.
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
