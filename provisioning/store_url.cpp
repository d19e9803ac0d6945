#include "provisioning/store_url.hpp"

#include <algorithm>
#include <cctype>

namespace slipway::provisioning {
namespace {

// What stands after the colon of USER:PASSWORD@; empty without one.
std::string_view password_in(std::string_view url) {
  const auto begin = url.find("://");
  if (begin == std::string_view::npos) return {};
  const auto rest = url.substr(begin + 3);
  // The last @ before the path: a password that was not encoded may hold an @ itself.
  const auto authority = rest.substr(0, rest.find_first_of("/?"));
  const auto at = authority.rfind('@');
  const auto colon = authority.find(':');
  if (at == std::string_view::npos || colon == std::string_view::npos || colon > at) return {};
  return authority.substr(colon + 1, at - colon - 1);
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  if (what.empty()) return;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
}

bool is_plain(char c) { return c > ' ' && c < 0x7F && c != '\'' && c != '"' && c != '\\'; }

}  // namespace

bool is_postgresql_url(std::string_view text) {
  return text.starts_with("postgresql://") || text.starts_with("postgres://");
}

Fallible<void> check_database_url(const Secret& url) {
  const auto& text = url.reveal();
  if (!is_postgresql_url(text)) return fail("a database's URL begins with postgresql://");
  if (!std::ranges::all_of(text, is_plain)) {
    return fail("a blank, a quote or a special character in a URL is written %XX, as in %20");
  }
  if (text.find("password=") != std::string::npos) {
    return fail(
        "a password stands before the host, postgresql://USER:PASSWORD@HOST/NAME, or in "
        "the file ~/.pgpass");
  }
  const auto authority_end = text.find_first_of("/?", text.find("://") + 3);
  if (authority_end != std::string::npos && text.find('@', authority_end) != std::string::npos) {
    return fail("/, ? and @ in a password are written %2F, %3F and %40");
  }
  return {};
}

std::string shown_url(const Secret& url) { return without_password(url.reveal(), url); }

std::string without_password(std::string text, const Secret& url) {
  const auto password = password_in(url.reveal());
  if (!password.empty()) {
    replace_all(text, ":" + std::string(password) + "@", ":" + std::string(kMasked) + "@");
  }
  if (password.size() > 2) replace_all(text, password, kMasked);
  std::ranges::replace_if(
      text, [](char c) { return std::iscntrl(static_cast<unsigned char>(c)); }, ' ');
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

}  // namespace slipway::provisioning
