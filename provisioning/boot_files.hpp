// provisioning/boot_files.hpp -- what TFTP may read: the files of the boot plane that hold no
// secret and change no state, under the paths that they have over HTTP.
//
//   ipxe.efi, loader/ipxe.efi      boot programs, the distribution's and the operator's
//   artifacts/SHA256/NAME          blobs of the store and the installer's files
//   i/NAME/VERSION/PATH            the trees of installers
//   boot.ipxe                      the script that goes on by HTTP
//   grub/grub.cfg[-MAC]            the same for GRUB, or what starts the disk
//
// What is read with a boot token (/h/TOKEN/...) is not here: TFTP cannot tell who acknowledged
// what.
#pragma once

#include "provisioning/gate.hpp"
#include "provisioning/loaders.hpp"
#include "tftp/files.hpp"

namespace slipway::provisioning {

class BootFiles final : public tftp::Files {
 public:
  struct Parts {
    Ledger& ledger;
    Gate& gate;
    Artifacts& artifacts;
    const Loaders& loaders;
  };
  explicit BootFiles(Parts parts) : parts_(parts) {}

  [[nodiscard]] bool may_ask(Ipv4 peer) override { return parts_.gate.may_ask(peer); }
  [[nodiscard]] bool is_neighbour(Ipv4 peer) override {
    return parts_.ledger.neighbour(peer).has_value();
  }
  [[nodiscard]] std::shared_ptr<const tftp::Source> open(std::string_view name, Ipv4 peer,
                                                         Ipv4 server) override;
  void sent(std::string_view name, Ipv4 peer, std::uint64_t octets) override;
  void broke_off(std::string_view name, Ipv4 peer, bool answered) override;

 private:
  [[nodiscard]] bool is_loader(std::string_view name) const;
  [[nodiscard]] std::shared_ptr<const tftp::Source> open_loader(std::string_view name, Ipv4 peer);
  [[nodiscard]] std::shared_ptr<const tftp::Source> open_artifact(std::string_view path, Ipv4 peer);
  [[nodiscard]] std::shared_ptr<const tftp::Source> open_tree(std::string_view path, Ipv4 peer);
  [[nodiscard]] std::shared_ptr<const tftp::Source> open_grub_config(std::string_view name,
                                                                     Ipv4 peer, Ipv4 server);
  [[nodiscard]] std::shared_ptr<const tftp::Source> open_blob(const Sha256& digest,
                                                              std::string_view name, Ipv4 peer);

  Parts parts_;
};

}  // namespace slipway::provisioning
