// `slipway image ...`: the store, without the service: it is safe to use while the service runs.
#include <boost/json.hpp>
#include <iostream>

#include "images/store.hpp"
#include "service/command.hpp"
#include "service/progress_bar.hpp"

namespace slipway::service {
namespace {

namespace json = boost::json;

struct ImportOptions {
  std::string source, name, version, sha256;
};

std::optional<images::Store> open_store(Common& common) {
  const auto config = common.config();
  if (!config) return std::nullopt;
  auto store = images::Store::open(config->data_dir / "store");
  if (store) return std::move(*store);
  common.failed(store.error());
  return std::nullopt;
}

json::object describe(const images::ImageInfo& info) {
  std::uint64_t zero_octets = 0;
  for (const auto& range : info.manifest.zero) zero_octets += range.length;
  return {{"name", info.name.name},
          {"version", info.name.version},
          {"raw_octets", info.manifest.raw_size},
          {"stored_octets", info.stored_octets},
          {"zero_octets", zero_octets},
          {"chunks", info.manifest.chunks.size()},
          {"sector_octets", info.manifest.sector_size},
          {"raw_sha256", info.manifest.raw_sha256.text()},
          {"manifest_sha256", info.manifest_sha256.text()},
          {"data_sha256", info.data_sha256.text()},
          {"source",
           {{"name", info.manifest.source.name}, {"sha256", info.manifest.source.sha256.text()}}}};
}

void print(const images::ImageInfo& info, bool as_json) {
  if (as_json) {
    std::cout << json::serialize(describe(info)) << "\n";
    return;
  }
  for (const auto& [key, value] : describe(info)) {
    std::cout << key << ": ";
    if (value.is_string()) {
      std::cout << std::string_view(value.as_string());
    } else {
      std::cout << json::serialize(value);
    }
    std::cout << "\n";
  }
}

void import_image(Common& common, const ImportOptions& options) {
  const auto name = images::ImageName::parse(options.name + "@" + options.version);
  if (!name) return common.failed(name.error());
  std::optional<Sha256> expected;
  if (!options.sha256.empty()) {
    expected = Sha256::parse(options.sha256);
    if (!expected) return common.failed(Error("--sha256: expected 64 hexadecimal digits"));
  }
  auto store = open_store(common);
  if (!store) return;
  ProgressBar bar;
  const images::ImportRequest request{.source = options.source,
                                      .name = *name,
                                      .expected_sha256 = expected,
                                      .progress = [&bar](std::uint64_t done, std::uint64_t total) {
                                        bar.show("import", done, total);
                                        return true;
                                      }};
  const auto info = store->import_image(request);
  bar.finish();
  if (!info) return common.failed(info.error().within("importing " + options.source));
  print(*info, common.json);
}

void list_images(Common& common) {
  const auto store = open_store(common);
  if (!store) return;
  const auto images = store->list();
  if (!images) return common.failed(images.error());
  if (common.json) {
    json::array list;
    for (const auto& info : *images) list.push_back(describe(info));
    std::cout << json::serialize(json::object{{"images", list}}) << "\n";
    return;
  }
  for (const auto& info : *images) {
    std::cout << info.name.text() << "  " << human_octets(info.manifest.raw_size) << " raw, "
              << human_octets(info.stored_octets) << " stored\n";
  }
}

void show_image(Common& common, const std::string& text) {
  const auto name = images::ImageName::parse(text);
  if (!name) return common.failed(name.error());
  const auto store = open_store(common);
  if (!store) return;
  const auto info = store->show(*name);
  if (!info) return common.failed(info.error());
  print(*info, common.json);
}

void remove_image(Common& common, const std::string& text, bool yes) {
  const auto name = images::ImageName::parse(text);
  if (!name) return common.failed(name.error());
  auto store = open_store(common);
  if (!store) return;
  if (!yes) {
    std::cerr << "Remove " << name->text() << "? [y/N] " << std::flush;
    std::string answer;
    if (!std::getline(std::cin, answer) || (answer != "y" && answer != "yes")) {
      return common.failed(Error("nothing removed"));
    }
  }
  const auto removed = store->remove(*name);
  if (!removed) common.failed(removed.error());
}

}  // namespace

void add_image(CLI::App& app, const SharedCommon& common) {
  auto* image = app.add_subcommand("image", "The store of disk images");
  image->require_subcommand(1);

  auto* import = image->add_subcommand("import", "Take a disk image into the store");
  auto options = std::make_shared<ImportOptions>();
  import->add_option("SOURCE", options->source, "raw, .gz, .xz or .zst file")->required();
  import->add_option("--name", options->name, "name in the store")->required();
  import->add_option("--version", options->version, "version; never changes once imported")
      ->required();
  import->add_option("--sha256", options->sha256, "what the source file must hash to");
  import->callback([common, options] { import_image(*common, *options); });

  image->add_subcommand("list", "All images")->callback([common] { list_images(*common); });

  auto name = std::make_shared<std::string>();
  auto* show = image->add_subcommand("show", "One image");
  show->add_option("IMAGE", *name, "NAME@VERSION")->required();
  show->callback([common, name] { show_image(*common, *name); });

  auto yes = std::make_shared<bool>(false);
  auto* remove = image->add_subcommand("remove", "Take an image out of the store");
  remove->add_option("IMAGE", *name, "NAME@VERSION")->required();
  remove->add_flag("--yes", *yes, "do not ask");
  remove->callback([common, name, yes] { remove_image(*common, *name, *yes); });
}

}  // namespace slipway::service
