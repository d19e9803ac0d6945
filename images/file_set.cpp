#include "images/file_set.hpp"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <set>

#include "base/json.hpp"

namespace slipway::images {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxNameOctets = 1024;
constexpr std::size_t kMaxFoundLines = 1000;
constexpr std::size_t kMaxFoundOctets = 1024;
constexpr std::uint64_t kMaxFileOctets = kMaxRawOctets;
constexpr std::string_view kTypeStart = R"({"type":)";  // how to_json() begins
constexpr std::array<std::string_view, 8> kInstallerKinds = {
    "kairos", "debian", "debian-live", "ubuntu", "fedora", "fcos", "talos", "generic"};

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet < 0x20 || octet == 0x7f;
  });
}

bool is_relative_path(std::string_view path) {
  if (path.empty() || path.size() > kMaxNameOctets || has_control(path)) return false;
  while (true) {
    const auto slash = path.find('/');
    const auto part = path.substr(0, slash);
    if (part.empty() || part.size() > 255 || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

bool is_kind(const FileSet& set) {
  if (set.type == FileSetType::content) return set.kind == "content";
  return std::ranges::find(kInstallerKinds, set.kind) != kInstallerKinds.end();
}

Fallible<void> check_files(const std::vector<StoredFile>& files) {
  if (files.empty() || files.size() > kMaxSetFiles) {
    return fail("files: expected 1 to " + std::to_string(kMaxSetFiles));
  }
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto where = "files[" + std::to_string(i) + "].";
    if (!is_relative_path(files[i].name)) return fail(where + "name: expected a relative path");
    if (files[i].octets > kMaxFileOctets) return fail(where + "octets: out of bounds");
    if (!seen.insert(files[i].name).second) {
      return fail(where + "name: " + files[i].name + " stands there twice");
    }
  }
  return {};
}

Fallible<Sha256> read_digest(const JsonView& object) {
  const auto text = object.text("sha256");
  if (!text) return std::unexpected(text.error());
  const auto digest = Sha256::parse(*text);
  if (!digest) return fail(object.path() + ".sha256: expected 64 hexadecimal digits");
  return *digest;
}

Fallible<void> read_head(const JsonView& root, FileSet& set) {
  const auto type = root.text("type");
  if (!type) return std::unexpected(type.error());
  if (*type != "installer" && *type != "content") {
    return fail("type: expected installer or content");
  }
  set.type = *type == "installer" ? FileSetType::installer : FileSetType::content;
  const auto format = root.number("format");
  if (!format) return std::unexpected(format.error());
  if (*format != 1) return fail("format: expected 1, this program is too old for the file set");

  const std::pair<std::string_view, std::string*> members[] = {{"name", &set.name.name},
                                                               {"version", &set.name.version},
                                                               {"kind", &set.kind},
                                                               {"cmdline", &set.cmdline}};
  for (const auto& [name, out] : members) {
    auto text = root.text(name);
    if (!text) return std::unexpected(text.error());
    *out = std::move(*text);
  }
  return {};
}

Fallible<void> read_source(const JsonView& root, SourceFile& source) {
  const auto member = root.member("source");
  if (!member) return std::unexpected(member.error());
  auto name = member->text("name");
  if (!name) return std::unexpected(name.error());
  const auto digest = read_digest(*member);
  if (!digest) return std::unexpected(digest.error());
  source = {std::move(*name), *digest};
  return {};
}

Fallible<void> read_files(const JsonView& root, std::vector<StoredFile>& files) {
  const auto list = root.member("files");
  if (!list) return std::unexpected(list.error());
  const auto elements = list->elements();
  if (!elements) return std::unexpected(elements.error());
  if (elements->size() > kMaxSetFiles) return fail("files: too many");
  for (const auto& element : *elements) {
    auto name = element.text("name");
    if (!name) return std::unexpected(name.error());
    const auto octets = element.number("octets");
    if (!octets) return std::unexpected(octets.error());
    const auto digest = read_digest(element);
    if (!digest) return std::unexpected(digest.error());
    files.push_back({std::move(*name), *octets, *digest});
  }
  return {};
}

Fallible<void> read_found(const JsonView& root, std::vector<std::string>& found) {
  const auto list = root.member("found");
  if (!list) return std::unexpected(list.error());
  const auto elements = list->elements();
  if (!elements) return std::unexpected(elements.error());
  for (const auto& element : *elements) {
    auto line = element.text();
    if (!line) return std::unexpected(line.error());
    found.push_back(std::move(*line));
  }
  return {};
}

std::string json_text(std::string_view text) {
  return json::serialize(json::value(json::string(text.data(), text.size())));
}

}  // namespace

std::string_view text(FileSetType type) {
  return type == FileSetType::installer ? "installer" : "content";
}

Fallible<ImageName> ImageName::parse(std::string_view text) {
  const auto at = text.find('@');
  if (at != std::string_view::npos) {
    ImageName name{std::string(text.substr(0, at)), std::string(text.substr(at + 1))};
    if (is_image_name(name.name) && is_image_name(name.version)) return name;
  }
  return fail("not an image name: \"" + std::string(text) +
              "\", expected NAME@VERSION, each [a-z0-9][a-z0-9._-]*");
}

const StoredFile* FileSet::find(std::string_view file_name) const {
  const auto at = std::ranges::find(files, file_name, &StoredFile::name);
  return at == files.end() ? nullptr : &*at;
}

std::uint64_t FileSet::octets() const {
  std::uint64_t sum = 0;
  for (const auto& file : files) sum += file.octets;
  return sum;
}

Fallible<void> check_file_set(const FileSet& set) {
  if (!is_image_name(set.name.name)) return fail("name: expected [a-z0-9][a-z0-9._-]*");
  if (!is_image_name(set.name.version)) return fail("version: expected [a-z0-9][a-z0-9._-]*");
  if (!is_kind(set))
    return fail("kind: \"" + set.kind + "\" is none of " + std::string(text(set.type)));
  if (set.cmdline.size() > kMaxCmdlineOctets || has_control(set.cmdline)) {
    return fail("cmdline: expected one line of at most " + std::to_string(kMaxCmdlineOctets) +
                " octets");
  }
  const auto& source = set.source.name;
  if (!is_relative_path(source) || source.find('/') != std::string::npos) {
    return fail("source.name: expected a file name without folder");
  }
  if (set.found.size() > kMaxFoundLines) return fail("found: too many lines");
  for (const auto& line : set.found) {
    if (line.size() > kMaxFoundOctets || has_control(line))
      return fail("found: not a line of text");
  }
  return check_files(set.files);
}

std::string to_json(const FileSet& set) {
  std::string out = std::string(kTypeStart) + json_text(text(set.type));
  out += R"(,"format":1,"name":)" + json_text(set.name.name);
  out += R"(,"version":)" + json_text(set.name.version);
  out += R"(,"kind":)" + json_text(set.kind);
  out += R"(,"source":{"name":)" + json_text(set.source.name);
  out += R"(,"sha256":")" + set.source.sha256.text();
  out += R"("},"cmdline":)" + json_text(set.cmdline) + R"(,"files":[)";
  for (std::size_t i = 0; i < set.files.size(); ++i) {
    if (i > 0) out += ',';
    out += R"({"name":)" + json_text(set.files[i].name);
    out += R"(,"octets":)" + std::to_string(set.files[i].octets);
    out += R"(,"sha256":")" + set.files[i].sha256.text() + "\"}";
  }
  out += R"(],"found":[)";
  for (std::size_t i = 0; i < set.found.size(); ++i) {
    if (i > 0) out += ',';
    out += json_text(set.found[i]);
  }
  return out + "]}\n";
}

Fallible<FileSet> parse_file_set(std::string_view json) {
  if (json.size() > kMaxManifestOctets) return fail("file set: larger than 64 MiB");
  const auto document = parse_json(json);
  if (!document) return fail(document.error(), "file set");
  const JsonView root(*document);
  FileSet set;
  auto good = read_head(root, set);
  if (good) good = read_source(root, set.source);
  if (good) good = read_files(root, set.files);
  if (good) good = read_found(root, set.found);
  if (good) good = check_file_set(set);
  if (!good) return fail(good.error(), "file set");
  return set;
}

bool is_file_set_json(std::string_view json) { return json.starts_with(kTypeStart); }

}  // namespace slipway::images
