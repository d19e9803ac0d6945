#include "provisioning/diagnostics.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <vector>

#include "base/json.hpp"
#include "provisioning/said_text.hpp"
#include "provisioning/staged_file.hpp"
#include "provisioning/yaml.hpp"

namespace slipway::provisioning {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::size_t kMostLines = 4000, kLongLine = 1000;

struct Bundle {
  fs::path path;
  std::int64_t attempt = 0;
  std::uint64_t octets = 0;
  fs::file_time_type written{};
};

// The bundles in a host's folder, the latest attempt first. What else lies there is not ours.
std::vector<Bundle> bundles_of(const fs::path& folder) {
  std::vector<Bundle> bundles;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const auto name = entry.path().stem().string();
    std::int64_t attempt = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), attempt);
    if (bad != std::errc() || end != name.data() + name.size()) continue;
    if (entry.path().extension() != ".json") continue;
    bundles.push_back(
        {entry.path(), attempt, entry.file_size(error), entry.last_write_time(error)});
  }
  std::ranges::sort(bundles, std::greater(), &Bundle::attempt);
  return bundles;
}

void drop_old(const fs::path& folder, std::uint64_t most_octets) {
  std::error_code error;  // what cannot be removed now, is tried again after the next bundle
  std::vector<Bundle> kept;
  std::uint64_t octets = 0;
  for (const auto& host : fs::directory_iterator(folder, error)) {
    const auto bundles = bundles_of(host.path());
    for (std::size_t at = 0; at < bundles.size(); ++at) {
      if (at >= kBundlesOfHost) {
        fs::remove(bundles[at].path, error);
      } else {
        kept.push_back(bundles[at]);
        octets += bundles[at].octets;
      }
    }
  }
  std::ranges::sort(kept, {}, &Bundle::written);
  for (const auto& bundle : kept) {
    if (octets <= most_octets) return;
    fs::remove(bundle.path, error);
    octets -= bundle.octets;
  }
}

std::string line_of(const json::value& value) {
  const auto* text = value.if_string();
  return text == nullptr ? std::string() : said_text({text->data(), text->size()}, kLongLine);
}

json::array lines_of(const json::value& value) {
  json::array lines;
  if (!value.is_array()) return lines;
  for (const auto& line : value.get_array()) {
    if (lines.size() < kMostLines && line.is_string()) lines.push_back(json::string(line_of(line)));
  }
  return lines;
}

// {"title": ..., "lines": [...]} each.
json::array sections_of(const json::value& value) {
  json::array sections;
  constexpr std::size_t kMostSections = 300;
  if (!value.is_array()) return sections;
  for (const auto& section : value.get_array()) {
    if (!section.is_object() || sections.size() >= kMostSections) continue;
    const auto* title = section.get_object().if_contains("title");
    const auto* lines = section.get_object().if_contains("lines");
    if (title == nullptr || lines == nullptr) continue;
    sections.push_back(json::object{{"title", line_of(*title)}, {"lines", lines_of(*lines)}});
  }
  return sections;
}

}  // namespace

fs::path BundlePlace::file() const { return folder / host / (std::to_string(attempt) + ".json"); }

fs::path diagnostics_folder(const fs::path& data_dir) { return data_dir / "diagnostics"; }

Fallible<std::string> read_bundle(std::string_view body) {
  const auto document = parse_json(body);
  if (!document) return std::unexpected(document.error());
  const auto bundle = JsonView(*document).member("bundle");
  if (!bundle) return fail("document: expected lines or a bundle");
  const auto* object = bundle->raw().if_object();
  if (object == nullptr) return fail("bundle: expected an object");
  json::object kept;
  for (const auto* name : {"reason", "detail", "agent_version"}) {
    if (const auto* value = object->if_contains(name)) kept[name] = line_of(*value);
  }
  if (const auto* sections = object->if_contains("sections")) {
    kept["sections"] = sections_of(*sections);
  }
  return json::serialize(kept);
}

Fallible<void> keep_diagnostics(const BundlePlace& place, std::string_view text,
                                std::uint64_t most_octets) {
  std::error_code error;
  const auto folder = place.file().parent_path();
  fs::create_directories(folder, error);
  if (error) return fail("creating " + folder.string() + ": " + error.message());
  fs::permissions(place.folder, fs::perms::owner_all, error);  // the files are 0600 all the same
  auto staged = StagedFile::write(place.file(), text, 0600);
  if (!staged) return std::unexpected(staged.error());
  // Of one attempt there may be several: the last one counts.
  const auto published =
      fs::exists(place.file(), error) ? staged->publish_over() : staged->publish();
  if (!published) return published;
  staged->keep();
  drop_old(place.folder, most_octets);
  return {};
}

std::optional<fs::path> newest_diagnostics_file(const fs::path& folder, const std::string& host) {
  const auto bundles = bundles_of(folder / host);
  if (bundles.empty()) return std::nullopt;
  return bundles.front().path;
}

Fallible<std::string> newest_diagnostics(const fs::path& folder, const std::string& host) {
  const auto file = newest_diagnostics_file(folder, host);
  if (!file) return fail("this host has left no diagnostics");
  return read_text_file(*file, 2 * kMaxBundleOctets);
}

}  // namespace slipway::provisioning
