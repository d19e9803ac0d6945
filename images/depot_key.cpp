#include "images/depot_key.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "images/files.hpp"

namespace slipway::images {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxKeyOctets = 4096;

Fallible<void> write_file(const fs::path& path, std::string_view text, mode_t mode) {
  auto file = NewFile::create(path.parent_path(), mode);
  if (!file) return std::unexpected(file.error());
  auto good = file->write(as_bytes(text));
  if (good) good = std::move(*file).publish(path, path.root_path());
  return good;
}

Fallible<SigningKey> read_key(const fs::path& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return fail_errno("opening " + path.string(), errno);
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return fail(path.string() + ": others may read it; it must have mode 0600");
  }
  const auto text = read_file(path, kMaxKeyOctets);
  if (!text) return std::unexpected(text.error());
  auto key = SigningKey::parse(*text);
  if (!key) return fail(key.error(), path.string());
  return key;
}

}  // namespace

Fallible<SigningKey> open_depot_key(const fs::path& folder) {
  const auto path = folder / "depot.key";
  std::error_code error;
  const bool is_there = fs::exists(path, error);
  auto key = is_there ? read_key(path) : Fallible<SigningKey>(SigningKey::make());
  if (!key) return key;
  auto good = make_folders(folder, folder.root_path());
  if (good && !is_there) good = write_file(path, key->text(), 0600);
  if (good && !fs::exists(folder / "depot.pub", error)) {
    good = write_file(folder / "depot.pub", key->public_key().text(), 0644);
  }
  if (!good) return fail(good.error(), "the depot's key");
  return key;
}

Fallible<PublicKey> read_public_key(const fs::path& file) {
  const auto text = read_file(file, kMaxKeyOctets);
  if (!text) return std::unexpected(text.error());
  const auto key = PublicKey::parse(*text);
  if (!key) return fail(key.error(), file.string());
  return key;
}

Fallible<std::optional<PublicKey>> read_depot_public_key(const fs::path& folder) {
  std::error_code error;
  const auto path = folder / "depot.pub";
  if (!fs::exists(path, error)) return std::nullopt;
  const auto key = read_public_key(path);
  if (!key) return std::unexpected(key.error());
  return *key;
}

}  // namespace slipway::images
