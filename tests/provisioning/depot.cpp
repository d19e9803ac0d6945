#include "tests/provisioning/depot.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>

#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

constexpr std::chrono::seconds kPatience{60};

std::filesystem::path fresh_folder(const std::filesystem::path& where) {
  std::string pattern = (where / "slipway-gate-XXXXXX").string();
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  return pattern;
}

// h1 and h2: complete. `spare`: in the inventory, without a profile.
Inventory sample_inventory() {
  Inventory inventory;
  Profile profile;
  profile.name = "edge";
  profile.version = "1.0.0";
  profile.image = "debian@12";
  profile.requirements.memory_octets = 1U << 30U;
  profile.disk = {DiskCondition{}};
  profile.disk.front().type = "virtio";
  profile.user_data.data = Map{{"write_password", Value{Secret("hunter2"), {}}}};
  inventory.profiles = {profile};
  inventory.sites = {Site{.name = "store-1", .user_data = {}, .mark = {}}};
  const auto entry = [](std::string name, std::string_view mac, std::string profile_name) {
    HostEntry host;
    host.name = std::move(name);
    host.macs = {*Mac::parse(mac)};
    host.profile = std::move(profile_name);
    if (!host.profile.empty()) host.site = "store-1";
    return host;
  };
  inventory.hosts = {entry("h1", "52:54:00:aa:00:01", "edge"),
                     entry("h2", "52:54:00:aa:00:02", "edge"),
                     entry("spare", "52:54:00:aa:00:03", "")};
  return inventory;
}

}  // namespace

void HandScheduler::post(Task task) {
  {
    const std::scoped_lock lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  posted_.notify_one();
}

void HandScheduler::after(std::chrono::milliseconds delay, Task task) {
  timers_.push_back({now_.steady + delay, std::move(task)});
}

void HandScheduler::run(bool wait) {
  for (;;) {
    std::vector<Task> tasks;
    {
      std::unique_lock lock(mutex_);
      if (wait) posted_.wait_for(lock, std::chrono::seconds(1), [&] { return !tasks_.empty(); });
      tasks.swap(tasks_);
    }
    wait = false;
    if (tasks.empty()) return;
    for (auto& task : tasks) {
      const auto start = std::chrono::steady_clock::now();
      task();
      longest = std::max(longest, std::chrono::steady_clock::now() - start);
    }
  }
}

void HandScheduler::advance(std::chrono::milliseconds by) {
  {
    const std::scoped_lock lock(mutex_);
    now_.steady += by;
    now_.unix_ms += by.count();
  }
  run_timers();
}

void HandScheduler::run_timers() {
  std::vector<Timer> due;
  for (auto& timer : timers_) {
    if (timer.due <= now_.steady) due.push_back(std::move(timer));
  }
  std::erase_if(timers_, [&](const Timer& timer) { return !timer.task; });
  std::ranges::sort(due, {}, &Timer::due);
  for (auto& timer : due) timer.task();
}

void HandScheduler::drop_all() {
  const std::scoped_lock lock(mutex_);
  tasks_.clear();
  timers_.clear();
}

Fallible<ImageFiles> FakeArtifacts::find_image(std::string_view name) {
  if (!has_image) return fail("there is no image " + std::string(name));
  return ImageFiles{
      .name = std::string(name), .manifest = Sha256::of("manifest"), .data = Sha256::of("data")};
}

Fallible<InstallerSet> FakeArtifacts::find_installer(std::string_view name) {
  if (!set || set->name != name) return fail("there is no installer " + std::string(name));
  return *set;
}

Fallible<std::vector<ContentPart>> FakeArtifacts::find_content(std::string_view name) {
  const auto found = content.find(name);
  if (found == content.end()) return fail("there is no content " + std::string(name));
  return found->second;
}

Fallible<InstallerFiles> FakeArtifacts::installer() {
  if (!has_installer) return fail("the installer is not built; run slipway installer build");
  return InstallerFiles{.vmlinuz = Sha256::of("vmlinuz"), .initramfs = Sha256::of("initramfs")};
}

std::shared_ptr<const http::File> FakeArtifacts::open(const Sha256& digest) {
  const auto is_it = [&](const InstallerFile& file) { return file.sha256 == digest; };
  const bool is_in_set = set && std::ranges::any_of(set->files, is_it);
  if (digest != Sha256::of("vmlinuz") && !is_in_set) return nullptr;
  return http::File::open(blob.string()).value_or(nullptr);
}

Fallible<Bytes> FakeArtifacts::cidata_iso(const Seed& seed) {
  const auto text = "ISO|" + seed.user_data + "|" + seed.meta_data + "|" + seed.network_config;
  return Bytes(text.begin(), text.end());
}

Fallible<Bytes> FakeArtifacts::cidata_fat(const Seed& seed) {
  const auto text = "FAT|" + seed.user_data + "|" + seed.meta_data + "|" + seed.network_config;
  return Bytes(text.begin(), text.end());
}

Fallible<Bytes> FakeArtifacts::token_cpio(std::string_view token) {
  std::string text = "cpio:" + std::string(token);
  text.resize(512);
  return Bytes(text.begin(), text.end());
}

Depot::Depot(const std::filesystem::path& where, const Secret& url)
    : inventory(sample_inventory()), folder(fresh_folder(where)) {
  config.data_dir = folder;
  config.database_url = url;
  config.loaders = folder / "ipxe";
  std::filesystem::create_directories(config.loaders);
  for (const auto* name : {"undionly.kpxe", "ipxe.efi", "secret.txt"}) {
    std::ofstream(config.loaders / name) << "content of " << name;
  }
  artifacts.blob = folder / "blob";
  std::ofstream(artifacts.blob) << "kernel";
  start();
}

Depot::~Depot() {
  stop();
  std::filesystem::remove_all(folder);
}

void Depot::start() {
  auto opened = Store::open(config.store_place());
  REQUIRE(opened);
  store_ = std::move(*opened);
  auto loaded = store_->load(scheduler.now());
  REQUIRE(loaded);
  Surroundings around{.config = config,
                      .scheduler = scheduler,
                      .now = [this] { return scheduler.now(); },
                      .neighbour = [this](Ipv4 peer) -> std::optional<Mac> {
                        const auto found = neighbours.find(peer);
                        if (found == neighbours.end()) return std::nullopt;
                        return found->second;
                      }};
  provisioning = std::make_unique<Provisioning>(around, *store_, std::move(*loaded), artifacts);
  boot = {};
  operations = {};
  provisioning->add_boot_plane(boot);
  const auto reload = [this] {
    if (!reload_mistakes.empty()) return Reloaded{.good = false, .lines = reload_mistakes};
    return Reloaded{
        .good = true,
        .lines = provisioning->use_inventory(std::make_shared<const Inventory>(inventory))};
  };
  const auto status = [this] {
    return InventoryStatus{
        .loaded_ms = 1, .digest = "d", .hosts = inventory.hosts.size(), .lines = reload_mistakes};
  };
  provisioning->add_operator_plane(operations, {.reload = reload, .status = status});
  const auto problems = provisioning->use_inventory(std::make_shared<const Inventory>(inventory));
  CHECK(problems.empty());
  provisioning->start();
  settle();
}

void Depot::stop() {
  provisioning.reset();
  scheduler.drop_all();
  store_.reset();
}

void Depot::restart() {
  stop();
  start();
}

void Depot::run_until(const std::function<bool()>& done) {
  scheduler.run(false);
  const auto start = std::chrono::steady_clock::now();
  while (!done()) {
    REQUIRE(std::chrono::steady_clock::now() - start < kPatience);
    scheduler.run(true);
  }
}

void Depot::settle() {
  run_until([this] {
    bool busy = false;
    provisioning->ledger().hosts().each([&](const Host& each) { busy = busy || each.busy; });
    return !busy;
  });
}

void Depot::fence() {
  bool home = false;
  provisioning->ledger().ask(
      [&home](Store&) -> Scheduler::Task { return [&home] { home = true; }; });
  run_until([&home] { return home; });
  settle();
}

Fallible<std::int64_t> Depot::verify_audit() {
  Fallible<std::int64_t> rows = 0;
  bool home = false;
  provisioning->ledger().ask([&](Store& used) -> Scheduler::Task {
    return [&rows, &home, found = used.verify_audit()]() mutable {
      rows = std::move(found);
      home = true;
    };
  });
  run_until([&home] { return home; });
  return rows;
}

void Depot::advance(std::chrono::milliseconds by) {
  scheduler.advance(by);
  settle();
}

Pending Depot::begin(const std::string& target, Ask ask) {
  auto& router = ask.operator_plane ? operations : boot;
  auto request = std::make_shared<http::Request>();
  const auto question = target.find('?');
  request->method = ask.method;
  request->path = target.substr(0, question);
  if (question != std::string::npos) request->query = target.substr(question + 1);
  request->body = std::move(ask.body);
  if (!ask.bearer.empty()) request->headers.push_back({"Authorization", "Bearer " + ask.bearer});
  request->peer.address = Ipv4::parse(ask.from).value();
  if (ask.operator_plane) request->peer = {.address = {}, .unix_user = ::geteuid()};
  request->local_address = Ipv4::parse("10.0.0.1").value();
  request->local_port = 8080;
  auto match = router.match(request->method, request->path);
  auto answer = std::make_shared<std::optional<http::Response>>();
  if (match.handler == nullptr) {
    *answer = http::Response::problem(match.status, "router", "no route");
    return answer;
  }
  request->captures = std::move(match.captures);
  (*match.handler)(*request, [answer, request](http::Response response) {
    REQUIRE_FALSE(answer->has_value());  // a reply is given once
    *answer = std::move(response);
  });
  settle();
  return answer;
}

http::Response Depot::ask(const std::string& target, Ask ask) {
  const auto answer = begin(target, ask);
  constexpr int kLongestChain = 8;  // of questions to the store, one after the other
  for (int i = 0; i < kLongestChain && ask.operator_plane && !answer->has_value(); ++i) fence();
  if (!answer->has_value()) advance(std::chrono::seconds(1));  // answers to strangers come late
  INFO(target);
  REQUIRE(answer->has_value());
  return std::move(**answer);
}

http::Response Depot::post(const std::string& target, std::string body, std::string bearer) {
  return ask(target,
             {.body = std::move(body), .bearer = std::move(bearer), .method = http::Method::post});
}

http::Response Depot::order(const std::string& target, std::string body) {
  return ask(target,
             {.body = std::move(body), .method = http::Method::post, .operator_plane = true});
}

http::Response Depot::show(const std::string& target) {
  return ask(target, {.operator_plane = true});
}

void Depot::arm(const std::string& name) {
  const auto response = order("/api/v1/hosts/" + name + "/arm", R"({"why":"test","by":"ann"})");
  INFO(text_of(response));
  REQUIRE(response.status == 200);
}

std::string Depot::script_for(const std::string& mac, const std::string& from) {
  const auto response = ask("/boot.ipxe?mac=" + mac + "&platform=efi", {.from = from});
  return response.status == 200 ? text_of(response) : "status " + std::to_string(response.status);
}

std::string Depot::token_for(const std::string& mac, const std::string& from) {
  const auto script = script_for(mac, from);
  const auto at = script.find("/h/");
  INFO(script);
  REQUIRE(at != std::string::npos);
  return script.substr(at + 3, 32);
}

std::string Depot::session_for(const std::string& token, const std::string& from) {
  const auto response =
      ask("/agent/v1/session",
          {.body = R"({"token":")" + token + R"("})", .from = from, .method = http::Method::post});
  INFO(text_of(response));
  REQUIRE(response.status == 200);
  return member(response, "session");
}

Host& Depot::host(const std::string& reference) {
  auto* found = provisioning->ledger().hosts().by_reference(reference);
  INFO(reference);
  REQUIRE(found != nullptr);
  return *found;
}

std::string Depot::state(const std::string& reference) {
  return std::string(name_of(host(reference).state));
}

std::vector<AuditRow> Depot::audit() {
  auto reader = Store::open(config.store_place());
  REQUIRE(reader);
  const auto rows = (*reader)->audit(0, 100'000);
  REQUIRE(rows);
  return *rows;
}

std::string text_of(const http::Response& response) {
  const auto* text = std::get_if<std::string>(&response.body);
  return text == nullptr ? "(file)" : *text;
}

std::string member(const http::Response& response, const std::string& name) {
  const auto value = boost::json::parse(text_of(response)).at(name);
  if (value.is_string()) return std::string(value.as_string().c_str());
  return boost::json::serialize(value);
}

}  // namespace slipway::provisioning
