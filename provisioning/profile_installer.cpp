#include "provisioning/profile_installer.hpp"

#include <algorithm>

#include "provisioning/command_line.hpp"
#include "provisioning/installer_kind.hpp"
#include "provisioning/profile_host.hpp"

namespace slipway::provisioning {
namespace {

constexpr std::string_view kConsolePattern = "^[a-zA-Z]+[0-9]*(,[0-9][0-9noer]{0,9})?$";

void read_cmdline(const Value& value, std::string& cmdline, Mistakes& mistakes) {
  const auto text = require_text(value, mistakes);
  if (!text) return;
  cmdline = *text;
  for (const auto& wrong : mistakes_of_words(*text)) mistakes.push_back({value.mark, wrong});
}

bool is_console(std::string_view text) {
  const auto comma = std::min(text.find(','), text.size());
  const auto name = text.substr(0, comma);
  const auto digits = name.find_last_not_of("0123456789");
  const auto letters = [](std::string_view part) {
    return std::ranges::all_of(part, [](char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; });
  };
  if (digits == std::string_view::npos || !letters(name.substr(0, digits + 1))) return false;
  if (comma == text.size()) return true;
  const auto speed = text.substr(comma + 1);
  return !speed.empty() && speed.front() >= '0' && speed.front() <= '9' && speed.size() <= 10 &&
         speed.find_first_not_of("0123456789noer") == std::string_view::npos;
}

FieldReader consoles(std::vector<std::string>& target) {
  return each_of(
      shaped(text_like(kConsolePattern), [&target](const Value& value, Mistakes& mistakes) {
        const auto text = require_text(value, mistakes);
        if (!text) return;
        if (is_console(*text)) {
          target.push_back(*text);
        } else {
          mistakes.push_back({value.mark, shown(value) + " is no console; write tty0 or "
                                                         "\"ttyS0,115200\""});
        }
      }));
}

std::vector<Field> installer_fields(Profile& profile) {
  auto image = shaped(text_like(kImagePattern), [&profile](const Value& entry, Mistakes& out) {
    read_image(entry, profile.image, out);
  });
  auto cmdline = shaped(shape_of(Shape::Kind::text), [&profile](const Value& entry, Mistakes& out) {
    read_cmdline(entry, profile.cmdline, out);
  });
  return {{"kind", installer_kind(profile.installer)},
          {"image", marked(profile.image_mark, std::move(image))},
          {"cmdline", marked(profile.cmdline_mark, std::move(cmdline))},
          {"console", consoles(profile.consoles)},
          {"timeout", duration(profile.report_within)}};
}

// Our own installer has a command line, a console and times of its own, and writes an image.
void check_flash(const Value& value, Mistakes& mistakes) {
  if (value.find("image") == nullptr) {
    mistakes.push_back({value.key_mark(), "installer needs `image: NAME@VERSION`"});
  }
  for (const auto* key : {"cmdline", "console", "timeout"}) {
    const auto* said = value.find(key);
    if (said == nullptr) continue;
    mistakes.push_back({said->key_mark(), "the installer flash takes no `" + std::string(key) +
                                              "`; only installers of others do"});
  }
}

}  // namespace

void read_image(const Value& value, std::string& image, Mistakes& mistakes) {
  const auto text = require_text(value, mistakes);
  if (!text) return;
  const auto at = text->find('@');
  const bool good = at != std::string::npos && is_image_part(text->substr(0, at)) &&
                    is_image_part(text->substr(at + 1));
  if (good) {
    image = *text;
  } else {
    mistakes.push_back({value.mark, shown(value) + " is no image; write NAME@VERSION"});
  }
}

bool is_image_part(std::string_view text) {
  return !text.empty() && text.front() != '.' && text.front() != '-' && text.size() <= 128 &&
         text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-") ==
             std::string_view::npos;
}

FieldReader installer(Profile& profile) {
  auto fields = installer_fields(profile);
  auto shape = map_of(fields);
  return shaped(std::move(shape),
                [&profile, fields = std::move(fields)](const Value& value, Mistakes& mistakes) {
                  profile.installer_mark = value.key_mark();
                  // Of a profile that this one is composed of; an installer is said whole.
                  profile.cmdline.clear();
                  profile.consoles.clear();
                  profile.report_within = {};
                  read_fields(value, "installer", fields, mistakes);
                  if (value.map() != nullptr && profile.installer == InstallerKind::flash) {
                    check_flash(value, mistakes);
                  }
                });
}

}  // namespace slipway::provisioning
