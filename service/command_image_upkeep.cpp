// `slipway image verify|export|remove`: what keeps the store sound and gives back what it holds.
#include <iostream>

#include "images/export.hpp"
#include "images/verify.hpp"
#include "service/command_image.hpp"
#include "service/image_references.hpp"
#include "service/progress_bar.hpp"

namespace slipway::service {
namespace {

struct VerifyWords {
  std::string image;
  bool all = false;
};

struct ExportWords {
  std::string image, output;
  bool packed = false;
};

struct RemoveWords {
  std::string image;
  bool yes = false, garbage = false;
};

// What `--all` stands for: every name, and then every blob, whether a name uses it or not.
void verify_all_blobs(Common& common, const images::Store& store) {
  const auto blobs = store.all_blobs();
  if (!blobs) return common.failed(blobs.error());
  ProgressBar bar;
  for (std::size_t i = 0; i < blobs->size(); ++i) {
    bar.show("blobs", i, blobs->size());
    const auto good = images::verify_blob(store, (*blobs)[i]);
    if (!good) common.failed(good.error());
  }
  bar.finish();
}

void verify(Common& common, const VerifyWords& words) {
  std::vector<images::ImageName> names;
  if (!words.all) {
    const auto name = images::ImageName::parse(words.image);
    if (!name) return common.failed(name.error());
    names = {*name};
  }
  const auto store = open_store(common);
  if (!store) return;
  if (words.all) {
    auto all = store->names();
    if (!all) return common.failed(all.error());
    names = std::move(*all);
  }
  ProgressBar bar;
  for (const auto& name : names) {
    const auto mistakes =
        images::verify_image(*store, name, [&](std::uint64_t done, std::uint64_t total) {
          bar.show(name.text(), done, total);
          return true;
        });
    bar.finish();
    for (const auto& mistake : mistakes) common.failed(mistake);
    if (mistakes.empty()) std::cerr << name.text() << ": good\n";
  }
  if (words.all) verify_all_blobs(common, *store);
}

void export_any(Common& common, const ExportWords& words) {
  const auto name = images::ImageName::parse(words.image);
  if (!name) return common.failed(name.error());
  const auto store = open_store(common);
  if (!store) return;
  const auto type = store->type_of(*name);
  if (!type) return common.failed(type.error());
  ProgressBar bar;
  const auto progress = [&bar](std::uint64_t done, std::uint64_t total) {
    bar.show("export", done, total);
    return true;
  };
  Fallible<void> good;
  if (*type == "disk image") {
    const auto info = store->show(*name);
    if (!info) return common.failed(info.error());
    const auto form = words.packed ? images::ExportForm::packed : images::ExportForm::raw;
    good = images::export_image(*store, *info, form, words.output, progress);
  } else {
    const auto info = store->show_file_set(*name);
    if (!info) return common.failed(info.error());
    if (words.packed) {
      return common.failed(Error("--zst: " + name->text() + " is no disk image"));
    }
    good = images::export_set(*store, info->set, words.output, progress);
  }
  bar.finish();
  if (!good) common.failed(good.error());
}

void collect_garbage(Common& common) {
  auto store = open_store(common);
  if (!store) return;
  const auto cleared = store->collect_garbage();
  if (!cleared) return common.failed(cleared.error());
  std::cerr << "removed " << cleared->files << " files, " << human_octets(cleared->octets) << "\n";
}

bool is_confirmed(const std::string& image) {
  std::cerr << "Remove " << image << "? [y/N] " << std::flush;
  std::string answer;
  return std::getline(std::cin, answer) && (answer == "y" || answer == "yes");
}

void remove_image(Common& common, const RemoveWords& words) {
  const auto name = images::ImageName::parse(words.image);
  if (!name) return common.failed(name.error());
  const auto config = common.config();
  if (!config) return;
  auto store = open_store(common);
  if (!store) return;
  const auto references = image_references(*config, name->text());
  if (!references) return common.failed(references.error());
  for (const auto& line : *references) common.failed(Error(line));
  if (!references->empty()) {
    return common.failed(Error(name->text() + " is still needed; nothing removed"));
  }
  if (!words.yes && !is_confirmed(name->text())) return common.failed(Error("nothing removed"));
  const auto removed = store->remove(*name);
  if (!removed) return common.failed(removed.error());
  if (removed->others_write) {
    std::cerr << "the name is gone; its files stay while an import is at work, and go with "
                 "`slipway image remove --gc`\n";
  }
}

void remove(Common& common, const RemoveWords& words) {
  if (words.garbage) return collect_garbage(common);
  remove_image(common, words);
}

}  // namespace

std::optional<images::Store> open_store(Common& common) {
  const auto config = common.config();
  if (!config) return std::nullopt;
  auto store = images::Store::open(config->data_dir / "store");
  if (store) {
    store->sign_with(config->data_dir / "keys");
    return std::move(*store);
  }
  common.failed(store.error());
  return std::nullopt;
}

void add_image_upkeep(CLI::App& image, const SharedCommon& common) {
  auto verify_words = std::make_shared<VerifyWords>();
  auto* check = image.add_subcommand("verify", "Read an image and hold it against its digests");
  auto* which = check->add_option_group("which");
  which->add_option("IMAGE", verify_words->image, "NAME@VERSION");
  which->add_flag("--all", verify_words->all, "every image, and every file of the store");
  which->require_option(1);
  check->callback([common, verify_words] { verify(*common, *verify_words); });

  auto export_words = std::make_shared<ExportWords>();
  auto* give = image.add_subcommand("export", "Give an image back as a file");
  give->add_option("IMAGE", export_words->image, "NAME@VERSION")->required();
  give->add_option("-o,--output", export_words->output,
                   "the file; of an installer or content, a new folder")
      ->required();
  give->add_flag("--zst", export_words->packed, "as it is stored, not unpacked");
  give->callback([common, export_words] { export_any(*common, *export_words); });

  auto remove_words = std::make_shared<RemoveWords>();
  auto* take = image.add_subcommand("remove", "Take an image out of the store");
  auto* what = take->add_option_group("what");
  what->add_option("IMAGE", remove_words->image, "NAME@VERSION");
  what->add_flag("--gc", remove_words->garbage, "what no image uses and no import goes on with");
  what->require_option(1);
  take->add_flag("--yes", remove_words->yes, "do not ask");
  take->callback([common, remove_words] { remove(*common, *remove_words); });
}

}  // namespace slipway::service
