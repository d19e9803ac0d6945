#include "provisioning/command_line.hpp"

#include <algorithm>
#include <functional>
#include <optional>

#include "provisioning/fields.hpp"
#include "provisioning/installer_kind.hpp"

namespace slipway::provisioning {
namespace {

constexpr std::string_view kBlanks = " \t";
constexpr std::string_view kFilePrefix = "file.";

const std::vector<std::string_view>& placeholders() {
  static const std::vector<std::string_view> kNames{
      "config_url", "seed_url", "report_url", "server", "tree_url", "disk", "mac", "file.NAME"};
  return kNames;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

using Lookup = std::function<Fallible<std::string>(std::string_view)>;

// `text` with every {{ name }} replaced by what `value_of` gives for it.
Fallible<std::string> expanded(std::string_view text, const Lookup& value_of) {
  std::string out;
  while (true) {
    const auto open = text.find("{{");
    out += text.substr(0, open);
    if (open == std::string_view::npos) return out;
    const auto close = text.find("}}", open);
    if (close == std::string_view::npos) return fail("`{{` has no `}}`");
    const auto value = value_of(trimmed(text.substr(open + 2, close - open - 2)));
    if (!value) return value;
    out += *value;
    text.remove_prefix(close + 2);
  }
}

// Empty when a script may carry the word.
std::string mistake_of_word(std::string_view word) {
  const auto shown_word = shown(make_text(std::string(word)));
  const bool odd = std::ranges::any_of(word, [](char c) {
    return c < 0x21 || c > 0x7e || c == '\'' || c == '"' || c == '\\' || c == '`';
  });
  if (odd) {
    return shown_word +
           " has characters that no boot loader passes on unchanged: only printable ASCII without "
           "quotes, backquotes and backslashes can stand on a command line";
  }
  if (word.find("${") != std::string_view::npos) {
    return shown_word + " would be replaced by iPXE; a command line has no `${`, write {{ name }}";
  }
  if (word == "||" || word == "&&" || word == ";" || word.starts_with('#')) {
    return shown_word + " would end the command of the boot loader";
  }
  return {};
}

// Words that the script itself writes.
std::string mistake_of_own_word(std::string_view word) {
  for (const auto* own : {"initrd=", "BOOTIF="}) {
    if (word.starts_with(own)) {
      return shown(make_text(std::string(word))) + ": the server writes `" + own + "` itself";
    }
  }
  return mistake_of_word(word);
}

std::string percent_encoded(std::string_view path) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : path) {
    if (kPlain.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    out += {'%', kDigits[octet >> 4U], kDigits[octet & 15U]};
  }
  return out;
}

// The name by which the host sees a file. Live systems go by the ending: dracut's livenet takes
// what ends in .iso for an image to mount, Debian's live-boot what ends in .squashfs for a root.
std::string url_name(InstallerKind kind, std::string_view role) {
  if (role == "iso") return "installer.iso";
  if (role != "rootfs") return percent_encoded(role);
  return kind == InstallerKind::ignition ? "rootfs.img" : "rootfs.squashfs";
}

class Line {
 public:
  explicit Line(const ThirdPartyBoot& boot)
      : boot_(boot), base_(boot.server.url() + "/h/" + std::string(boot.token)) {}

  Fallible<std::string> make() {
    if (auto built = add_kind(); !built) return std::unexpected(built.error());
    const auto& installer = boot_.installer;
    if (installer.kind == InstallerKind::generic) {
      if (auto added = add_written(installer.set.cmdline); !added) {
        return fail(added.error(), "image " + installer.set.name);
      }
    }
    if (auto added = add_written(installer.cmdline); !added) return std::unexpected(added.error());
    add("BOOTIF=01-" + boot_.mac.hyphens());
    add_consoles();
    return line_;
  }

 private:
  void add(std::string_view word) {
    if (!line_.empty()) line_ += ' ';
    line_ += word;
  }

  void add_all(std::initializer_list<std::string_view> words) {
    for (const auto word : words) add(word);
  }

  Fallible<void> add_kind() {
    switch (boot_.installer.kind) {
      case InstallerKind::kairos: return add_kairos();
      case InstallerKind::preseed:
        add_all({"auto=true", "priority=critical", "url=" + config_url(), "interface=auto"});
        return {};
      case InstallerKind::autoinstall: return add_autoinstall();
      case InstallerKind::kickstart: return add_kickstart();
      case InstallerKind::ignition: return add_ignition();
      case InstallerKind::talos:
        // The last three are what Talos insists on before it starts anything.
        add_all({"talos.platform=metal", "talos.config=" + config_url(),
                 "talos.halt_if_installed=1", "init_on_alloc=1", "slab_nomerge", "pti=on"});
        return {};
      case InstallerKind::generic:
      case InstallerKind::flash: break;  // generic: all its words were written by somebody
    }
    return {};
  }

  // The ISO, mounted by dracut, keeps the content bundles that lie beside the root file system.
  Fallible<void> add_kairos() {
    const auto root = url_of("rootfs");
    const auto iso = url_of("iso");
    if (!root && !iso) return missing("rootfs (or iso)");
    add_all({"rd.neednet=1", "ip=dhcp", "rd.cos.disable"});
    add("root=live:" + (root ? *root : *iso));
    if (!root) add_all({"rd.live.dir=/", "rd.live.squashimg=rootfs.squashfs"});
    add("netboot");
    if (!says("nodepair.enable") && !says("install-mode")) add("install-mode");
    add("config_url=" + config_url());
    return {};
  }

  // cloud-init takes `url=` for itself, too, and would fetch the whole ISO to look for a header.
  Fallible<void> add_autoinstall() {
    const auto iso = url_of("iso");
    if (!iso) return missing("iso");
    add_all({"autoinstall", "ds=nocloud-net;s=" + seed_url(), "url=" + *iso,
             "cloud-config-url=/dev/null", "ip=dhcp"});
    return {};
  }

  // Anaconda's initrd looks for images/install.img below inst.stage2; that of RHEL 7 for what
  // .treeinfo names, LiveOS/squashfs.img.
  Fallible<void> add_kickstart() {
    add("inst.ks=" + config_url());
    const auto& set = boot_.installer.set;
    const bool has_stage2 =
        set.file("images/install.img") != nullptr || set.file("LiveOS/squashfs.img") != nullptr;
    const bool said = says_key("inst.stage2") || says_key("inst.repo");
    if (!has_stage2 && !said) {
      return missing("images/install.img; or say inst.stage2= in the profile's cmdline");
    }
    if (!said) add("inst.stage2=" + tree_url());
    add_all({"inst.ks.sendmac", "inst.ks.sendsn", "ip=dhcp"});
    return {};
  }

  Fallible<void> add_ignition() {
    const auto root = url_of("rootfs");
    if (!root) return missing("rootfs");
    const auto disk = value_of("disk");
    if (!disk) return std::unexpected(disk.error());
    add_all({"coreos.inst.install_dev=" + *disk, "coreos.inst.ignition_url=" + config_url(),
             "coreos.live.rootfs_url=" + *root, "ignition.firstboot", "ignition.platform.id=metal",
             "rd.neednet=1", "ip=dhcp"});
    return {};
  }

  void add_consoles() {
    const auto& said = boot_.installer.consoles;
    for (const auto& console : said) add("console=" + console);
    // As its maker's own scripts have it; the others choose well by themselves.
    if (said.empty() && boot_.installer.kind == InstallerKind::kairos) add("console=tty1");
  }

  Fallible<void> add_written(std::string_view text) {
    const auto plain = expanded(text, [this](std::string_view name) { return value_of(name); });
    if (!plain) return std::unexpected(plain.error());
    for (const auto word : words_of(*plain)) {
      if (auto wrong = mistake_of_own_word(word); !wrong.empty()) return fail(std::move(wrong));
      add(word);
    }
    return {};
  }

  Fallible<std::string> value_of(std::string_view name) const {
    if (name == "config_url") return config_url();
    if (name == "seed_url") return seed_url();
    if (name == "report_url") return report_url(boot_.server, boot_.token);
    if (name == "server") return boot_.server.url();
    if (name == "tree_url") return tree_url();
    if (name == "mac") return boot_.mac.text();
    if (name == "disk") return disk();
    const auto role = name.substr(std::min(kFilePrefix.size(), name.size()));
    if (auto url = url_of(role)) return *url;
    return fail("image " + boot_.installer.set.name + " has no file `" + std::string(role) + "`");
  }

  Fallible<std::string> disk() const {
    const auto& path = boot_.installer.disk;
    if (path.empty()) {
      return fail("the disk has no name; say `disk: {select: [{path: /dev/…}]}`");
    }
    if (auto wrong = mistake_of_word(path); !wrong.empty()) return fail(std::move(wrong));
    return path;
  }

  [[nodiscard]] std::string config_url() const { return base_ + "/config"; }
  // cloud-init 22.4 puts the names of its files right behind it, so it ends in a slash.
  [[nodiscard]] std::string seed_url() const { return base_ + "/"; }
  [[nodiscard]] std::string tree_url() const {
    auto name = boot_.installer.set.name;
    std::ranges::replace(name, '@', '/');
    return boot_.server.url() + "/i/" + name;
  }

  [[nodiscard]] std::optional<std::string> url_of(std::string_view name) const {
    const auto* file = boot_.installer.set.file(name);
    if (file == nullptr) return std::nullopt;
    return file_url(boot_.server, boot_.installer, *file);
  }

  // Whether the profile's own words have this one.
  [[nodiscard]] bool says(std::string_view word) const {
    const auto words = words_of(boot_.installer.cmdline);
    return std::ranges::find(words, word) != words.end();
  }
  [[nodiscard]] bool says_key(std::string_view key) const {
    const auto start = std::string(key) + "=";
    const auto words = words_of(boot_.installer.cmdline);
    return std::ranges::any_of(words,
                               [&](std::string_view word) { return word.starts_with(start); });
  }

  [[nodiscard]] std::unexpected<Error> missing(std::string_view file) const {
    return fail("image " + boot_.installer.set.name + ", which installer " +
                std::string(name_of(boot_.installer.kind)) + " is to boot, has no " +
                std::string(file));
  }

  const ThirdPartyBoot& boot_;
  std::string base_, line_;
};

}  // namespace

const InstallerFile* InstallerSet::file(std::string_view wanted) const {
  const auto found = std::ranges::find(files, wanted, &InstallerFile::name);
  return found == files.end() ? nullptr : &*found;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const auto first = line.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) return words;
    line.remove_prefix(first);
    const auto end = std::min(line.find_first_of(kBlanks), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

std::string file_url(const ServerAddress& server, const ThirdPartyInstaller& installer,
                     const InstallerFile& file) {
  if (file.name.find('/') == std::string::npos) {
    return server.url() + "/artifacts/" + file.sha256.text() + "/" +
           url_name(installer.kind, file.name);
  }
  auto name = installer.set.name;
  std::ranges::replace(name, '@', '/');
  return server.url() + "/i/" + name + "/" + percent_encoded(file.name);
}

std::vector<const InstallerFile*> initrds_of(const InstallerSet& set) {
  std::vector<const InstallerFile*> all;
  if (const auto* first = set.file("initrd")) all.push_back(first);
  for (unsigned number = 2;; ++number) {
    const auto* next = set.file("initrd" + std::to_string(number));
    if (next == nullptr) return all;
    all.push_back(next);
  }
}

bool is_root_file_system(std::string_view url_name) {
  return url_name == "installer.iso" || url_name.starts_with("rootfs.");
}

bool is_boot_file(std::string_view url_name) {
  return url_name == "vmlinuz" || url_name == "initramfs.img" || url_name == "kernel" ||
         url_name.starts_with("initrd") || is_root_file_system(url_name);
}

std::vector<std::string> mistakes_of_words(std::string_view text) {
  std::vector<std::string> mistakes;
  const auto plain = expanded(text, [&](std::string_view name) -> Fallible<std::string> {
    const auto& known = placeholders();
    const bool is_file = name.starts_with(kFilePrefix) && name.size() > kFilePrefix.size();
    if (!is_file && std::ranges::find(known, name) == known.end()) {
      mistakes.push_back(shown(make_text(std::string(name))) + " is no value that a command line " +
                         "can name, as " + listed(known) + suggestion(name, known));
    }
    return std::string("x");
  });
  if (!plain) {
    mistakes.push_back(plain.error().text());
    return mistakes;
  }
  for (const auto word : words_of(*plain)) {
    if (auto wrong = mistake_of_own_word(word); !wrong.empty()) {
      mistakes.push_back(std::move(wrong));
    }
  }
  return mistakes;
}

Fallible<std::string> kernel_command_line(const ThirdPartyBoot& boot) { return Line(boot).make(); }

Fallible<ThirdPartyScript> script_of(const ThirdPartyBoot& boot) {
  auto line = kernel_command_line(boot);
  if (!line) return std::unexpected(line.error());
  const auto* kernel = boot.installer.set.file("kernel");
  if (kernel == nullptr) return fail("image " + boot.installer.set.name + " has no kernel");
  ThirdPartyScript script{.kernel_url = file_url(boot.server, boot.installer, *kernel),
                          .command_line = std::move(*line)};
  for (const auto* initrd : initrds_of(boot.installer.set)) {
    script.initrd_urls.push_back(file_url(boot.server, boot.installer, *initrd));
  }
  return script;
}

}  // namespace slipway::provisioning
