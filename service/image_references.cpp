#include "service/image_references.hpp"

#include <algorithm>
#include <filesystem>

#include "base/json.hpp"
#include "provisioning/yaml.hpp"
#include "service/operator_client.hpp"

namespace slipway::service {
namespace {

namespace fs = std::filesystem;
namespace prov = provisioning;

// Every `image: NAME@VERSION` below `value`, whatever it belongs to: installer or content.
void find_image(const prov::Value& value, const std::string& image, std::vector<std::string>& out) {
  if (const auto* list = value.list()) {
    for (const auto& element : *list) find_image(element, image, out);
  }
  if (value.map() == nullptr) return;
  for (const auto& [key, entry] : *value.map()) {
    if (key == "image" && entry.string() != nullptr && *entry.string() == image) {
      out.push_back(entry.mark.text() + ": this profile names it");
    }
    find_image(entry, image, out);
  }
}

Fallible<void> search_profiles(const fs::path& folder, const std::string& image,
                               std::vector<std::string>& out) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator each(folder, error), end; !error && each != end;
       each.increment(error)) {
    const auto ending = each->path().extension();
    if (ending == ".yaml" || ending == ".yml") files.push_back(each->path());
  }
  std::ranges::sort(files);
  for (const auto& file : files) {
    const auto parsed = prov::read_yaml(file, folder.parent_path());
    if (!parsed.mistakes.empty()) return fail(parsed.mistakes.front().line());
    find_image(parsed.value, image, out);
  }
  return {};
}

// `images` of a host is what it is armed with, also while it is at work or may try again.
Fallible<void> search_hosts(const prov::Config& config, const std::string& image,
                            std::vector<std::string>& out) {
  OperatorClient client(config);
  if (!client.is_running()) return {};
  const auto document = client.get("hosts");
  if (!document) return std::unexpected(document.error());
  const auto member = JsonView(*document).member("hosts");
  const auto hosts = member ? member->elements() : std::unexpected(member.error());
  if (!hosts) return std::unexpected(hosts.error());
  for (const auto& host : *hosts) {
    const auto images = host.find("images");
    const auto list = images ? images->elements() : Fallible<std::vector<JsonView>>();
    if (!list) continue;
    const auto names_it = [&](const JsonView& name) { return name.text() == image; };
    if (std::ranges::none_of(*list, names_it)) continue;
    const auto name = host.text_or("name", "");
    out.push_back("host " + (name.empty() ? host.text_or("id", "") : name) + " is " +
                  host.text_or("state", "") + " with it");
  }
  return {};
}

}  // namespace

Fallible<std::vector<std::string>> image_references(const prov::Config& config,
                                                    const std::string& image) {
  std::vector<std::string> found;
  auto good = search_profiles(config.inventory / "profiles", image, found);
  if (good) good = search_hosts(config, image, found);
  if (!good) return std::unexpected(good.error());
  return found;
}

}  // namespace slipway::service
