#include "service/installer_kernel.hpp"

#include <algorithm>
#include <cstring>
#include <sstream>
#include <vector>

#include "base/tool.hpp"

namespace slipway::service {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kImagePrefix = "vmlinuz-";

Fallible<Kernel> from_override(const KernelChoice& choice) {
  if (choice.kernel.empty() || choice.modules.empty()) {
    return fail("--kernel and --modules belong together: give both or none");
  }
  if (!fs::is_regular_file(choice.kernel)) return fail(choice.kernel.native() + ": no such file");
  auto modules = choice.modules;
  if (!modules.has_filename()) modules = modules.parent_path();  // a '/' at the end
  if (!fs::exists(modules / "modules.dep")) {
    return fail(modules.native() + " has no modules.dep; run depmod for it first");
  }
  return Kernel{modules.filename(), choice.kernel, modules, std::nullopt};
}

// The versions in `boot` whose modules are in `lib`, oldest first.
std::vector<std::string> versions_in(const fs::path& boot) {
  std::vector<std::string> versions;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(boot, error)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kImagePrefix)) continue;
    auto version = name.substr(kImagePrefix.size());
    if (is_plain_kernel(version)) versions.push_back(std::move(version));
  }
  std::ranges::sort(versions, is_older);
  return versions;
}

std::optional<Kernel> find_installed() {
  auto versions = versions_in("/boot");
  for (; !versions.empty(); versions.pop_back()) {
    const auto& version = versions.back();
    const auto modules = fs::path("/lib/modules") / version;
    if (fs::exists(modules / "modules.dep")) {
      return Kernel{version, "/boot/" + std::string(kImagePrefix) + version, modules, std::nullopt};
    }
  }
  return std::nullopt;
}

Fallible<Kernel> unpack(const fs::path& package) {
  auto folder = TemporaryFolder::make();
  if (!folder) return std::unexpected(folder.error());
  const auto& root = folder->path();
  const auto done = run_tool({"dpkg-deb", "-x", fs::absolute(package), root});
  if (!done) return std::unexpected(done.error());
  auto versions = versions_in(root / "boot");
  if (versions.empty()) {
    return fail(package.native() +
                " holds no kernel for amd64; give a linux-image-*-amd64 package");
  }
  const auto version = versions.back();
  // The package leaves the table of dependencies to its own set-up script.
  const auto tables = run_tool({"depmod", "-b", root, version});
  if (!tables) return std::unexpected(tables.error());
  Kernel kernel{version, root / "boot" / (std::string(kImagePrefix) + version),
                root / "lib/modules" / version, std::nullopt};
  kernel.unpacked.emplace(std::move(*folder));
  return kernel;
}

// What the meta package of the archive stands for: "linux-image-6.1.0-56-amd64".
Fallible<std::string> current_package() {
  constexpr std::string_view kPrefix = "linux-image-";
  const auto text = run_tool({"apt-cache", "depends", "--important", "linux-image-amd64"});
  if (!text) return std::unexpected(text.error());
  std::istringstream words(*text);
  for (std::string word; words >> word;) {
    if (word.starts_with(kPrefix) && is_plain_kernel(word.substr(kPrefix.size()))) return word;
  }
  return fail("apt-cache names no kernel behind linux-image-amd64; run apt-get update");
}

Fallible<Kernel> download(const Say& say) {
  const auto name = current_package();
  if (!name) return std::unexpected(name.error());
  say("No kernel is installed here; fetching " + *name + " from the archive.");
  const auto folder = TemporaryFolder::make();
  if (!folder) return std::unexpected(folder.error());
  const auto fetched = run_tool({"apt-get", "download", "-q", *name}, folder->path());
  if (!fetched) return std::unexpected(fetched.error());
  for (const auto& entry : fs::directory_iterator(folder->path())) {
    if (entry.path().extension() == ".deb") return unpack(entry.path());
  }
  return fail("apt-get download left no package of " + *name);
}

Fallible<Kernel> find_quietly(const KernelChoice& choice, const Say& say) {
  if (!choice.kernel.empty() || !choice.modules.empty()) return from_override(choice);
  if (!choice.package.empty()) return unpack(choice.package);
  if (auto installed = find_installed()) return std::move(*installed);
  return download(say);
}

}  // namespace

bool is_plain_kernel(std::string_view version) {
  constexpr std::string_view kArchitecture = "-amd64";
  if (version.empty() || version.front() < '0' || version.front() > '9') return false;
  if (!version.ends_with(kArchitecture)) return false;
  return version.find("cloud") == version.npos && version.find("-rt-") == version.npos;
}

bool is_older(const std::string& a, const std::string& b) {
  return ::strverscmp(a.c_str(), b.c_str()) < 0;
}

Fallible<Kernel> find_kernel(const KernelChoice& choice, const Say& say) {
  auto kernel = find_quietly(choice, say);
  if (kernel) say("Kernel " + kernel->version + " (" + kernel->image.native() + ")");
  return kernel;
}

}  // namespace slipway::service
