// `slipway flash IMAGE DEVICE`: the agent's write pipeline, at a workbench.
#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <csignal>
#include <fstream>
#include <iostream>
#include <iterator>

#include "base/progress.hpp"
#include "service/command.hpp"
#include "service/flash_source.hpp"
#include "service/flash_target.hpp"

namespace slipway::service {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

struct FlashOptions {
  std::string image, device, sha256, data, seed;
  bool verify_only = false, yes = false;
};

std::atomic<bool> interrupted = false;

// Ctrl-C ends the write in good order: the disk then has no table, and says so.
void on_interrupt(int) { interrupted = true; }

std::optional<Sha256> parse_digest(Common& common, const std::string& option,
                                   const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto digest = Sha256::parse(text);
  if (!digest) common.failed(Error(option + ": expected 64 hexadecimal digits"));
  return digest;
}

Fallible<images::Seed> read_seed(const std::string& path) {
  if (path.empty()) return images::Seed{};
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail("opening " + path + ": it cannot be read");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto octets = as_bytes(text);
  return images::Seed{Bytes(octets.begin(), octets.end()), Sha256::of(octets)};
}

// Of the seed's partition: the same seed gives the same, so that --verify-only can tell. RFC 9562
// version 8.
images::Guid partition_guid(const images::Seed& seed) {
  images::Guid guid;
  std::copy_n(seed.sha256.octets.begin(), guid.octets.size(), guid.octets.begin());
  guid.octets[7] = static_cast<std::uint8_t>((guid.octets[7] & 0x0F) | 0x80);
  guid.octets[8] = static_cast<std::uint8_t>((guid.octets[8] & 0x3F) | 0x80);
  return guid;
}

// Writing a file over itself, or to the disk that one reads from, cannot end well.
Fallible<void> check_apart(const std::string& image, const std::string& device) {
  std::error_code error;
  if (!fs::exists(image, error) || !fs::equivalent(image, device, error)) return {};
  return fail(device + ": is the image itself");
}

bool is_confirmed(const FlashImage& image, const images::BlockDevice& disk) {
  std::cerr << "Write " << image.name << " (" << human_octets(image.manifest->raw_size) << ") to "
            << disk.name() << " (" << human_octets(disk.size_octets())
            << ")? Everything on it is lost. [y/N] " << std::flush;
  std::string answer;
  return std::getline(std::cin, answer) && (answer == "y" || answer == "yes");
}

void print(const Common& common, const FlashOptions& options, const FlashImage& image,
           const images::WriteReport& report) {
  double seconds = 0;
  for (const auto& [step, took] : report.seconds) seconds += took;
  if (common.json) {
    json::object steps;
    for (const auto& [step, took] : report.seconds) steps[step] = took;
    const json::object document{{"image", image.name},
                                {"device", options.device},
                                {"verified", true},
                                {"raw_octets", image.manifest->raw_size},
                                {"raw_sha256", report.raw_sha256.text()},
                                {"written_octets", report.written_octets},
                                {"seconds", std::move(steps)}};
    std::cout << json::serialize(document) << "\n";
    return;
  }
  std::cout << options.device << (options.verify_only ? " holds " : ": wrote and read back ")
            << image.name << " (" << human_octets(image.manifest->raw_size) << ", SHA-256 "
            << report.raw_sha256.text() << ") in " << static_cast<std::uint64_t>(seconds + 0.5)
            << " s\n";
}

// The settings are needed for the store only; at a bench without a server there are none.
bool read_settings(Common& common, FlashImageRequest& request, std::vector<fs::path>& precious) {
  if (!fs::exists(common.config_file)) return true;
  const auto config = common.config();
  if (!config) return false;
  request.store = config->data_dir / "store";
  precious.push_back(fs::absolute(config->data_dir));
  return true;
}

void run(Common& common, const FlashOptions& options, const FlashImage& image, ProgressBar& bar) {
  const auto access = options.verify_only ? images::Access::read_only : images::Access::read_write;
  const auto disk = images::open_disk(options.device, access);
  if (!disk) return common.failed(disk.error());
  auto seed = read_seed(options.seed);
  if (!seed) return common.failed(seed.error());
  if (!options.verify_only && !options.yes && !is_confirmed(image, **disk)) {
    return common.failed(Error("nothing written"));
  }
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  const auto guid = partition_guid(*seed);
  const images::WriteJob job{.fetcher = *image.fetcher,
                             .manifest = image.manifest,
                             .disk = **disk,
                             .seed = std::move(*seed),
                             .seed_partition = guid,
                             .progress =
                                 [&bar](const images::WriteProgress& progress) {
                                   bar.show(progress.step, progress.done_octets,
                                            progress.total_octets);
                                 },
                             .cancel = &interrupted};
  const auto report = options.verify_only ? images::verify_image(job) : images::write_image(job);
  bar.finish();
  if (!report) {
    return common.failed(Error(report.error().reason + ": " + report.error().detail));
  }
  print(common, options, image, *report);
}

void flash(Common& common, const FlashOptions& options) {
  FlashImageRequest request{.image = options.image,
                            .expected_sha256 = parse_digest(common, "--sha256", options.sha256),
                            .data_sha256 = parse_digest(common, "--data", options.data)};
  std::vector<fs::path> precious{"/"};
  if (common.exit_code != 0 || !read_settings(common, request, precious)) return;
  const auto target = find_flash_target(options.device);
  if (!target) return common.failed(target.error());
  auto good = check_apart(options.image, options.device);
  if (good && !options.verify_only) good = check_flash_target("/", *target, precious);
  if (!good) return common.failed(good.error());
  ProgressBar bar;
  const auto image = open_flash_image(request, bar);
  if (!image) return common.failed(image.error());
  run(common, options, *image, bar);
}

}  // namespace

void add_flash(CLI::App& app, const SharedCommon& common) {
  const auto options = std::make_shared<FlashOptions>();
  auto* command =
      app.add_subcommand("flash", "Write an image to a disk or stick, verify it before and after");
  command
      ->add_option("IMAGE", options->image,
                   "NAME@VERSION of the store, a raw, .gz, .xz or .zst file, or "
                   "http://SERVER/artifacts/SHA256/manifest.json")
      ->required();
  command->add_option("DEVICE", options->device, "a whole disk, or a file of a disk's size")
      ->required();
  command->add_flag("--verify-only", options->verify_only,
                    "only read: does the disk hold this image?");
  command->add_flag("--yes", options->yes, "do not ask");
  command->add_option("--sha256", options->sha256, "what the image file must hash to");
  command->add_option("--data", options->data,
                      "with a URL: digest of the data on a Slipway server (image show)");
  command->add_option("--seed", options->seed,
                      "ISO file that becomes the partition cidata at the disk's end");
  command->callback([common, options] { flash(*common, *options); });
}

}  // namespace slipway::service
