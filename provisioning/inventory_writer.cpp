#include "provisioning/inventory_writer.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "provisioning/entries.hpp"
#include "provisioning/schema.hpp"
#include "provisioning/staged_file.hpp"
#include "provisioning/userdata.hpp"
#include "provisioning/yaml.hpp"

namespace slipway::provisioning {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxSecretOctets = 64 << 10U;

// A text that is one URL with a user's name or password in it.
bool is_private_url(const std::string& text) {
  if (text.find_first_of(" \t\r\n") != std::string::npos) return false;
  return *mask_secrets(make_text(text)).string() != text;
}

void hide_secrets(Value& value, bool is_secret) {
  if (auto* map = value.map()) {
    for (auto& [key, entry] : *map) hide_secrets(entry, is_secret || is_secret_key(key));
  } else if (auto* list = value.list()) {
    for (auto& element : *list) hide_secrets(element, is_secret);
  } else if (auto* text = std::get_if<std::string>(&value.data)) {
    if (text->empty() || !(is_secret || is_private_url(*text))) return;
    value.data = Secret(std::move(*text));
  }
}

const std::string& name_of(const Value& value) {
  static const std::string kNone;
  const auto* name = value.find("name");
  return name != nullptr && name->string() != nullptr ? *name->string() : kNone;
}

Mark name_mark(const Value& value) {
  const auto* name = value.find("name");
  return name != nullptr ? name->mark : value.mark;
}

// Finds the file of each addition of one kind, and says what stands in its way.
class Places {
 public:
  Places(const fs::path& folder, std::string_view kind, Existing existing, Mistakes& mistakes)
      : folder_(folder / kind), existing_(existing), mistakes_(mistakes) {}

  // `there`: the place of the entry of that name, if the inventory has one.
  void add(const Value& value, const Mark* there, std::vector<InventoryDraft::File>& files) {
    const auto& name = name_of(value);
    if (!is_entry_name(name)) {
      if (value.find("name") == nullptr) mistakes_.push_back({value.mark, "`name` is missing"});
      return;  // a bad name is said where the entry is read
    }
    const auto own = folder_ / (name + ".yaml");
    const bool replaces = there != nullptr && existing_ == Existing::replace;
    const fs::path path = replaces ? fs::path(there->file) : own;
    std::error_code error;
    if (replaces && path.parent_path() != folder_) {
      mistakes_.push_back({name_mark(value), "`" + name + "` stands at " + there->text() +
                                                 ", which is not replaced; change it there"});
    } else if (there == nullptr && fs::exists(own, error)) {
      mistakes_.push_back({name_mark(value), own.string() + " exists and holds something else"});
    }
    files.push_back({path, name, value, replaces});
  }

 private:
  fs::path folder_;
  Existing existing_;
  Mistakes& mistakes_;
};

std::string file_name_part(std::string_view key) {
  std::string out(key.empty() ? "secret" : key);
  std::ranges::replace_if(out, [](char c) { return !is_entry_name(std::string{'a', c}); }, '_');
  return out;
}

}  // namespace

CheckedAdditions check_additions(const fs::path& folder, Additions additions, Existing existing) {
  for (auto* list : {&additions.sites, &additions.hosts}) {
    for (auto& value : *list) hide_secrets(value, false);
  }
  const auto before = load_inventory(folder).inventory;
  Mistakes mistakes;
  InventoryDraft draft(folder);
  Places sites(folder, "sites", existing, mistakes);
  for (const auto& value : additions.sites) {
    const auto* there = before.site(name_of(value));
    sites.add(value, there != nullptr ? &there->mark : nullptr, draft.files_);
  }
  Places hosts(folder, "hosts", existing, mistakes);
  for (const auto& value : additions.hosts) {
    const auto* there = before.host(name_of(value));
    hosts.add(value, there != nullptr ? &there->mark : nullptr, draft.files_);
  }
  for (const auto& file : draft.files_) {
    if (file.replaces) additions.replaced.push_back(file.path);
  }
  auto loaded = load_inventory(folder, additions);
  std::ranges::move(mistakes, std::back_inserter(loaded.mistakes));
  CheckedAdditions out{std::move(loaded.inventory), std::move(loaded.mistakes), std::nullopt};
  const bool good = std::ranges::all_of(out.mistakes, &Mistake::is_warning);
  if (good) out.draft = std::move(draft);
  return out;
}

class InventoryWriter {
 public:
  explicit InventoryWriter(const InventoryDraft& draft) : draft_(draft) {}

  Fallible<std::vector<fs::path>> write() {
    using Step = Fallible<void> (InventoryWriter::*)();
    for (const Step step : {&InventoryWriter::stage, &InventoryWriter::publish_secrets,
                            &InventoryWriter::read_back, &InventoryWriter::publish_entries}) {
      const auto done = (this->*step)();
      if (!done) return std::unexpected(done.error());
    }
    std::vector<fs::path> written;
    for (auto* files : {&secrets_, &entries_}) {
      for (auto& file : *files) {
        file.keep();
        written.push_back(file.target());
      }
    }
    return written;
  }

 private:
  Fallible<void> stage() {
    for (const auto& file : draft_.files_) {
      auto good = make_folder(file.path.parent_path(), 0755);
      if (!good) return good;
      Fallible<void> secrets_good;
      const auto text = emit_yaml(file.value, [&](const Secret& secret, std::string_view key) {
        auto name = stage_secret(file.name, secret, key);
        if (!name && secrets_good) secrets_good = std::unexpected(name.error());
        return name.value_or("");
      });
      if (!secrets_good) return secrets_good;
      auto staged = StagedFile::write(file.path, text, 0644);
      if (!staged) return std::unexpected(staged.error());
      entries_.push_back(std::move(*staged));
    }
    return {};
  }

  // The file of the secret, relative to the inventory folder. One that holds it already is used.
  Fallible<std::string> stage_secret(const std::string& entry, const Secret& secret,
                                     std::string_view key) {
    if (const auto made = make_folder(folder(), 0700); !made) return std::unexpected(made.error());
    const auto stem = entry + "." + file_name_part(key);
    const auto text = secret.reveal() + "\n";  // reading strips one line end
    for (unsigned i = 1;; ++i) {
      const auto name = i == 1 ? stem : stem + "." + std::to_string(i);
      const auto path = folder() / name;
      if (taken_.contains(name)) continue;
      std::error_code error;
      if (!fs::exists(fs::symlink_status(path, error))) {
        auto staged = StagedFile::write(path, text, secret_mode());
        if (!staged) return std::unexpected(staged.error());
        secrets_.push_back(std::move(*staged));
      } else if (read_text_file(path, kMaxSecretOctets).value_or("") != text) {
        continue;
      }
      taken_.insert(name);
      return "secrets/" + name;
    }
  }

  Fallible<void> publish_secrets() {
    for (auto& file : secrets_) {
      auto good = file.publish();
      if (!good) return good;
    }
    return secrets_.empty() ? Fallible<void>{} : sync_folder(folder());
  }

  // What the service will read must be what was checked.
  Fallible<void> read_back() {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const auto parsed = read_yaml(entries_[i].path(), draft_.folder_);
      const auto where = "reading back " + entries_[i].target().string();
      if (!parsed.mistakes.empty()) return fail(where + ": " + parsed.mistakes.front().text);
      if (!parsed.value.same_as(draft_.files_[i].value)) return fail(where + ": it differs");
    }
    return {};
  }

  Fallible<void> publish_entries() {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      auto good = draft_.files_[i].replaces ? entries_[i].publish_over() : entries_[i].publish();
      if (!good) return good;
    }
    std::set<fs::path> folders;
    for (const auto& file : entries_) folders.insert(file.target().parent_path());
    for (const auto& changed : folders) {
      auto good = sync_folder(changed);
      if (!good) return good;
    }
    return {};
  }

  [[nodiscard]] fs::path folder() const { return draft_.folder_ / "secrets"; }

  // A folder that a group may enter and nobody else is how a service's own user gets at secrets.
  [[nodiscard]] mode_t secret_mode() const {
    struct stat status{};
    if (::stat(folder().c_str(), &status) != 0) return 0600;
    return (status.st_mode & 0077U) == 0050 ? 0640 : 0600;
  }

  // Owner and group are those of the inventory folder, when root makes it.
  Fallible<void> make_folder(const fs::path& path, mode_t mode) const {
    if (::mkdir(path.c_str(), mode) != 0) {
      if (errno == EEXIST) return {};
      return fail_errno("making " + path.string(), errno);
    }
    struct stat status{};
    const bool known = ::stat(draft_.folder_.c_str(), &status) == 0;
    const bool owned = known && ::geteuid() == 0
                           ? ::chown(path.c_str(), status.st_uid, status.st_gid) == 0
                           : known;
    if (!owned) return fail_errno("making " + path.string(), errno);
    return sync_folder(draft_.folder_);
  }

  const InventoryDraft& draft_;
  // The order of destruction is that of taking back: entries before the secrets that they name.
  std::vector<StagedFile> secrets_;
  std::vector<StagedFile> entries_;
  std::set<std::string> taken_;
};

Fallible<std::vector<fs::path>> write_additions(const InventoryDraft& draft) {
  return InventoryWriter(draft).write();
}

std::string preview(const InventoryDraft::File& file) {
  return emit_yaml(mask_secrets(file.value));
}

}  // namespace slipway::provisioning
