#include "images/import/archive_tree.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "images/archive.hpp"
#include "images/import/archive_feed.hpp"

namespace slipway::images {
namespace {

constexpr std::uint64_t kSector = 2048;
constexpr std::uint64_t kDescriptors = 16 * kSector;  // ECMA-119 s.6.2.1
constexpr int kMaxLinks = 16;

bool has_iso_magic(const ArchiveFeed& feed) {
  std::array<std::uint8_t, 5> magic{};
  const auto got = feed.read_at(kDescriptors + 1, magic);
  return got && *got == magic.size() && as_text(magic) == "CD001";
}

// What the primary descriptor says of the medium's size (ECMA-119 s.8.4.8, s.8.4.12); 0 without
// one.
std::uint64_t size_in_descriptor(const ArchiveFeed& feed) {
  constexpr int kMost = 64;  // descriptors to look at; there are 2 to 4
  constexpr std::uint8_t kPrimary = 1, kTerminator = 255;
  for (std::uint64_t i = 0; i < kMost; ++i) {
    std::array<std::uint8_t, kSector> sector{};
    const auto got = feed.read_at(kDescriptors + i * kSector, sector);
    if (!got || *got < sector.size() || sector[0] == kTerminator) return 0;
    if (sector[0] != kPrimary) continue;
    Reader blocks(ByteView(sector).subspan(80));
    Reader block_octets(ByteView(sector).subspan(128));
    return std::uint64_t{blocks.le32()} * block_octets.le16();
  }
  return 0;
}

ArchiveHandle new_reader(bool is_iso) {
  ArchiveHandle handle(archive_read_new());
  bool good = handle != nullptr;
  if (is_iso) {
    good = good && archive_read_support_format_iso9660(handle.get()) == ARCHIVE_OK;
  } else {
    good = good && archive_read_support_format_tar(handle.get()) == ARCHIVE_OK &&
           archive_read_support_filter_gzip(handle.get()) == ARCHIVE_OK &&
           archive_read_support_filter_bzip2(handle.get()) == ARCHIVE_OK &&
           archive_read_support_filter_xz(handle.get()) == ARCHIVE_OK &&
           archive_read_support_filter_zstd(handle.get()) == ARCHIVE_OK;
  }
  return good ? std::move(handle) : nullptr;
}

Member::Type type_of(archive_entry* entry) {
  if (archive_entry_hardlink(entry) != nullptr) return Member::Type::link;
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG: return Member::Type::file;
    case AE_IFDIR: return Member::Type::folder;
    case AE_IFLNK: return Member::Type::link;
    default: return Member::Type::special;
  }
}

// nullopt for the root, and for a name that no text of this system can say: nobody looks for it.
Fallible<std::optional<Member>> member_of(archive_entry* entry, const PathLimits& limits) {
  const char* name = archive_entry_pathname(entry);
  if (name == nullptr) return std::nullopt;
  auto path = member_path(name, limits);
  if (!path) return std::unexpected(path.error());
  if (path->empty()) return std::nullopt;
  Member member{.path = std::move(*path), .type = type_of(entry)};
  if (const char* hard = archive_entry_hardlink(entry); hard != nullptr) {
    auto target = member_path(hard, limits);
    if (!target) return std::unexpected(target.error());
    member.target = std::move(*target);
    member.is_hard_link = true;
  } else if (const char* soft = archive_entry_symlink(entry); soft != nullptr) {
    member.target = soft;
  }
  if (member.type == Member::Type::file) {
    const auto octets = archive_entry_size(entry);
    if (octets < 0) return fail("member \"" + shown(member.path) + "\": a negative size");
    member.octets = static_cast<std::uint64_t>(octets);
  }
  return member;
}

}  // namespace

struct ArchiveTree::State {
  State(ArchiveFeed opened, const TreeLimits& bounds)
      : feed(std::move(opened)), limits(bounds), iso(has_iso_magic(feed)) {
    if (iso) says_octets = size_in_descriptor(feed);
  }

  [[nodiscard]] Fallible<ArchiveHandle> begin();
  [[nodiscard]] Fallible<void> list();
  [[nodiscard]] Fallible<void> add(Member member);
  [[nodiscard]] Fallible<void> check_size(const Member& member);
  void make_index();
  [[nodiscard]] const Member* lookup(const std::string& path) const;
  [[nodiscard]] Fallible<bool> follow(std::string& path) const;
  [[nodiscard]] Fallible<std::size_t> pull(archive* handle, const Member& member,
                                           std::uint64_t& done, std::span<std::uint8_t> out);
  // The reason in libarchive's words, with what we know of the cause.
  [[nodiscard]] std::unexpected<Error> damaged(std::string_view what, archive* handle) const;
  [[nodiscard]] std::string cut() const;

  ArchiveFeed feed;
  TreeLimits limits;
  bool iso;
  std::uint64_t says_octets = 0;   // the medium of itself
  std::uint64_t total_octets = 0;  // of all members, as declared
  std::map<std::string, Member, std::less<>> members;
  std::map<std::string, const Member*> folded;  // upper case -> the only member; nullptr: several
  bool is_plain = true;                         // names of level 1 only
};

std::string ArchiveTree::State::cut() const {
  if (says_octets <= feed.octets()) return {};
  return " (the medium is cut: it says " + std::to_string(says_octets) + " octets, the file has " +
         std::to_string(feed.octets()) + ")";
}

std::unexpected<Error> ArchiveTree::State::damaged(std::string_view what, archive* handle) const {
  const char* text = archive_error_string(handle);
  return fail(std::string(what) +
              ": damaged: " + (text != nullptr ? shown(text) : "no more is known") + cut());
}

Fallible<ArchiveHandle> ArchiveTree::State::begin() {
  auto handle = new_reader(iso);
  if (!handle) return fail("libarchive cannot read ISO 9660 and tar here");
  // A tar has no table of contents: all of it is read, and its members are counted instead.
  const auto unlimited = std::numeric_limits<std::uint64_t>::max();
  auto good = feed.attach(handle.get(), iso ? limits.max_index_octets : unlimited);
  if (!good) return std::unexpected(good.error());
  feed.expect_content(!iso);
  return handle;
}

// A member of an ISO lies in it as it is. (libarchive unpacks zisofs; no installer has that.)
Fallible<void> ArchiveTree::State::check_size(const Member& member) {
  if (iso && member.octets > feed.octets()) {
    return fail("member \"" + shown(member.path) + "\" claims " + std::to_string(member.octets) +
                " octets, more than the whole file has" + cut());
  }
  constexpr std::uint64_t kAlways = std::uint64_t{1} << 30;
  const auto bound = std::max(kAlways, feed.octets() * limits.max_ratio);
  if (!iso && member.octets > bound - std::min(bound, total_octets)) {
    return fail("member \"" + shown(member.path) + "\": the archive unpacks to more than " +
                std::to_string(limits.max_ratio) + " times its size");
  }
  total_octets += member.octets;
  return {};
}

Fallible<void> ArchiveTree::State::add(Member member) {
  auto good = check_size(member);
  if (!good) return good;
  if (member.is_hard_link && member.target == member.path) return {};  // as GNU tar appends
  auto path = member.path;
  members.insert_or_assign(std::move(path), std::move(member));  // of one name the last one counts
  return {};
}

Fallible<void> ArchiveTree::State::list() {
  constexpr std::string_view kWhat = "its table of contents";
  auto handle = begin();
  if (!handle) return std::unexpected(handle.error());
  archive_entry* entry = nullptr;
  for (std::size_t number = 0;; ++number) {
    const int result = archive_read_next_header(handle->get(), &entry);
    if (result == ARCHIVE_EOF) return {};
    if (feed.is_index_too_large()) return fail("its table of contents is too large");
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return damaged(kWhat, handle->get());
    if (archive_filter_count(handle->get()) > 2) return fail("packed more than once");
    if (number >= limits.max_members) {
      return fail("more than " + std::to_string(limits.max_members) + " members");
    }
    auto member = member_of(entry, limits.path);
    if (!member) return std::unexpected(member.error());
    if (!*member) continue;
    (*member)->number = number;
    auto good = add(std::move(**member));
    if (!good) return good;
  }
}

// tar keeps names as they are; only a medium without extensions may spell them otherwise.
void ArchiveTree::State::make_index() {
  if (!iso) return;
  for (const auto& [path, member] : members) {
    const auto [at, is_new] = folded.emplace(upper(path), &member);
    if (!is_new) at->second = nullptr;
    is_plain = is_plain && level_1_path(path) == path;
  }
}

const Member* ArchiveTree::State::lookup(const std::string& path) const {
  const auto exact = members.find(path);
  if (exact != members.end()) return &exact->second;
  const auto same = folded.find(upper(path));
  if (same != folded.end()) return same->second;
  const auto short_name = is_plain && iso ? members.find(level_1_path(path)) : members.end();
  return short_name != members.end() ? &short_name->second : nullptr;
}

// Replaces the first link in `path` by where it leads; false when there is none.
Fallible<bool> ArchiveTree::State::follow(std::string& path) const {
  for (std::size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const auto* member = lookup(path.substr(0, end));
    if (member == nullptr || member->type != Member::Type::link) continue;
    auto target = member->is_hard_link ? Fallible<std::string>(member->target)
                                       : link_target(member->path, member->target, limits.path);
    if (!target) return std::unexpected(target.error());
    path = end == std::string::npos ? *target : *target + path.substr(end);
    return true;
  }
  return false;
}

Fallible<std::size_t> ArchiveTree::State::pull(archive* handle, const Member& member,
                                               std::uint64_t& done, std::span<std::uint8_t> out) {
  const auto what = "member \"" + shown(member.path) + "\"";
  feed.expect_content(true);
  std::size_t got = 0;
  while (got < out.size()) {
    const auto n = archive_read_data(handle, out.data() + got, out.size() - got);
    if (n < 0) return damaged(what, handle);
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  feed.expect_content(!iso);
  done += got;
  if (done > member.octets || (got < out.size() && done < member.octets)) {
    return fail(what + ": it has " + std::to_string(done) + " octets, and should have " +
                std::to_string(member.octets) + cut());
  }
  return got;
}

ArchiveTree::ArchiveTree(std::unique_ptr<State> state) : state_(std::move(state)) {}
ArchiveTree::ArchiveTree(ArchiveTree&&) noexcept = default;
ArchiveTree& ArchiveTree::operator=(ArchiveTree&&) noexcept = default;
ArchiveTree::~ArchiveTree() = default;

bool ArchiveTree::is_iso(const std::filesystem::path& path) {
  const auto feed = ArchiveFeed::open(path);
  return feed && has_iso_magic(*feed);
}

// A first member must be there: libarchive takes 512 zeros, as many disks begin, for an empty tar.
bool ArchiveTree::is_tar(const std::filesystem::path& path) {
  auto feed = ArchiveFeed::open(path);
  if (!feed) return false;
  const auto handle = new_reader(false);
  if (!handle || !feed->attach(handle.get(), std::numeric_limits<std::uint64_t>::max())) {
    return false;
  }
  archive_entry* entry = nullptr;
  return archive_read_next_header(handle.get(), &entry) == ARCHIVE_OK;
}

Fallible<ArchiveTree> ArchiveTree::open(const std::filesystem::path& path,
                                        const TreeLimits& limits) {
  auto feed = ArchiveFeed::open(path);
  if (!feed) return std::unexpected(feed.error());
  auto state = std::make_unique<State>(std::move(*feed), limits);
  auto good = state->list();
  if (!good) return std::unexpected(good.error());
  state->make_index();
  return ArchiveTree(std::move(state));
}

bool ArchiveTree::is_iso() const { return state_->iso; }

const std::map<std::string, Member, std::less<>>& ArchiveTree::members() const {
  return state_->members;
}

Fallible<const Member*> ArchiveTree::find(std::string_view path) const {
  auto at = member_path(path, state_->limits.path);
  if (!at) return std::unexpected(at.error());
  for (int links = 0; links <= kMaxLinks; ++links) {
    const auto moved = state_->follow(*at);
    if (!moved) return std::unexpected(moved.error());
    if (*moved) continue;
    const auto* member = state_->lookup(*at);
    if (member != nullptr && member->type == Member::Type::special) {
      return fail("member \"" + shown(member->path) + "\" is a device or the like, not a file");
    }
    return member != nullptr && member->type == Member::Type::file ? member : nullptr;
  }
  return fail("member \"" + shown(path) + "\": links in a circle");
}

std::vector<const Member*> ArchiveTree::all(std::string_view pattern) const {
  std::vector<const Member*> found;
  const auto short_pattern = level_1_path(pattern);
  for (const auto& [path, member] : state_->members) {
    if (member.type != Member::Type::file) continue;
    const bool is_short = state_->iso && state_->is_plain && fits(path, short_pattern);
    if (is_short || fits(path, pattern)) found.push_back(&member);
  }
  return found;
}

Fallible<void> ArchiveTree::read(const std::vector<const Member*>& wanted,
                                 const Visit& visit) const {
  std::map<std::size_t, const Member*> left;
  std::uint64_t octets = 0;
  for (const auto* member : wanted) {
    if (left.emplace(member->number, member).second) octets += member->octets;
  }
  // In an ISO each file has its place, and links were followed.
  if (state_->iso && octets > state_->feed.octets()) {
    return fail("its members lie over each other: together they claim " + std::to_string(octets) +
                " octets of " + std::to_string(state_->feed.octets()) + state_->cut());
  }
  auto handle = state_->begin();
  if (!handle) return std::unexpected(handle.error());
  archive_entry* entry = nullptr;
  for (std::size_t number = 0; !left.empty(); ++number) {
    const auto at = left.begin();
    const int result = archive_read_next_header(handle->get(), &entry);
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) {
      return state_->damaged("member \"" + shown(at->second->path) + "\"", handle->get());
    }
    if (number != at->first) continue;
    const auto& member = *at->second;
    std::uint64_t done = 0;
    auto good = visit(member, [&](std::span<std::uint8_t> out) {
      return state_->pull(handle->get(), member, done, out);
    });
    if (!good) return good;
    left.erase(at);
  }
  return {};
}

Fallible<void> ArchiveTree::check_whole() const {
  if (const auto cut = state_->cut(); !cut.empty()) return fail("damaged" + cut);
  return state_->feed.check_unchanged();
}

std::uint64_t ArchiveTree::octets() const { return state_->feed.octets(); }

Fallible<std::size_t> ArchiveTree::read_at(std::uint64_t offset,
                                           std::span<std::uint8_t> out) const {
  return state_->feed.read_at(offset, out);
}

}  // namespace slipway::images
