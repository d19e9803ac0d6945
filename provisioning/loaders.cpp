#include "provisioning/loaders.hpp"

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "provisioning/boot_program.hpp"
#include "provisioning/tftp_source.hpp"

namespace slipway::provisioning {
namespace {

constexpr std::array<std::string_view, 4> kIpxe{"undionly.kpxe", "ipxe.pxe", "ipxe.efi",
                                                "snponly.efi"};
// What is smaller is asked for by every host of a rack within a second, so it is kept in memory;
// unified kernels and images of file systems are read as they are sent.
constexpr std::uint64_t kLargestInMemory = 2U << 20U;

}  // namespace

Loaders::Loaders(const LoaderFolders& folders) {
  for (const auto name : kIpxe) publish(folders.ipxe / name, name);
  publish(folders.shim, kShimFile);
  publish(folders.grub, kShimSecondStage);
  publish_own(folders.own);
}

void Loaders::publish_own(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const auto name = entry->path().filename().string();
    if (!is_own_file(name)) continue;
    publish(entry->path(), name);
    if (name == "shimx64.efi") publish(entry->path(), kShimFile);
    if (name == "grubx64.efi") publish(entry->path(), kShimSecondStage);
  }
}

void Loaders::publish(const std::filesystem::path& path, std::string_view name) {
  auto file = http::File::open(path.string());
  if (!file) return;
  auto source = on_disk(*file);
  if ((*file)->size_octets() <= kLargestInMemory) {
    Bytes octets((*file)->size_octets());
    const auto got = source->read(0, octets);
    if (!got || *got != octets.size()) return;
    source = in_memory(std::move(octets));
  }
  loaders_.insert_or_assign(std::string(name), Loader{std::move(source), std::move(*file)});
}

std::shared_ptr<const tftp::Source> Loaders::source(std::string_view name) const {
  const auto found = loaders_.find(name);
  return found == loaders_.end() ? nullptr : found->second.source;
}

std::shared_ptr<const http::File> Loaders::file(std::string_view name) const {
  const auto found = loaders_.find(name);
  return found == loaders_.end() ? nullptr : found->second.file;
}

std::vector<MissingProgram> missing_programs(const Loaders& loaders, const BootPrograms& programs,
                                             const Inventory& inventory) {
  std::vector<MissingProgram> missing;
  const auto need = [&](std::string_view file, const std::string& who) {
    if (loaders.has(file) || std::ranges::count(missing, file, &MissingProgram::file) > 0) return;
    missing.push_back({std::string(file), who});
  };
  const auto need_program = [&](std::string_view program, dhcp::Arch arch, const std::string& who) {
    if (!fits(program, arch)) return;
    const auto file = file_of(program, arch);
    need(file, who);
    if (file == kShimFile) need(kShimSecondStage, who);
  };
  need_program(programs.bios, dhcp::Arch::bios, "boot_programs.bios");
  // For a BIOS whose own iPXE lacks what is needed: it must not be driven through that one again.
  if (programs.bios == "undionly") need("ipxe.pxe", "boot_programs.bios");
  need_program(programs.uefi, dhcp::Arch::uefi_x64, "boot_programs.uefi");
  need_program(programs.uefi_http, dhcp::Arch::http_x64, "boot_programs.uefi_http");
  for (const auto& host : inventory.hosts) {
    for (const auto arch : {dhcp::Arch::bios, dhcp::Arch::uefi_x64, dhcp::Arch::http_x64}) {
      need_program(host.boot_program, arch, "host " + host.name);
    }
  }
  return missing;
}

}  // namespace slipway::provisioning
