// `slipway image ...`: the store, without the service: it is safe to use while the service runs.
#include "service/command_image.hpp"

#include <boost/json.hpp>
#include <iostream>

#include "images/store.hpp"
#include "service/command.hpp"
#include "service/import_check.hpp"
#include "service/import_content.hpp"
#include "service/import_installer.hpp"
#include "service/import_network.hpp"
#include "service/progress_bar.hpp"

namespace slipway::service {
namespace {

namespace json = boost::json;

struct ImportWords {  // as they stand on the command line
  std::vector<std::string> sources;
  std::string name, version;
  int level = images::ImportRequest{}.level;
  CheckWords check;
  NetworkOptions network;
  InstallerWords installer;
};

struct ImportOptions {
  std::string source;
  images::ImageName image;
  std::optional<Sha256> sha256;  // of the source
  int level;                     // of zstd
};

json::object describe(const images::ImageInfo& info) {
  std::uint64_t zero_octets = 0;
  for (const auto& range : info.manifest.zero) zero_octets += range.length;
  return {{"name", info.name.name},
          {"version", info.name.version},
          {"type", "disk image"},
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

json::object describe(const images::FileSetInfo& info) {
  const auto& set = info.set;
  json::array files;
  for (const auto& file : set.files) {
    files.push_back({{"name", file.name}, {"octets", file.octets}, {"sha256", file.sha256.text()}});
  }
  return {{"name", set.name.name},
          {"version", set.name.version},
          {"type", images::text(set.type)},
          {"kind", set.kind},
          {"stored_octets", set.octets()},
          {"cmdline", set.cmdline},
          {"manifest_sha256", info.manifest_sha256.text()},
          {"source", {{"name", set.source.name}, {"sha256", set.source.sha256.text()}}},
          {"files", files},
          {"found", json::value_from(set.found)}};
}

void print_line(std::string_view key, const json::value& value) {
  std::cout << key << ": ";
  if (value.is_string()) {
    std::cout << std::string_view(value.as_string());
  } else {
    std::cout << json::serialize(value);
  }
  std::cout << "\n";
}

// Lists line by line: the files of a set, and what was found in its source.
void print(const json::object& description, bool as_json) {
  if (as_json) {
    std::cout << json::serialize(description) << "\n";
    return;
  }
  for (const auto& [key, value] : description) {
    if (!value.is_array()) {
      print_line(key, value);
      continue;
    }
    for (const auto& element : value.as_array()) print_line(key, element);
  }
}

void import_disk_image(Common& common, images::Store& store, const ImportOptions& options) {
  ProgressBar bar;
  const images::ImportRequest request{.source = options.source,
                                      .name = options.image,
                                      .expected_sha256 = options.sha256,
                                      .level = options.level,
                                      .progress =
                                          [&bar](std::uint64_t done, std::uint64_t total) {
                                            bar.show("import", done, total);
                                            return true;
                                          },
                                      .resumed =
                                          [](std::uint64_t octets) {
                                            std::cerr << "went on behind the "
                                                      << human_octets(octets)
                                                      << " of an interrupted import\n";
                                          }};
  const auto info = store.import_image(request);
  bar.finish();
  if (!info) return common.failed(info.error().within("importing " + options.source));
  print(describe(*info), common.json);
}

void import_set(Common& common, images::Store& store, const ImportOptions& options,
                const InstallerWords& words) {
  images::InstallerRequest request;
  request.source = options.source;
  request.name = options.image;
  request.expected_sha256 = options.sha256;
  const auto info = import_installer(store, std::move(request), words);
  if (!info) {
    const auto from = options.source.empty() ? words.kernel : options.source;
    return common.failed(info.error().within("importing " + from));
  }
  print(describe(*info), common.json);
}

// What its content is decides who takes it.
void import_file(Common& common, images::Store& store, ImportOptions options,
                 const ImportWords& words) {
  const auto config = common.config();
  if (!config) return;
  const auto sha256 = check_source(*config, words.check, options.source, options.sha256);
  if (!sha256) return common.failed(sha256.error().within("importing " + options.source));
  options.sha256 = *sha256;
  if (is_installer(options.source, words.installer)) {
    import_set(common, store, options, words.installer);
  } else {
    import_disk_image(common, store, options);
  }
}

// Kernel and initrd as single files: there is no source that a signature could be of.
void import_parts(Common& common, images::Store& store, const ImportOptions& options,
                  const ImportWords& words) {
  const auto config = common.config();
  if (!config) return;
  const auto good = allow_unsigned(*config, words.installer.kernel);
  if (!good) return common.failed(good.error());
  import_set(common, store, options, words.installer);
}

// Takes what was fetched, and then its part away. After a failure it stays, so that another try
// need not fetch it again.
void import_fetched(Common& common, images::Store& store, ImportOptions options,
                    const ImportWords& words, images::Downloaded fetched) {
  options.source = fetched.file.path();
  import_file(common, store, options, words);
  if (common.exit_code != 0) return;
  const auto removed = fetched.file.remove();
  if (!removed) common.failed(removed.error());
}

void import_from_url(Common& common, images::Store& store, const ImportOptions& options,
                     const ImportWords& words) {
  auto fetched = fetch_url(options.source, downloads_folder(store), options.sha256, words.network);
  if (!fetched) return common.failed(fetched.error());
  import_fetched(common, store, options, words, std::move(*fetched));
}

void import_from_registry(Common& common, images::Store& store, const ImportOptions& options,
                          const ImportWords& words) {
  if (options.sha256 || !words.check.signature.empty()) {
    return common.failed(
        Error("check sums and signatures are of a file; pin an image of a registry by its "
              "manifest: oci://REGISTRY/REPOSITORY@sha256:DIGEST"));
  }
  auto result =
      fetch_oci(store, options.source, options.image, words.installer.cmdline, words.network);
  if (!result) return common.failed(result.error());
  if (const auto* published = std::get_if<images::FileSetInfo>(&*result)) {
    return print(describe(*published), common.json);
  }
  import_fetched(common, store, options, words, std::move(std::get<images::Downloaded>(*result)));
}

void import_from_network(Common& common, images::Store& store, const ImportOptions& options,
                         ImportWords words) {
  const auto config = common.config();
  if (!config) return;
  if (is_registry(options.source)) {
    const auto good = allow_unsigned(*config, options.source);
    if (!good) return common.failed(good.error());
  }
  complete_options(words.network, config->image_sources);
  const auto fetch = is_url(options.source) ? import_from_url : import_from_registry;
  fetch(common, store, options, words);
}

bool is_content(const ImportWords& words) { return words.installer.kind == "content"; }

void import_files_of_content(Common& common, images::Store& store, const ImportWords& words,
                             const ImportOptions& options) {
  const auto config = common.config();
  if (!config) return;
  if (options.sha256 && words.sources.size() > 1) {
    return common.failed(Error("--sha256 is the digest of one file, and there are several"));
  }
  ContentRequest request{.name = options.image, .files = {}};
  for (const auto& file : words.sources) {
    const auto sha256 = check_source(*config, words.check, file, options.sha256);
    if (!sha256) return common.failed(sha256.error().within("importing " + file));
    request.files.push_back({file, *sha256});
  }
  const auto info = import_content(store, request);
  if (!info) return common.failed(info.error().within("importing " + options.image.text()));
  print(describe(*info), common.json);
}

// What SOURCE and the options say it is decides who takes it.
void import_any(Common& common, const ImportWords& words) {
  const auto name = images::ImageName::parse(words.name + "@" + words.version);
  if (!name) return common.failed(name.error());
  if (words.sources.size() > 1 && !is_content(words)) {
    return common.failed(Error("several files are one import with --kind content only"));
  }
  const auto source = words.sources.empty() ? std::string() : words.sources.front();
  const auto sha256 = expected_sha256(words.check, source.substr(source.rfind('/') + 1));
  if (!sha256) return common.failed(sha256.error());
  const ImportOptions options{
      .source = source, .image = *name, .sha256 = *sha256, .level = words.level};
  auto store = open_store(common);
  if (!store) return;
  if (is_content(words)) return import_files_of_content(common, *store, words, options);
  if (source.empty()) return import_parts(common, *store, options, words);
  if (is_url(source) || is_registry(source)) {
    return import_from_network(common, *store, options, words);
  }
  import_file(common, *store, options, words);
}

// What lies there and is no image yet.
void tell_unfinished(const images::Store& store) {
  const auto unfinished = store.unfinished();
  if (!unfinished) return;  // nothing to tell of
  for (const auto& [name, octets] : *unfinished) {
    std::cerr << name << "  unfinished, " << human_octets(octets)
              << "; import it again to go on, or `slipway image remove --gc`\n";
  }
}

void list_images(Common& common) {
  const auto store = open_store(common);
  if (!store) return;
  const auto images = store->list();
  if (!images) return common.failed(images.error());
  const auto sets = store->list_file_sets();
  if (!sets) return common.failed(sets.error());
  tell_unfinished(*store);
  if (common.json) {
    json::array list;
    for (const auto& info : *images) list.push_back(describe(info));
    for (const auto& info : *sets) list.push_back(describe(info));
    std::cout << json::serialize(json::object{{"images", list}}) << "\n";
    return;
  }
  for (const auto& info : *images) {
    std::cout << info.name.text() << "  disk image, " << human_octets(info.manifest.raw_size)
              << " raw, " << human_octets(info.stored_octets) << " stored\n";
  }
  for (const auto& info : *sets) {
    const auto& set = info.set;
    std::cout << set.name.text() << "  " << images::text(set.type)
              << (set.type == images::FileSetType::installer ? ", " + set.kind : "") << ", "
              << set.files.size() << " files, " << human_octets(set.octets()) << " stored\n";
  }
}

void show_image(Common& common, const std::string& text) {
  const auto name = images::ImageName::parse(text);
  if (!name) return common.failed(name.error());
  const auto store = open_store(common);
  if (!store) return;
  const auto type = store->type_of(*name);
  if (!type) return common.failed(type.error());
  if (*type != "disk image") {
    const auto set = store->show_file_set(*name);
    if (!set) return common.failed(set.error());
    return print(describe(*set), common.json);
  }
  const auto info = store->show(*name);
  if (!info) return common.failed(info.error());
  print(describe(*info), common.json);
}

}  // namespace

void add_image(CLI::App& app, const SharedCommon& common) {
  auto* image = app.add_subcommand("image", "The store of disk images, installers and content");
  image->require_subcommand(1);

  auto* import = image->add_subcommand("import", "Take an image into the store");
  auto words = std::make_shared<ImportWords>();
  import->add_option(
      "SOURCE", words->sources,
      "a disk image (raw, .gz, .xz, .zst, .bz2, qcow2; - for standard input), an "
      "installer's ISO or tar, the https:// URL of one, or oci://REGISTRY/REPOSITORY; "
      "none with --kernel; with --kind content several files");
  import->add_option("--name", words->name, "name in the store")->required();
  import->add_option("--version", words->version, "version; never changes once imported")
      ->required();
  import
      ->add_option("--level", words->level,
                   "of zstd, for disk images: higher is smaller for the hosts and slower here")
      ->check(CLI::Range(1, 19))
      ->capture_default_str();
  add_check_options(*import, words->check);
  add_network_options(*import, words->network);
  add_installer_options(*import, words->installer);
  import->callback([common, words] {
    if (words->sources.empty() && (is_content(*words) || words->installer.kernel.empty())) {
      throw CLI::RequiredError("SOURCE, or --kernel");
    }
    import_any(*common, *words);
  });

  image->add_subcommand("list", "All images")->callback([common] { list_images(*common); });

  auto name = std::make_shared<std::string>();
  auto* show = image->add_subcommand("show", "One image");
  show->add_option("IMAGE", *name, "NAME@VERSION")->required();
  show->callback([common, name] { show_image(*common, *name); });

  add_image_upkeep(*image, common);
}

}  // namespace slipway::service
