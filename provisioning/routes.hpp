// provisioning/routes.hpp -- the boot plane but for the agent protocol: scripts, loaders,
// artifacts, and what is read with a boot token.
#pragma once

#include "http/route.hpp"
#include "provisioning/bootscript.hpp"
#include "provisioning/gate.hpp"
#include "provisioning/installs.hpp"
#include "provisioning/loaders.hpp"
#include "provisioning/sessions.hpp"
#include "provisioning/stranger_delay.hpp"

namespace slipway::provisioning {

class BootRoutes {
 public:
  struct Parts {
    Ledger& ledger;
    Gate& gate;
    Sessions& sessions;
    Installs& installs;
    Artifacts& artifacts;
    Loaders& loaders;
    StrangerDelay& delay;
  };
  explicit BootRoutes(Parts parts) : parts_(parts) {}

  // The routes refer to this object.
  void add_to(http::Router& router);

 private:
  void boot_script(const http::Request& request, http::Reply reply);
  void grub_config(const http::Request& request, http::Reply reply);
  void boot_token(const http::Request& request, http::Reply reply);
  void artifact(const http::Request& request, http::Reply reply);
  void tree_file(const http::Request& request, http::Reply reply);
  void loader(const http::Request& request, http::Reply reply);
  void with_token(const http::Request& request, TokenFile file, http::Reply reply);
  void call_back(const http::Request& request, http::Reply reply);
  void give(const http::Request& request, const Sha256& digest, std::string_view name,
            http::Reply reply);
  void preview_token_file(const Secret& token, TokenFile file, const http::Request& request,
                          http::Reply reply);
  void give_token_file(const SessionRef& ref, TokenFile file, const Secret& token,
                       const http::Request& request, http::Reply reply);
  [[nodiscard]] http::Response token_file(const SessionRef& ref, TokenFile file,
                                          const Secret& token, const ServerAddress& server);

  Parts parts_;
};

// The answer to a verdict other than good.
[[nodiscard]] http::Response refusal(Verdict verdict);

}  // namespace slipway::provisioning
