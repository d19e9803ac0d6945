#include "service/artifacts.hpp"

#include <fstream>
#include <iterator>

#include "base/json.hpp"
#include "images/cpio.hpp"
#include "images/fat.hpp"
#include "images/iso.hpp"

namespace slipway::service {
namespace {

// Descriptors that stay open between requests; a bench uses a handful of artifacts.
constexpr std::size_t kMaxOpenFiles = 64;
// An installer that takes its tree file by file asks many times a second. What an operator removes
// is gone after this time at the latest.
constexpr std::chrono::seconds kSetKept{5};
constexpr std::size_t kMaxSets = 16;
// Every script names our own installer. What `slipway installer build` made anew is served after
// this time at the latest.
constexpr std::chrono::seconds kInstallerKept{1};

Fallible<Sha256> digest_member(const JsonView& document, std::string_view name) {
  const auto text = document.text(name);
  if (!text) return std::unexpected(text.error());
  const auto digest = Sha256::parse(*text);
  if (!digest) return fail(std::string(name) + ": expected 64 hexadecimal digits");
  return *digest;
}

Fallible<provisioning::InstallerFiles> read_installer(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  const auto document = parse_json(text);
  if (!document) return fail(document.error(), file.string());
  const JsonView view(*document);
  const auto vmlinuz = digest_member(view, "vmlinuz_sha256");
  if (!vmlinuz) return fail(vmlinuz.error(), file.string());
  const auto initramfs = digest_member(view, "initramfs_sha256");
  if (!initramfs) return fail(initramfs.error(), file.string());
  return provisioning::InstallerFiles{*vmlinuz, *initramfs};
}

std::vector<images::IsoFile> files_of(const provisioning::Seed& seed) {
  return {{"user-data", seed.user_data},
          {"meta-data", seed.meta_data},
          {"vendor-data", seed.vendor_data},
          {"network-config", seed.network_config}};
}

}  // namespace

Fallible<std::unique_ptr<StoreArtifacts>> StoreArtifacts::open(const provisioning::Config& config) {
  auto store = images::Store::open(config.data_dir / "store");
  if (!store) return std::unexpected(store.error());
  auto installer = config.installer.empty() ? config.data_dir / "installer" : config.installer;
  return std::unique_ptr<StoreArtifacts>(
      new StoreArtifacts(std::move(*store), std::move(installer)));
}

Fallible<provisioning::ImageFiles> StoreArtifacts::find_image(std::string_view name) {
  const auto parsed = images::ImageName::parse(name);
  if (!parsed) return std::unexpected(parsed.error());
  const auto info = store_.show(*parsed);
  if (!info) return std::unexpected(info.error());
  auto signature = store_.signature(*parsed);
  if (!signature) return std::unexpected(signature.error());
  return provisioning::ImageFiles{info->name.text(), info->manifest_sha256, info->data_sha256,
                                  std::move(*signature)};
}

Fallible<provisioning::InstallerSet> StoreArtifacts::find_installer(std::string_view name) {
  const auto now = std::chrono::steady_clock::now();
  const auto kept = sets_.find(name);
  if (kept != sets_.end() && now - kept->second.read < kSetKept) return kept->second.set;
  auto set = read_installer_set(name);
  if (!set) return set;
  if (sets_.size() >= kMaxSets) sets_.clear();
  sets_.insert_or_assign(std::string(name), KeptSet{*set, now});
  return set;
}

Fallible<provisioning::InstallerSet> StoreArtifacts::read_installer_set(
    std::string_view name) const {
  const auto parsed = images::ImageName::parse(name);
  if (!parsed) return std::unexpected(parsed.error());
  const auto info = store_.show_file_set(*parsed);
  if (!info) return std::unexpected(info.error());
  const auto& set = info->set;
  if (set.type != images::FileSetType::installer) {
    return fail(set.name.text() + " is content, not an installer");
  }
  provisioning::InstallerSet found{.name = set.name.text(),
                                   .kind = set.kind,
                                   .cmdline = set.cmdline,
                                   .manifest = info->manifest_sha256};
  for (const auto& file : set.files) {
    found.files.push_back({.name = file.name, .sha256 = file.sha256, .octets = file.octets});
  }
  return found;
}

Fallible<std::vector<provisioning::ContentPart>> StoreArtifacts::find_content(
    std::string_view name) {
  const auto parsed = images::ImageName::parse(name);
  if (!parsed) return std::unexpected(parsed.error());
  const auto info = store_.show_file_set(*parsed);
  if (!info) return std::unexpected(info.error());
  if (info->set.type != images::FileSetType::content) {
    return fail(parsed->text() + " is an installer, not content");
  }
  std::vector<provisioning::ContentPart> parts;
  for (const auto& file : info->set.files) {
    parts.push_back({file.name, file.octets, file.sha256});
  }
  return parts;
}

Fallible<provisioning::InstallerFiles> StoreArtifacts::installer() {
  const auto now = std::chrono::steady_clock::now();
  if (installer_ && now - installer_looked_ < kInstallerKept) return *installer_;
  const auto file = installer_folder_ / "installer.json";
  std::error_code error;
  const auto changed = std::filesystem::last_write_time(file, error);
  if (error) {
    return fail("no installer in " + installer_folder_.string() +
                "; make one with: slipway installer build -o " + installer_folder_.string());
  }
  if (installer_ && changed == installer_read_) {
    installer_looked_ = now;
    return *installer_;
  }
  auto read = read_installer(file);
  if (!read) return read;
  installer_ = *read;
  installer_read_ = changed;
  installer_looked_ = now;
  return *installer_;
}

std::optional<std::filesystem::path> StoreArtifacts::path_of(const Sha256& digest) {
  const auto files = installer();
  if (files && digest == files->vmlinuz) return installer_folder_ / "vmlinuz";
  if (files && digest == files->initramfs) return installer_folder_ / "initramfs.img";
  return store_.blob(digest);
}

std::shared_ptr<const http::File> StoreArtifacts::open(const Sha256& digest) {
  if (const auto found = open_files_.find(digest); found != open_files_.end()) return found->second;
  const auto path = path_of(digest);
  if (!path) return nullptr;
  auto file = http::File::open(*path);
  if (!file) return nullptr;  // removed between the look and the opening: not there
  if (open_files_.size() >= kMaxOpenFiles) open_files_.clear();
  open_files_.emplace(digest, *file);
  return *file;
}

Fallible<Bytes> StoreArtifacts::cidata_iso(const provisioning::Seed& seed) {
  return images::make_iso("cidata", files_of(seed));
}

Fallible<Bytes> StoreArtifacts::cidata_fat(const provisioning::Seed& seed) {
  return images::make_fat("cidata", files_of(seed));
}

Fallible<Bytes> StoreArtifacts::token_cpio(std::string_view token) {
  const auto text = as_bytes(token);
  return images::make_cpio(
      {{.path = "etc/slipway/token", .mode = 0600, .content = Bytes(text.begin(), text.end())}},
      512);
}

}  // namespace slipway::service
