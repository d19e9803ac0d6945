#include "images/cpio.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "images/archive.hpp"

namespace slipway::images {
namespace {

using Kind = CpioEntry::Kind;
using Sorted = std::map<std::string, CpioEntry>;  // parents sort before what they contain

bool is_good_path(const std::string& path) {
  if (path.empty() || path.size() > 4096 || path.front() == '/' || path.back() == '/') return false;
  std::string_view rest = path;
  while (!rest.empty()) {
    const auto part = rest.substr(0, rest.find('/'));
    if (part.empty() || part == "." || part == "..") return false;
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  }
  return path.find('\0') == std::string::npos;
}

void add_parents(Sorted& sorted) {
  Sorted parents;
  for (const auto& [path, entry] : sorted) {
    for (auto at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
      const auto parent = path.substr(0, at);
      parents.try_emplace(parent, CpioEntry{.kind = Kind::directory, .path = parent, .mode = 0755});
    }
  }
  sorted.merge(parents);
}

unsigned file_type(Kind kind) {
  switch (kind) {
    case Kind::file: return S_IFREG;
    case Kind::directory: return S_IFDIR;
    case Kind::symlink: return S_IFLNK;
    case Kind::character_device: return S_IFCHR;
  }
  return S_IFREG;
}

Fallible<Bytes> content_of(const CpioEntry& entry) {
  if (entry.kind != Kind::file) return Bytes{};
  if (entry.source.empty()) return entry.content;
  std::ifstream file(entry.source, std::ios::binary | std::ios::ate);
  const auto size = static_cast<std::streamoff>(file.tellg());
  if (!file || size < 0) return fail("cannot read " + entry.source.string());
  Bytes content(static_cast<std::size_t>(size));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(content.data()), size);
  if (!file) return fail("cannot read " + entry.source.string());
  return content;
}

Fallible<void> write_one(archive* handle, const CpioEntry& entry) {
  const auto content = content_of(entry);
  if (!content) return std::unexpected(content.error());
  const EntryHandle out(archive_entry_new());
  archive_entry_set_pathname(out.get(), entry.path.c_str());
  archive_entry_set_mode(out.get(), file_type(entry.kind) | (entry.mode & 07777));
  archive_entry_set_nlink(out.get(), entry.kind == Kind::directory ? 2 : 1);
  archive_entry_set_mtime(out.get(), 0, 0);
  archive_entry_set_size(out.get(), static_cast<la_int64_t>(content->size()));
  if (entry.kind == Kind::symlink) archive_entry_set_symlink(out.get(), entry.target.c_str());
  if (entry.kind == Kind::character_device) {
    archive_entry_set_rdev(out.get(), makedev(entry.major, entry.minor));
  }
  return write_entry(handle, out.get(), *content);
}

Fallible<Sorted> sort_entries(std::vector<CpioEntry> entries) {
  Sorted sorted;
  for (auto& entry : entries) {
    const auto path = entry.path;
    if (!is_good_path(path)) return fail("not a relative path: " + path);
    if (entry.kind == Kind::symlink && entry.target.empty()) return fail(path + ": no target");
    if (!sorted.try_emplace(path, std::move(entry)).second) return fail(path + ": named twice");
  }
  add_parents(sorted);
  return sorted;
}

}  // namespace

Fallible<Bytes> make_cpio(std::vector<CpioEntry> entries, std::size_t pad_octets) {
  const auto sorted = sort_entries(std::move(entries));
  if (!sorted) return fail(sorted.error(), "cpio");
  Bytes out;
  const ArchiveHandle handle(archive_write_new());
  if (archive_write_set_format_cpio_newc(handle.get()) != ARCHIVE_OK ||
      archive_write_set_bytes_per_block(handle.get(), 1 << 16) != ARCHIVE_OK ||
      archive_write_set_bytes_in_last_block(handle.get(), 1) != ARCHIVE_OK ||  // we pad
      open_into(handle.get(), out) != ARCHIVE_OK) {
    return archive_failure("cpio", handle.get());
  }
  for (const auto& [path, entry] : *sorted) {
    auto good = write_one(handle.get(), entry);
    if (!good) return fail(good.error(), "cpio");
  }
  if (archive_write_close(handle.get()) != ARCHIVE_OK) {
    return archive_failure("cpio", handle.get());
  }
  out.resize((out.size() + pad_octets - 1) / pad_octets * pad_octets);
  return out;
}

}  // namespace slipway::images
