#include "agent/plan.hpp"

#include "base/json.hpp"

namespace slipway::agent {
namespace {

// A path on the server that gave the plan; another server must not be named.
Fallible<std::string> path_member(const JsonView& view, std::string_view name) {
  auto path = view.text(name);
  if (path && (!path->starts_with('/') || path->starts_with("//"))) {
    return fail(std::string(name) + ": expected a path that starts with one '/'");
  }
  return path;
}

Fallible<Sha256> digest_member(const JsonView& view, std::string_view name) {
  const auto text = view.text(name);
  if (!text) return std::unexpected(text.error());
  const auto digest = Sha256::parse(*text);
  if (!digest) return fail(std::string(name) + ": expected a SHA-256 of 64 hexadecimal digits");
  return *digest;
}

Fallible<ImageSource> parse_image(const JsonView& plan) {
  const auto view = plan.member("image");
  if (!view) return std::unexpected(view.error());
  const auto manifest = path_member(*view, "manifest");
  if (!manifest) return std::unexpected(manifest.error());
  const auto data = path_member(*view, "data");
  if (!data) return std::unexpected(data.error());
  const auto digest = digest_member(*view, "manifest_sha256");
  if (!digest) return std::unexpected(digest.error());
  return ImageSource{view->text_or("name", "image"), *manifest, *data, *digest};
}

Fallible<Requirements> parse_requirements(const JsonView& plan) {
  Requirements requirements;
  const auto view = plan.find("requirements");
  if (!view) return requirements;
  requirements.memory_octets = view->number_or("memory_octets", 0);
  requirements.cpus = view->number_or("cpus", 0);
  requirements.disk_octets = view->number_or("disk_octets", 0);
  requirements.firmware = view->text_or("firmware", "any");
  const auto& firmware = requirements.firmware;
  if (firmware != "any" && firmware != "bios" && firmware != "uefi") {
    return fail("requirements.firmware: expected any, bios or uefi");
  }
  return requirements;
}

Fallible<std::vector<DiskCondition>> parse_conditions(const JsonView& plan) {
  std::vector<DiskCondition> conditions;
  const auto list = plan.find("disk");
  if (!list) return conditions;
  const auto entries = list->elements();
  if (!entries) return std::unexpected(entries.error());
  for (const auto& entry : *entries) {
    conditions.push_back({.type = entry.text_or("type", ""),
                          .min_octets = entry.number_or("min_octets", 0),
                          .max_octets = entry.number_or("max_octets", 0),
                          .model = entry.text_or("model", ""),
                          .serial = entry.text_or("serial", ""),
                          .path = entry.text_or("path", "")});
  }
  return conditions;
}

Fallible<std::optional<SeedSource>> parse_seed(const JsonView& plan) {
  const auto view = plan.find("seed");
  if (!view) return std::nullopt;
  const auto kind = view->text("kind");
  if (!kind) return std::unexpected(kind.error());
  if (*kind != "cidata") return fail("seed.kind: this agent knows only cidata, not " + *kind);
  const auto url = path_member(*view, "url");
  if (!url) return std::unexpected(url.error());
  const auto octets = view->number("octets");
  if (!octets) return std::unexpected(octets.error());
  const auto digest = digest_member(*view, "sha256");
  if (!digest) return std::unexpected(digest.error());
  return SeedSource{*url, *octets, *digest};
}

Fallible<Finish> parse_finish(const JsonView& plan) {
  const auto text = plan.text_or("finish", "poweroff");
  if (text == "poweroff") return Finish::poweroff;
  if (text == "reboot") return Finish::reboot;
  return fail("finish: expected poweroff or reboot");
}

}  // namespace

Fallible<Plan> parse_plan(std::string_view json) {
  const auto document = parse_json(json);
  if (!document) return std::unexpected(document.error());
  const JsonView view(*document);
  const auto action = view.text("action");
  if (!action) return std::unexpected(action.error());
  if (*action != "write") return fail("action: this agent knows only write, not " + *action);
  const auto attempt = view.number("attempt");
  if (!attempt) return std::unexpected(attempt.error());
  auto image = parse_image(view);
  if (!image) return std::unexpected(image.error());
  auto requirements = parse_requirements(view);
  if (!requirements) return std::unexpected(requirements.error());
  auto conditions = parse_conditions(view);
  if (!conditions) return std::unexpected(conditions.error());
  auto seed = parse_seed(view);
  if (!seed) return std::unexpected(seed.error());
  const auto finish = parse_finish(view);
  if (!finish) return std::unexpected(finish.error());
  return Plan{*attempt,
              view.text_or("host", "this host"),
              std::move(*image),
              std::move(*requirements),
              std::move(*conditions),
              std::move(*seed),
              *finish};
}

}  // namespace slipway::agent
