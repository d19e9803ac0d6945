#include "provisioning/boot_files.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "provisioning/bootscript.hpp"
#include "provisioning/command_line.hpp"
#include "provisioning/grub_config.hpp"
#include "provisioning/tftp_source.hpp"

namespace slipway::provisioning {
namespace {

// " in 1.2 s, 0.8 MiB/s"; empty when it took no time that could be measured.
std::string rate_text(std::uint64_t octets, std::chrono::nanoseconds took) {
  const auto seconds = std::chrono::duration<double>(took).count();
  if (seconds < 0.001) return "";
  std::array<char, 48> text{};
  constexpr double kMib = 1U << 20U;
  (void)std::snprintf(text.data(), text.size(), " in %.1f s, %.1f MiB/s", seconds,
                      static_cast<double>(octets) / kMib / seconds);  // what does not fit is cut
  return text.data();
}

std::shared_ptr<const tftp::Source> script_source(std::string_view script) {
  return in_memory(Bytes(script.begin(), script.end()));
}

// Cuts the first part of a path off, with its slash.
std::string_view take_part(std::string_view& path) {
  const auto part = path.substr(0, path.find('/'));
  path.remove_prefix(std::min(part.size() + 1, path.size()));
  return part;
}

}  // namespace

std::shared_ptr<const tftp::Source> BootFiles::open(std::string_view name, Ipv4 peer, Ipv4 server) {
  if (auto loader = open_loader(name, peer)) return loader;
  if (name == "boot.ipxe") {
    const auto port = parts_.ledger.config().boot_http_port;
    return script_source(chain_script({.address = server, .port = port}));
  }
  auto path = name;
  const auto plane = take_part(path);
  if (plane == "loader") return open_loader(path, peer);
  if (plane == "artifacts") return open_artifact(path, peer);
  if (plane == "i") return open_tree(path, peer);
  if (plane == "grub") return open_grub_config(path, peer, server);
  return nullptr;
}

// Nothing begins here: the decision is only looked at, and its token is asked for by HTTP.
std::shared_ptr<const tftp::Source> BootFiles::open_grub_config(std::string_view name, Ipv4 peer,
                                                                Ipv4 server) {
  const auto parsed = parse_grub_config_name(name);
  if (!parsed) return nullptr;
  const ServerAddress here{.address = server, .port = parts_.ledger.config().boot_http_port};
  const auto seen = parts_.gate.mac_at(peer);
  const auto mac = parsed->mac ? parsed->mac : seen;
  if (!mac) return script_source(grub_chain_config(here));
  // No alarm: nothing is to be had here, and the request may be forged.
  if ((seen && *seen != *mac) || parts_.gate.is_stranger(*mac)) return nullptr;
  const auto answer = parts_.gate.preview_script({.mac = *mac, .peer = peer});
  // GRUB runs, whatever the firmware thinks of what it starts.
  if (const auto* host = parts_.ledger.hosts().by_mac(*mac)) {
    parts_.ledger.reach(*host, Milestone::script);
  }
  switch (answer.kind) {
    case BootAnswer::Kind::local_disk: return script_source(grub_local_disk_config());
    case BootAnswer::Kind::agent:
      return script_source(grub_tftp_config(
          {.server = here, .installer = answer.installer, .mac = *mac, .token = {}}));
    case BootAnswer::Kind::third_party:
    case BootAnswer::Kind::refused:
    case BootAnswer::Kind::not_now: break;
  }
  return script_source(grub_chain_config(here));
}

std::shared_ptr<const tftp::Source> BootFiles::open_loader(std::string_view name, Ipv4 peer) {
  auto loader = parts_.loaders.source(name);
  const auto* host = loader ? parts_.gate.host_at(peer) : nullptr;
  if (host == nullptr) return loader;
  parts_.ledger.reach(*host, Milestone::loader_asked);
  auto& boot = parts_.ledger.journey().boot_of(host->id);
  boot.loader = name;
  boot.by_http = false;
  boot.transfer = Transfer::running;
  boot.transfer_began = parts_.ledger.now().steady;
  return loader;
}

std::shared_ptr<const tftp::Source> BootFiles::open_artifact(std::string_view path, Ipv4 peer) {
  const auto digest = Sha256::parse(take_part(path));
  if (!digest || path.empty() || path.contains('/')) return nullptr;
  return open_blob(*digest, path, peer);
}

std::shared_ptr<const tftp::Source> BootFiles::open_tree(std::string_view path, Ipv4 peer) {
  auto name = std::string(take_part(path));
  name += "@";
  name += take_part(path);
  const auto set = parts_.artifacts.find_installer(name);
  const auto* file = set ? set->file(path) : nullptr;
  return file == nullptr ? nullptr : open_blob(file->sha256, path, peer);
}

std::shared_ptr<const tftp::Source> BootFiles::open_blob(const Sha256& digest,
                                                         std::string_view name, Ipv4 peer) {
  auto file = parts_.artifacts.open(digest);
  if (!file) return nullptr;
  if (is_boot_file(name)) parts_.gate.note_installer_file(peer, std::string(name));
  return on_disk(std::move(file));
}

void BootFiles::sent(std::string_view name, Ipv4 peer, std::uint64_t octets) {
  const auto* host = parts_.gate.host_at(peer);
  if (host == nullptr) return;
  if (!is_loader(name)) return;  // an installer's file is in the timeline since it was asked for
  parts_.ledger.reach(*host, Milestone::loader_sent);
  auto& boot = parts_.ledger.journey().boot_of(host->id);
  boot.transfer = Transfer::done;
  const auto took = parts_.ledger.now().steady - boot.transfer_began;
  parts_.ledger.note(*host, "host.loader_sent",
                     "took " + std::string(name) + " by TFTP, " + std::to_string(octets) +
                         " octets" + rate_text(octets, took));
}

void BootFiles::broke_off(std::string_view name, Ipv4 peer, bool answered) {
  const auto* host = parts_.gate.host_at(peer);
  if (host == nullptr) return;
  auto& boot = parts_.ledger.journey().boot_of(host->id);
  if (is_loader(name)) boot.transfer = answered ? Transfer::broken : Transfer::unanswered;
  parts_.ledger.note(*host, "host.loader_broken",
                     answered
                         ? "went silent while it took " + std::string(name) + " by TFTP"
                         : "asked for " + std::string(name) + " by TFTP and acknowledged nothing");
}

bool BootFiles::is_loader(std::string_view name) const {
  return parts_.loaders.source(name) != nullptr || name.starts_with("loader/");
}

}  // namespace slipway::provisioning
