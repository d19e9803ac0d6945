#include "service/installer_build.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <utility>

#include "agent/initramfs/scripts.hpp"
#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "base/tool.hpp"
#include "images/chunks.hpp"
#include "images/cpio.hpp"
#include "images/depot_key.hpp"
#include "service/installer_drivers.hpp"
#include "service/installer_firmware.hpp"
#include "service/installer_modules.hpp"

namespace slipway::service {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using images::CpioEntry;

constexpr int kCompressionLevel = 19;    // built once, downloaded by every host
constexpr std::size_t kPadOctets = 512;  // the token's archive follows at such a boundary

// What goes into the archive, and how much of it is what.
struct Content {
  std::vector<CpioEntry> entries;
  std::vector<InstallerPart> parts;

  void add_file(const std::string& path, std::uint32_t mode, const fs::path& source) {
    entries.push_back({.path = path, .mode = mode, .source = source});
  }
  void add_text(const std::string& path, std::uint32_t mode, std::string_view text) {
    const auto octets = as_bytes(text);
    entries.push_back({.path = path, .mode = mode, .content = {octets.begin(), octets.end()}});
  }
  void add_folder(const std::string& path) {
    entries.push_back({.kind = CpioEntry::Kind::directory, .path = path, .mode = 0755});
  }
};

Fallible<Bytes> read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(path.native() + " cannot be read");
  Bytes octets(std::istreambuf_iterator<char>(file), {});
  if (file.bad()) return fail(path.native() + " cannot be read to its end");
  return octets;
}

Fallible<fs::path> find_agent(const fs::path& given) {
  std::error_code error;
  const auto here = fs::read_symlink("/proc/self/exe", error).parent_path();
  const std::array<fs::path, 4> places = {here / "slipway-agent", here / "agent/slipway-agent",
                                          here / "../agent/slipway-agent",
                                          here / "../lib/slipway/slipway-agent"};
  if (!given.empty()) {
    if (fs::is_regular_file(given)) return given;
    return fail(given.native() + ": no such file");
  }
  for (const auto& place : places) {
    if (fs::is_regular_file(place)) return place;
  }
  return fail("slipway-agent is neither beside slipway nor in ../lib/slipway; name it by --agent");
}

// Copies the modules that are wanted and makes their tables anew, so that modprobe on the host
// knows only what is there.
Fallible<std::vector<std::string>> stage_modules(const Kernel& kernel,
                                                 const std::vector<std::string>& files,
                                                 const fs::path& root) {
  const auto folder = root / "lib/modules" / kernel.version;
  std::error_code error;
  for (const auto& file : files) {
    fs::create_directories((folder / file).parent_path(), error);
    if (!error) fs::copy_file(kernel.modules / file, folder / file, error);
    if (error) return fail("copying the module " + file + ": " + error.message());
  }
  for (const auto* table : {"modules.order", "modules.builtin", "modules.builtin.modinfo"}) {
    fs::copy_file(kernel.modules / table, folder / table, error);
    if (error) return fail(std::string("copying ") + table + ": " + error.message());
  }
  const auto done = run_tool({"depmod", "-b", root, kernel.version});
  if (!done) return std::unexpected(done.error());
  // busybox reads the texts; the .bin tables are for kmod and only weigh.
  auto all = files;
  for (const auto* table : {"modules.dep", "modules.alias", "modules.softdep", "modules.symbols"}) {
    all.emplace_back(table);
  }
  return all;
}

std::uint64_t total_octets(const fs::path& root, const std::vector<std::string>& files) {
  std::uint64_t octets = 0;
  for (const auto& file : files) octets += fs::file_size(root / file);
  return octets;
}

Fallible<std::vector<std::string>> choose_modules(const InstallerOptions& options,
                                                  const Kernel& kernel, const Say& say) {
  const auto tables = ModuleTables::read(kernel.modules);
  if (!tables) return std::unexpected(tables.error());
  auto names = expand_drivers(options.drivers, *tables);
  names.insert(names.end(), options.add_modules.begin(), options.add_modules.end());
  std::vector<std::string> unknown;
  auto files = tables->files(names, unknown);
  for (const auto& name : unknown) {
    say("This kernel has no module " + name + "; hosts that need it are not served.");
  }
  if (files.empty()) return fail("none of the wanted modules exists for " + kernel.version);
  return files;
}

Fallible<void> add_modules(const InstallerOptions& options, const Kernel& kernel,
                           const fs::path& root, const Say& say, Content& content) {
  const auto files = choose_modules(options, kernel, say);
  if (!files) return std::unexpected(files.error());
  const auto staged = stage_modules(kernel, *files, root);
  if (!staged) return std::unexpected(staged.error());
  const auto place = "lib/modules/" + kernel.version + "/";
  for (const auto& file : *staged) content.add_file(place + file, 0644, root / place / file);
  content.parts.push_back({"modules", total_octets(root / place, *staged)});

  const auto wanted = firmware_of(root / place, *files);
  if (!wanted) return std::unexpected(wanted.error());
  const auto found = choose_firmware(*wanted, options.firmware, options.firmware_octets);
  for (const auto& line : found.remarks) say(line);
  auto firmware = found.files;
  firmware.insert(firmware.end(), options.add_firmware.begin(), options.add_firmware.end());
  std::ranges::sort(firmware);
  firmware.erase(std::unique(firmware.begin(), firmware.end()), firmware.end());
  for (const auto& file : firmware) {
    if (!fs::is_regular_file(options.firmware / file)) {
      return fail((options.firmware / file).native() + ": no such firmware file");
    }
    content.add_file("lib/firmware/" + file, 0644, options.firmware / file);
  }
  content.parts.push_back({"firmware", total_octets(options.firmware, firmware)});
  return {};
}

Fallible<void> add_programs(const InstallerOptions& options, Content& content) {
  const auto agent = find_agent(options.agent);
  if (!agent) return std::unexpected(agent.error());
  if (!fs::is_regular_file(options.busybox)) {
    return fail(options.busybox.native() + ": no such file; install busybox-static");
  }
  content.add_file("bin/slipway-agent", 0755, *agent);
  content.parts.push_back({"agent", fs::file_size(*agent)});
  content.add_file("bin/busybox", 0755, options.busybox);
  content.parts.push_back({"busybox", fs::file_size(options.busybox)});
  return {};
}

Fallible<void> add_tools(const InstallerOptions& options, const Say& say, Content& content) {
  const auto tools = collect_tools(options.tools);
  if (!tools) return std::unexpected(tools.error());
  for (const auto& line : tools->remarks) say(line);
  std::uint64_t octets = 0;
  for (const auto& [path, source] : tools->files) {
    content.add_file(path, 0755, source);
    octets += fs::file_size(source);
  }
  content.parts.push_back({"tools", octets});
  return {};
}

void add_scripts(const InstallerOptions& options, Content& content) {
  for (const auto* folder : {"dev", "proc", "sys", "run", "tmp", "root", "etc/slipway"}) {
    content.add_folder(folder);
  }
  // The kernel opens it for /init before /init can mount anything on /dev.
  content.entries.push_back({.kind = CpioEntry::Kind::character_device,
                             .path = "dev/console",
                             .mode = 0600,
                             .major = 5,
                             .minor = 1});
  content.entries.push_back(
      {.kind = CpioEntry::Kind::symlink, .path = "bin/sh", .mode = 0777, .target = "busybox"});
  std::string by_name;
  for (const auto& module : options.add_modules) by_name += module + "\n";
  content.add_text("etc/slipway/modules", 0644, by_name);
  content.add_text("init", 0755, agent::kInitScript);
  content.add_text("etc/slipway/hotplug", 0755, agent::kHotplugScript);
  content.add_text("etc/slipway/udhcpc", 0755, agent::kUdhcpcScript);
  content.parts.push_back({"scripts", agent::kInitScript.size() + agent::kHotplugScript.size() +
                                          agent::kUdhcpcScript.size()});
}

// A reader sees the old file or the new one, also after a loss of power.
Fallible<void> replace_file(const fs::path& path, ByteView octets) {
  const auto fresh = path.parent_path() / ("." + path.filename().native() + ".new");
  const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return fail_errno("making " + fresh.native(), errno);
  while (!octets.empty()) {
    const auto written = ::write(file, octets.data(), octets.size());
    if (written < 0) break;
    octets = octets.subspan(static_cast<std::size_t>(written));
  }
  const bool good = octets.empty() && ::fsync(file) == 0;
  const int reason = errno;
  ::close(file);
  if (!good) return fail_errno("writing " + fresh.native(), reason);
  if (::rename(fresh.c_str(), path.c_str()) != 0)
    return fail_errno("making " + path.native(), errno);
  return {};
}

std::string describe(const BuiltInstaller& built, ByteView kernel, ByteView initramfs) {
  json::array parts;
  for (const auto& part : built.parts) {
    parts.push_back(json::value{{"name", part.name}, {"octets", part.octets}});
  }
  const json::value document = {{"kernel_version", built.kernel_version},
                                {"vmlinuz_sha256", Sha256::of(kernel).text()},
                                {"initramfs_sha256", Sha256::of(initramfs).text()},
                                {"parts", parts}};
  return json::serialize(document) + "\n";
}

Fallible<void> publish(const fs::path& folder, const BuiltInstaller& built, ByteView kernel,
                       ByteView initramfs) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail("making " + folder.native() + ": " + error.message());
  const auto description = describe(built, kernel, initramfs);
  const std::array<std::pair<const char*, ByteView>, 3> files = {
      {{"vmlinuz", kernel},
       {"initramfs.img", initramfs},
       {"installer.json", as_bytes(description)}}};
  for (const auto& [name, octets] : files) {
    const auto done = replace_file(folder / name, octets);
    if (!done) return done;
  }
  return {};
}

Fallible<void> add_depot_key(const InstallerOptions& options, Content& content, const Say& say) {
  std::error_code error;
  if (options.depot_key.empty() || !std::filesystem::exists(options.depot_key, error)) {
    say("without the key of a depot: hosts take images that nobody signed");
    return {};
  }
  const auto key = images::read_public_key(options.depot_key);
  if (!key) return std::unexpected(key.error());
  say("with the depot's key " + key->id_text() + ": hosts take only images that it signed");
  content.add_text("etc/slipway/depot.pub", 0644, key->text());
  return {};
}

Fallible<Bytes> pack(Content& content) {
  const auto archive = images::make_cpio(std::move(content.entries), kPadOctets);
  if (!archive) return std::unexpected(archive.error());
  auto initramfs = images::compress_frame(*archive, kCompressionLevel);
  initramfs.resize((initramfs.size() + kPadOctets - 1) / kPadOctets * kPadOctets);
  return initramfs;
}

}  // namespace

Fallible<BuiltInstaller> build_installer(const InstallerOptions& options, const Say& say) {
  const auto kernel = find_kernel(options.kernel, say);
  if (!kernel) return std::unexpected(kernel.error());
  const auto staging = TemporaryFolder::make();
  if (!staging) return std::unexpected(staging.error());

  Content content;
  auto done = add_programs(options, content);
  if (done) done = add_tools(options, say, content);
  if (done) done = add_modules(options, *kernel, staging->path(), say, content);
  if (done) done = add_depot_key(options, content, say);
  if (!done) return std::unexpected(done.error());
  add_scripts(options, content);
  const auto image = read_file(kernel->image);
  if (!image) return std::unexpected(image.error());
  say("Packing the initramfs; this takes about half a minute.");
  const auto initramfs = pack(content);
  if (!initramfs) return std::unexpected(initramfs.error());

  BuiltInstaller built{kernel->version, std::move(content.parts),
                       image->size() + initramfs->size()};
  built.parts.push_back({"initramfs", initramfs->size()});
  built.parts.push_back({"kernel", image->size()});
  done = publish(options.output, built, *image, *initramfs);
  if (!done) return std::unexpected(done.error());
  return built;
}

std::string size_table(const BuiltInstaller& built) {
  constexpr double kMib = 1 << 20;
  std::string table;
  std::array<char, 80> line{};
  const auto add = [&](const std::string& name, std::uint64_t octets) {
    // Names are ours and at most 12 characters long.
    (void)std::snprintf(line.data(), line.size(), "%-12s %8.2f MiB\n", name.c_str(),
                        static_cast<double>(octets) / kMib);
    table += line.data();
  };
  for (const auto& part : built.parts) add(part.name, part.octets);
  add("download", built.boot_octets);
  return table;
}

}  // namespace slipway::service
