#include "provisioning/command_lint.hpp"

#include <algorithm>
#include <map>

#include "provisioning/command_line.hpp"

namespace slipway::provisioning {
namespace {

using Words = std::vector<std::string_view>;

bool has(const Words& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// The text after `KEY=`; empty where no word says it.
std::string_view value_of(const Words& words, std::string_view key) {
  for (const auto word : words) {
    if (word.starts_with(key) && word.substr(key.size()).starts_with('=')) {
      return word.substr(key.size() + 1);
    }
  }
  return {};
}

void lint_length(std::string_view line, std::vector<std::string>& said) {
  if (line.size() <= kMaxCommandLineOctets) return;
  said.push_back("the command line has " + std::to_string(line.size()) +
                 " octets, and the kernel cuts it off after " +
                 std::to_string(kMaxCommandLineOctets) + "; shorten `cmdline`");
}

// Which of two is heeded differs from program to program.
void lint_repeats(const Words& words, std::vector<std::string>& said) {
  constexpr std::string_view kOnce[] = {"root",
                                        "url",
                                        "config_url",
                                        "ds",
                                        "auto",
                                        "priority",
                                        "interface",
                                        "inst.ks",
                                        "inst.stage2",
                                        "coreos.inst.install_dev",
                                        "coreos.inst.ignition_url",
                                        "coreos.live.rootfs_url",
                                        "ignition.config.url",
                                        "ignition.platform.id",
                                        "talos.platform",
                                        "talos.config"};
  for (const auto key : kOnce) {
    const auto count = std::ranges::count_if(words, [&](std::string_view word) {
      return word.starts_with(key) && word.substr(key.size()).starts_with('=');
    });
    if (count > 1) {
      said.push_back("`" + std::string(key) + "=` stands " + std::to_string(count) +
                     " times on the command line; the installer's kind says it already, take it "
                     "out of `cmdline`");
    }
  }
}

void lint_kairos(const Words& words, std::vector<std::string>& said) {
  if (!has(words, "netboot")) {
    said.emplace_back(
        "the command line lacks `netboot`: Kairos would look for its root file "
        "system on a disk; add the word");
  }
  if (!has(words, "install-mode") && !has(words, "nodepair.enable")) {
    said.emplace_back(
        "the command line lacks `install-mode` and `nodepair.enable`: Kairos would "
        "start as a live system and install nothing; add one of them");
  }
  if (!value_of(words, "root").starts_with("live:")) {
    said.emplace_back(
        "the command line lacks `root=live:URL`: Kairos would have no root file "
        "system; add root=live:{{ file.rootfs }}");
  }
  if (value_of(words, "config_url").empty()) {
    said.emplace_back(
        "the command line lacks `config_url=`: Kairos would install with an empty "
        "config; add config_url={{ config_url }}");
  }
}

// "nocloud-net;s=http://…/": cloud-init 22.4 puts the names of its files right behind the address.
void lint_seed(const Words& words, std::vector<std::string>& said) {
  const auto seed = value_of(words, "ds");
  if (!seed.starts_with("nocloud")) return;
  const auto at = seed.find(";s=");
  if (at == std::string_view::npos) {
    said.emplace_back(
        "`ds=nocloud` does not say from where; write ds=nocloud-net;s={{ seed_url }}");
  } else if (!seed.ends_with('/')) {
    said.emplace_back(
        "the address after `ds=nocloud…;s=` must end in a slash; write "
        "ds=nocloud-net;s={{ seed_url }}");
  }
}

void lint_generic(std::string_view line, std::vector<std::string>& said) {
  if (line.find("/h/") != std::string_view::npos) return;
  said.emplace_back(
      "nothing on the command line says where the config is; add a word with "
      "{{ config_url }} or {{ seed_url }} to `cmdline`, here or when the image is "
      "imported");
}

}  // namespace

std::vector<std::string> lint_command_line(InstallerKind kind, std::string_view image_kind,
                                           std::string_view line) {
  std::vector<std::string> said;
  const auto words = words_of(line);
  lint_length(line, said);
  lint_repeats(words, said);
  if (kind == InstallerKind::kairos || image_kind == "kairos") lint_kairos(words, said);
  lint_seed(words, said);
  if (kind == InstallerKind::generic) lint_generic(line, said);
  return said;
}

bool has_cloud_config_header(std::string_view document) {
  constexpr int kLinesLookedAt = 10;
  for (int line = 0; line < kLinesLookedAt && !document.empty(); ++line) {
    const auto end = std::min(document.find('\n'), document.size());
    auto text = document.substr(0, end);
    while (text.ends_with(' ') || text.ends_with('\r') || text.ends_with('\t')) {
      text.remove_suffix(1);
    }
    if (text == "#cloud-config") return true;
    document.remove_prefix(std::min(end + 1, document.size()));
  }
  return false;
}

}  // namespace slipway::provisioning
