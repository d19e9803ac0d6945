#include "images/import/oci_import.hpp"

#include <algorithm>
#include <utility>

#include "images/import/container.hpp"
#include "images/import/store_file.hpp"

namespace slipway::images {
namespace {

using Files = std::vector<Downloaded>;

// "edge" of "depot/edge": the name of a file that has none.
std::string last_name(const OciReference& reference) {
  return reference.repository.substr(reference.repository.rfind('/') + 1);
}

SourceFile source_of(const OciReference& reference, const Sha256& digest) {
  return {last_name(reference) + (reference.tag.empty() ? "" : ":" + reference.tag), digest};
}

std::string found_line(const OciReference& reference) { return "pulled from " + reference.text(); }

Fallible<Files> fetch_layers(Registry& registry, const std::vector<OciDescriptor>& layers) {
  Files files;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    // The same layer may stand twice, and a blob is fetched by one at a time.
    const auto is_it = [&](const Downloaded& each) { return each.sha256 == layers[i].digest; };
    if (std::ranges::any_of(files, is_it)) continue;
    const auto number = std::to_string(i + 1) + " of " + std::to_string(layers.size());
    auto file = registry.blob(layers[i], "layer");
    if (!file) return fail(file.error(), "layer " + number);
    files.push_back(std::move(*file));
  }
  return files;
}

const std::filesystem::path& path_of(const Files& files, const OciDescriptor& layer) {
  const auto is_it = [&](const Downloaded& each) { return each.sha256 == layer.digest; };
  return std::ranges::find_if(files, is_it)->file.path();
}

Fallible<void> remove_all(Files files) {
  for (auto& each : files) {
    auto good = each.file.remove();
    if (!good) return good;
  }
  return {};
}

Fallible<FileSetInfo> import_layers(Store& store, const OciRequest& request, Registry& registry,
                                    const PulledManifest& pulled) {
  auto files = fetch_layers(registry, pulled.manifest.layers);
  if (!files) return std::unexpected(files.error());
  ContainerRequest container{.name = request.name,
                             .source = source_of(request.reference, pulled.digest),
                             .cmdline = request.cmdline,
                             .found = {found_line(request.reference)},
                             .layers = {},
                             .folder = request.registry.folder};
  for (const auto& layer : pulled.manifest.layers) {
    container.layers.push_back(path_of(*files, layer));
  }
  auto info = import_container(store, container);
  if (!info) return info;
  const auto removed = remove_all(std::move(*files));
  if (!removed) return std::unexpected(removed.error());
  return info;
}

Fallible<void> check_roles(const OciManifest& manifest) {
  std::string titles;
  bool has_kernel = false;
  bool has_initrd = false;
  bool is_clear = true;
  std::string taken;
  for (const auto& layer : manifest.layers) {
    const auto role = role_of(layer.title);
    titles += (titles.empty() ? "\"" : ", \"") + layer.title + "\"";
    is_clear = is_clear && !role.empty() && taken.find(role) == std::string::npos;
    taken += role + " ";
    has_kernel = has_kernel || role == "kernel";
    has_initrd = has_initrd || role == "initrd";
  }
  if (is_clear && has_kernel && has_initrd) return {};
  return fail("an artifact of several files titled " + titles.substr(0, 500) +
              "; looked for one kernel or vmlinuz, one initrd, initrd.img or initramfs.img, and "
              "perhaps one rootfs, rootfs.squashfs or rootfs.img");
}

Fallible<FileSetInfo> import_files(Store& store, const OciRequest& request, Registry& registry,
                                   const PulledManifest& pulled) {
  auto good = check_roles(pulled.manifest);
  if (!good) return std::unexpected(good.error());
  auto files = fetch_layers(registry, pulled.manifest.layers);
  if (!files) return std::unexpected(files.error());
  FileSet set{.name = request.name,
              .type = FileSetType::installer,
              .kind = "generic",
              .source = source_of(request.reference, pulled.digest),
              .cmdline = request.cmdline,
              .files = {},
              .found = {found_line(request.reference)}};
  for (const auto& layer : pulled.manifest.layers) {
    auto stored = store_file(store, path_of(*files, layer), role_of(layer.title));
    if (!stored) return std::unexpected(stored.error());
    set.found.push_back(stored->name + " " + layer.title);
    set.files.push_back(std::move(*stored));
  }
  auto info = store.publish(set);
  if (!info) return info;
  good = remove_all(std::move(*files));
  if (!good) return std::unexpected(good.error());
  return info;
}

}  // namespace

std::string role_of(std::string_view title) {
  title = title.substr(title.rfind('/') + 1);
  if (title == "kernel" || title == "vmlinuz") return "kernel";
  if (title == "initrd" || title == "initrd.img" || title == "initramfs.img") return "initrd";
  if (title == "rootfs" || title == "rootfs.squashfs" || title == "rootfs.img") return "rootfs";
  return {};
}

Fallible<OciResult> import_oci(Store& store, const OciRequest& request) {
  auto registry = Registry::connect(request.reference, request.registry);
  if (!registry) return std::unexpected(registry.error());
  const auto pulled = registry->manifest();
  if (!pulled) return std::unexpected(pulled.error());
  const auto& layers = pulled->manifest.layers;
  const auto is_container = [](const OciDescriptor& each) {
    return is_container_layer(each.media_type);
  };
  const auto containers = std::ranges::count_if(layers, is_container);
  const auto where = request.reference.text();
  if (containers == 0 && layers.size() == 1) {
    const auto& layer = layers.front();
    auto file =
        registry->blob(layer, layer.title.empty() ? last_name(request.reference) : layer.title);
    if (!file) return std::unexpected(file.error());
    return std::move(*file);
  }
  if (containers != 0 && static_cast<std::size_t>(containers) != layers.size()) {
    return fail(where + ": some of its layers are of a container image and some are not");
  }
  auto info = containers == 0 ? import_files(store, request, *registry, *pulled)
                              : import_layers(store, request, *registry, *pulled);
  if (!info) return fail(info.error(), where);
  return std::move(*info);
}

}  // namespace slipway::images
