#include "provisioning/profile_content.hpp"

#include "provisioning/installer_kind.hpp"
#include "provisioning/profile_installer.hpp"

namespace slipway::provisioning {
namespace {

constexpr std::string_view kPathPattern = "^(?=.{1,512}$)(/(?!\\.\\.?(/|$))[A-Za-z0-9._+@-]+)+$";
constexpr std::string_view kLabelPattern = "^[A-Za-z0-9._-]{1,16}$";
constexpr std::string_view kLabelLetters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

bool is_clean_path(std::string_view path) {
  constexpr std::size_t kMostOctets = 512;
  if (path.empty() || path.size() > kMostOctets) return false;
  while (!path.empty()) {
    if (path.front() != '/') return false;
    path.remove_prefix(1);
    const auto part = path.substr(0, path.find('/'));
    if (part.empty() || part == "." || part == "..") return false;
    for (const char c : part) {
      if (kLabelLetters.find(c) == std::string_view::npos && c != '+' && c != '@') return false;
    }
    path.remove_prefix(part.size());
  }
  return true;
}

bool is_label(std::string_view text) {
  constexpr std::size_t kMostOctets = 16;  // of ext; XFS has 12
  return !text.empty() && text.size() <= kMostOctets &&
         text.find_first_not_of(kLabelLetters) == std::string_view::npos;
}

FieldReader checked(std::string_view pattern, std::string& target, bool (*good)(std::string_view),
                    const char* advice) {
  return shaped(text_like(pattern), [=, &target](const Value& value, Mistakes& mistakes) {
    auto text = require_text(value, mistakes);
    if (!text) return;
    if (good(*text)) {
      target = std::move(*text);
    } else {
      mistakes.push_back({value.mark, shown(value) + " " + advice});
    }
  });
}

std::vector<Field> item_fields(ContentItem& item) {
  return {{"image", shaped(text_like(kImagePattern),
                           [&item](const Value& value, Mistakes& mistakes) {
                             read_image(value, item.image, mistakes);
                           })},
          {"path", checked(kPathPattern, item.path, is_clean_path,
                           "is no folder for content; write an absolute path without . and .., "
                           "such as /opt/spectrocloud/content")},
          {"partition", checked(kLabelPattern, item.partition, is_label,
                                "is no label of a file system; 1 to 16 of A-Z a-z 0-9 . _ -")}};
}

void read_item(const Value& value, std::vector<ContentItem>& items, Mistakes& mistakes) {
  ContentItem item;
  item.mark = value.mark;
  read_fields(value, "content", item_fields(item), mistakes);
  for (const auto* key : {"image", "path"}) {
    if (value.map() == nullptr || value.find(key) != nullptr) continue;
    mistakes.push_back({value.mark, std::string("content needs `") + key + "`"});
  }
  items.push_back(std::move(item));
}

}  // namespace

FieldReader content(std::vector<ContentItem>& target) {
  ContentItem any;
  auto item = shaped(
      map_of(item_fields(any), {"image", "path"}),
      [&target](const Value& value, Mistakes& mistakes) { read_item(value, target, mistakes); });
  return each_of(std::move(item));
}

void check_content(const Profile& profile, Mistakes& mistakes) {
  if (profile.content.empty() || profile.installer == InstallerKind::flash) return;
  mistakes.push_back({profile.content.front().mark,
                      "content is delivered by the installer flash only; the installer " +
                          std::string(name_of(profile.installer)) + " brings its own"});
}

}  // namespace slipway::provisioning
