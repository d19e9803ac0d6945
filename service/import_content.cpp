#include "service/import_content.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/descriptor.hpp"
#include "service/progress_bar.hpp"

namespace slipway::service {
namespace {

namespace fs = std::filesystem;

// It becomes a part of a URL and of a path on a disk.
bool is_content_name(std::string_view name) {
  constexpr std::size_t kMostOctets = 200;
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+@-";
  return !name.empty() && name.size() <= kMostOctets && name.front() != '.' &&
         name.find_first_not_of(kLetters) == std::string_view::npos;
}

struct Source {
  Descriptor file;
  std::uint64_t octets = 0;
};

Fallible<Source> open_source(const fs::path& path) {
  if (!is_content_name(path.filename().native())) {
    return fail(
        "not a name for a file of content; 1 to 200 of A-Z a-z 0-9 . _ + @ -, and no dot "
        "at its start");
  }
  // A pipe without a writer would hold us.
  Source source{Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK))};
  struct stat about{};
  if (source.file.get() < 0 || ::fstat(source.file.get(), &about) != 0) {
    return fail_errno("opening it", errno);
  }
  if (!S_ISREG(about.st_mode)) return fail("no regular file");
  source.octets = static_cast<std::uint64_t>(about.st_size);
  return source;
}

Fallible<images::StoredBlob> store_file(images::Store& store, const Source& source,
                                        const std::optional<Sha256>& expected, ProgressBar& bar) {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  auto blob = store.begin_blob();
  if (!blob) return std::unexpected(blob.error());
  Bytes piece(kPiece);
  for (std::uint64_t done = 0;;) {
    const auto got = ::read(source.file.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("reading", errno);
    if (got == 0) break;
    const auto written = blob->write(ByteView(piece).first(static_cast<std::size_t>(got)));
    if (!written) return std::unexpected(written.error());
    done += static_cast<std::uint64_t>(got);
    bar.show("import", done, std::max(done, source.octets));
  }
  return std::move(*blob).finish(expected);
}

// One file is its own source; of several it is the list of them.
images::SourceFile source_of(const std::vector<images::StoredFile>& files) {
  if (files.size() == 1) return {files[0].name, files[0].sha256};
  std::string list;
  for (const auto& file : files) list += file.sha256.text() + "  " + file.name + "\n";
  return {std::to_string(files.size()) + "-files", Sha256::of(list)};
}

}  // namespace

Fallible<images::FileSetInfo> import_content(images::Store& store, const ContentRequest& request) {
  images::FileSet set{.name = request.name,
                      .type = images::FileSetType::content,
                      .kind = "content",
                      .source = {},
                      .cmdline = {},
                      .files = {},
                      .found = {}};
  ProgressBar bar;
  for (const auto& [path, expected] : request.files) {
    const auto source = open_source(path);
    if (!source) return fail(source.error(), path.native());
    const auto name = path.filename().native();
    const auto blob = store_file(store, *source, expected, bar);
    if (!blob) return fail(blob.error(), path.native());
    set.files.push_back({name, blob->octets, blob->sha256});
  }
  bar.finish();
  std::ranges::sort(set.files, {}, &images::StoredFile::name);
  set.source = source_of(set.files);
  return store.publish(set);
}

}  // namespace slipway::service
