#include "agent/plan.hpp"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "base/json.hpp"

namespace slipway::agent {
namespace {

// The members of one object, each of which must be known and of the right kind: what this agent
// does not know may ask for what it does not do. The first failure is kept.
class Members {
 public:
  Members(const JsonView& view, std::initializer_list<std::string_view> known) : view_(view) {
    const auto* object = view.raw().if_object();
    if (object == nullptr) {
      refuse(view.path() + ": expected an object");
      return;
    }
    for (const auto& [key, value] : *object) {
      const std::string_view name(key.data(), key.size());
      if (std::ranges::find(known, name) != known.end()) continue;
      refuse(view.path() + (view.path().empty() ? "" : ".") + std::string(name) +
             ": this agent does not know it; run slipway installer build again");
    }
  }

  std::string text(std::string_view name) {
    return taken<std::string>(name, [](const JsonView& member) { return member.text(); });
  }
  std::uint64_t number(std::string_view name) {
    return taken<std::uint64_t>(name, [](const JsonView& member) { return member.number(); });
  }
  bool flag(std::string_view name) {
    return taken<bool>(name, [](const JsonView& member) { return member.boolean(); });
  }
  std::chrono::seconds seconds(std::string_view name) {
    constexpr std::uint64_t kDay = 24 * 3600;
    const auto count = number(name);
    if (count > kDay) refuse(view_.path() + "." + std::string(name) + ": more than a day");
    return std::chrono::seconds(std::min(count, kDay));
  }

  // What the member's word stands for; the first of `words` when it is absent.
  template <class T>
  T word(std::string_view name, std::initializer_list<std::pair<std::string_view, T>> words) {
    const auto said = text(name);
    if (said.empty()) return words.begin()->second;
    std::string allowed;
    for (const auto& [word, value] : words) {
      if (word == said) return value;
      allowed += (allowed.empty() ? "" : ", ") + std::string(word);
    }
    refuse(std::string(name) + ": expected one of " + allowed + ", not " + said);
    return words.begin()->second;
  }

  template <class T>
  Fallible<T> made(T value) {
    if (error_) return std::unexpected(*error_);
    return value;
  }

 private:
  void refuse(std::string why) {
    if (!error_) error_ = Error(std::move(why));
  }

  template <class T, class Read>
  T taken(std::string_view name, Read read) {
    const auto member = view_.find(name);
    if (!member) return T{};
    auto value = read(*member);
    if (value) return std::move(*value);
    refuse(value.error().text());
    return T{};
  }

  const JsonView view_;
  std::optional<Error> error_;
};

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
  return ImageSource{view->text_or("name", "image"), *manifest, *data, *digest,
                     view->text_or("signature", "")};
}

Fallible<Requirements> parse_requirements(const JsonView& plan) {
  const auto view = plan.find("requirements");
  if (!view) return Requirements{};
  Members members(*view, {"memory_octets", "cpus", "disk_octets", "firmware", "secure_boot", "tpm",
                          "nic_speed_mbit", "disk_health"});
  Requirements asked;
  asked.memory_octets = members.number("memory_octets");
  asked.cpus = members.number("cpus");
  asked.disk_octets = members.number("disk_octets");
  asked.firmware =
      members.word<std::string>("firmware", {{"any", "any"}, {"bios", "bios"}, {"uefi", "uefi"}});
  asked.secure_boot =
      members.word<std::string>("secure_boot", {{"any", "any"}, {"on", "on"}, {"off", "off"}});
  asked.tpm = members.word<bool>("tpm", {{"any", false}, {"present", true}});
  asked.nic_speed_mbit = members.number("nic_speed_mbit");
  asked.healthy_disk = members.word<bool>("disk_health", {{"good", true}, {"any", false}});
  return members.made(std::move(asked));
}

Fallible<DiskCondition> parse_condition(const JsonView& entry) {
  Members members(
      entry, {"type", "min_octets", "max_octets", "model", "serial", "wwn", "path", "rotational"});
  DiskCondition condition;
  condition.type = members.text("type");
  condition.min_octets = members.number("min_octets");
  condition.max_octets = members.number("max_octets");
  condition.model = members.text("model");
  condition.serial = members.text("serial");
  condition.wwn = members.text("wwn");
  condition.path = members.text("path");
  condition.rotational = members.word<std::optional<bool>>(
      "rotational", {{"any", std::nullopt}, {"yes", true}, {"no", false}});
  return members.made(std::move(condition));
}

Fallible<std::vector<DiskCondition>> parse_conditions(const JsonView& plan) {
  std::vector<DiskCondition> conditions;
  const auto list = plan.find("disk");
  if (!list) return conditions;
  const auto entries = list->elements();
  if (!entries) return std::unexpected(entries.error());
  for (const auto& entry : *entries) {
    auto condition = parse_condition(entry);
    if (!condition) return std::unexpected(condition.error());
    conditions.push_back(std::move(*condition));
  }
  return conditions;
}

Fallible<BurnIn> parse_burn_in(const JsonView& plan) {
  const auto view = plan.find("burn_in");
  if (!view) return BurnIn{};
  Members members(*view, {"memory_seconds", "disk_read_seconds", "cpu_seconds"});
  BurnIn times;
  times.memory = members.seconds("memory_seconds");
  times.disk_read = members.seconds("disk_read_seconds");
  times.cpu = members.seconds("cpu_seconds");
  return members.made(times);
}

// What is done with the disk besides the write of the image.
Fallible<void> parse_disk_work(const JsonView& view, Plan& plan) {
  Members members(
      view, {"action", "attempt", "host", "image", "requirements", "disk", "disk_pick", "erase",
             "new_guids", "grow", "burn_in", "seed", "oem", "content", "finish"});
  plan.pick = members.word<DiskPick>(
      "disk_pick",
      {{"one", DiskPick::one}, {"largest", DiskPick::largest}, {"smallest", DiskPick::smallest}});
  plan.erase = members.word<Erase>(
      "erase", {{"none", Erase::none}, {"discard", Erase::discard}, {"secure", Erase::secure}});
  plan.new_guids = members.flag("new_guids");
  plan.grow = members.flag("grow");
  const auto good = members.made(true);
  if (!good) return std::unexpected(good.error());
  const auto times = parse_burn_in(view);
  if (!times) return std::unexpected(times.error());
  plan.burn_in = *times;
  return {};
}

// Url, length and digest of one file of the host's.
Fallible<SeedSource> parse_source(const JsonView& view) {
  const auto url = path_member(view, "url");
  if (!url) return std::unexpected(url.error());
  const auto octets = view.number("octets");
  if (!octets) return std::unexpected(octets.error());
  const auto digest = digest_member(view, "sha256");
  if (!digest) return std::unexpected(digest.error());
  return SeedSource{*url, *octets, *digest};
}

Fallible<std::optional<SeedSource>> parse_seed(const JsonView& plan) {
  const auto view = plan.find("seed");
  if (!view) return std::nullopt;
  const auto kind = view->text("kind");
  if (!kind) return std::unexpected(kind.error());
  if (*kind != "cidata") return fail("seed.kind: this agent knows only cidata, not " + *kind);
  return parse_source(*view);
}

Fallible<std::optional<OemSource>> parse_oem(const JsonView& plan) {
  const auto view = plan.find("oem");
  if (!view) return std::nullopt;
  Members members(*view, {"url", "octets", "sha256", "path"});
  auto name = members.text("path");
  const auto good = members.made(true);
  if (!good) return std::unexpected(good.error());
  // It lies in a file system's root folder and nowhere else.
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  if (name.empty() || name.front() == '.' || name.find_first_not_of(kAllowed) != name.npos) {
    return fail("oem.path: expected the name of a file");
  }
  auto source = parse_source(*view);
  if (!source) return std::unexpected(source.error());
  return OemSource{std::move(*source), std::move(name)};
}

// Absolute, without an empty part, "." and "..".
bool is_clean_path(std::string_view path) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+@-/";
  constexpr std::size_t kMostOctets = 1024;
  if (path.size() < 2 || path.size() > kMostOctets || path.front() != '/') return false;
  if (path.find_first_not_of(kAllowed) != std::string_view::npos) return false;
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto part = path.substr(0, path.find('/'));
    if (part.empty() || part == "." || part == "..") return false;
    path.remove_prefix(part.size());
  }
  return true;
}

Fallible<ContentFile> parse_content_file(const JsonView& view) {
  Members members(view, {"url", "octets", "sha256", "path", "partition"});
  ContentFile file;
  file.path = members.text("path");
  file.partition = members.text("partition");
  const auto good = members.made(true);
  if (!good) return std::unexpected(good.error());
  if (!is_clean_path(file.path)) return fail(view.path() + ".path: expected a clean absolute path");
  auto source = parse_source(view);
  if (!source) return fail(source.error(), view.path());
  file.source = std::move(*source);
  return file;
}

Fallible<std::vector<ContentFile>> parse_content(const JsonView& plan) {
  std::vector<ContentFile> files;
  const auto list = plan.find("content");
  if (!list) return files;
  const auto entries = list->elements();
  if (!entries) return std::unexpected(entries.error());
  if (entries->size() > kMaxContentFiles) return fail("content: too many files");
  for (const auto& entry : *entries) {
    auto file = parse_content_file(entry);
    if (!file) return std::unexpected(file.error());
    files.push_back(std::move(*file));
  }
  return files;
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
  auto oem = parse_oem(view);
  if (!oem) return std::unexpected(oem.error());
  auto content = parse_content(view);
  if (!content) return std::unexpected(content.error());
  const auto finish = parse_finish(view);
  if (!finish) return std::unexpected(finish.error());
  Plan plan;
  plan.attempt = *attempt;
  plan.host = view.text_or("host", "this host");
  plan.image = std::move(*image);
  plan.requirements = std::move(*requirements);
  plan.disk = std::move(*conditions);
  plan.seed = std::move(*seed);
  plan.oem = std::move(*oem);
  plan.content = std::move(*content);
  plan.finish = *finish;
  const auto disk_work = parse_disk_work(view, plan);
  if (!disk_work) return std::unexpected(disk_work.error());
  return plan;
}

}  // namespace slipway::agent
