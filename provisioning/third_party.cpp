#include "provisioning/third_party.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "provisioning/command_lint.hpp"
#include "provisioning/installer_kind.hpp"

namespace slipway::provisioning {
namespace {

constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20U;

// What images of others are recognised as, by the kind of installer that boots them.
std::string_view image_kind_of(InstallerKind kind) {
  switch (kind) {
    case InstallerKind::kairos: return "kairos";
    case InstallerKind::preseed: return "debian";
    case InstallerKind::autoinstall: return "ubuntu";
    case InstallerKind::kickstart: return "fedora";
    case InstallerKind::ignition: return "fcos";
    case InstallerKind::talos: return "talos";
    case InstallerKind::generic:
    case InstallerKind::flash: break;
  }
  return {};
}

std::string mebibytes(std::uint64_t octets) {
  return std::to_string((octets + kMebibyte - 1) / kMebibyte) + " MiB";
}

// Stands for a boot: the addresses and the token of a real one are no longer.
ThirdPartyBoot longest_boot(const ThirdPartyInstaller& installer) {
  static constexpr std::string_view kTokenOfFullLength = "00000000000000000000000000000000";
  return {.server = {.address = *Ipv4::parse("255.255.255.255"), .port = 65535},
          .mac = Mac{},
          .token = kTokenOfFullLength,
          .installer = installer};
}

std::uint64_t octets_of(const InstallerSet& set, std::string_view name) {
  const auto* file = set.file(name);
  return file == nullptr ? 0 : file->octets;
}

}  // namespace

Ending ending_of(InstallerKind kind) {
  if (kind == InstallerKind::ignition) return Ending::reports_from_disk;
  return kind == InstallerKind::talos ? Ending::silent : Ending::reports;
}

std::chrono::seconds report_within(const Profile& profile) {
  constexpr std::chrono::minutes kReport{90};
  constexpr std::chrono::minutes kSilent{20};
  if (profile.report_within.count() != 0) return profile.report_within;
  return ending_of(profile.installer) == Ending::silent ? kSilent : kReport;
}

const Profile* third_party_profile(const Host& host, const Inventory& current) {
  if (!host.arming) return nullptr;
  const auto& inventory = host.snapshot ? *host.snapshot : current;
  const auto* profile = inventory.profile(host.arming->profile);
  const bool is_ours = profile == nullptr || profile->installer == InstallerKind::flash;
  return is_ours ? nullptr : profile;
}

ThirdPartyInstaller third_party_installer(const Profile& profile, InstallerSet set) {
  ThirdPartyInstaller installer{.kind = profile.installer,
                                .set = std::move(set),
                                .cmdline = profile.cmdline,
                                .consoles = profile.consoles};
  const auto named =
      std::ranges::find_if(profile.disk, [](const auto& rule) { return !rule.path.empty(); });
  if (named != profile.disk.end()) installer.disk = named->path;
  return installer;
}

std::vector<Mistake> check_third_party(const Profile& profile, const InstallerSet& set) {
  const auto wanted = image_kind_of(profile.installer);
  if (!wanted.empty() && set.kind != wanted && set.kind != "generic") {
    return {{profile.image_mark, "image " + set.name + " is an installer of kind " + set.kind +
                                     "; the installer " + std::string(name_of(profile.installer)) +
                                     " boots images of kind " + std::string(wanted)}};
  }
  for (const auto* role : {"kernel", "initrd"}) {
    if (set.file(role) == nullptr) {
      return {{profile.image_mark, "image " + set.name + " has no " + role}};
    }
  }
  const auto installer = third_party_installer(profile, set);
  const auto& mark = profile.cmdline_mark.line != 0 ? profile.cmdline_mark : profile.installer_mark;
  const auto line = kernel_command_line(longest_boot(installer));
  if (!line) return {{mark, line.error().text()}};
  std::vector<Mistake> mistakes;
  for (auto& wrong : lint_command_line(profile.installer, set.kind, *line)) {
    mistakes.push_back({mark, std::move(wrong)});
  }
  return mistakes;
}

std::vector<Mistake> check_third_party(const Subject& subject, const InstallerSet& set) {
  const auto& profile = subject.profile;
  auto mistakes = check_third_party(profile, set);
  if (set.kind != "kairos" || !mistakes.empty()) return mistakes;
  const auto document = render_config(subject, {});
  if (document && !has_cloud_config_header(*document)) {
    mistakes.push_back({profile.template_mark,
                        "none of the first 10 lines of the config is `#cloud-config`: Kairos would "
                        "install with an empty config; begin the template with it"});
  }
  return mistakes;
}

std::uint64_t memory_needed(InstallerKind kind, const InstallerSet& set) {
  std::uint64_t initrds = 0;
  for (const auto* initrd : initrds_of(set)) initrds += initrd->octets;
  const auto root = octets_of(set, "rootfs");
  const auto fetched = root != 0 ? root : octets_of(set, "iso");
  if (kind == InstallerKind::kairos || set.kind == "kairos") return 2 * (initrds + fetched);
  const auto stage2 = octets_of(set, "images/install.img") + octets_of(set, "LiveOS/squashfs.img");
  return 3 * initrds + fetched + stage2 + 256 * kMebibyte;
}

std::optional<std::uint64_t> known_memory(const Host& host) {
  if (host.inventory_json.empty()) return std::nullopt;
  const auto inventory = parse_json(host.inventory_json);
  if (!inventory) return std::nullopt;
  const auto octets = JsonView(*inventory).number_or("memory_octets", 0);
  if (octets == 0) return std::nullopt;
  return octets;
}

std::string memory_refusal(const Host& host, InstallerKind kind, const InstallerSet& set) {
  const auto known = known_memory(host);
  const auto needed = memory_needed(kind, set);
  if (!known || *known >= needed) return {};
  return "memory-too-small: host " + host.shown_name() + " has " + mebibytes(*known) +
         " of memory, and " + set.name + " needs " + mebibytes(needed) +
         "; fit more memory, or assign another profile";
}

}  // namespace slipway::provisioning
