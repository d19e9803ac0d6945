#include "agent/stick.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "agent/text_file.hpp"
#include "base/descriptor.hpp"

namespace slipway::agent {
namespace {

using std::chrono::seconds;

// Somebody is on the way to arm the host, or the stick was left in it.
constexpr seconds kAskAgain{20};
constexpr std::size_t kTokenDigits = 32;

std::string encoded(std::string_view text) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[octet >> 4U];
    out += kDigits[octet & 15U];
  }
  return out;
}

bool is_token(std::string_view text) {
  return text.size() == kTokenDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// What cannot be kept is only missed by an agent that starts again, which then asks once more.
void keep(const std::filesystem::path& path, const std::string& token) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file.get() < 0) return;
  if (::write(file.get(), token.data(), token.size()) != static_cast<ssize_t>(token.size())) {
    (void)::unlink(path.c_str());
  }
}

}  // namespace

std::string leased_mac(const std::filesystem::path& root) {
  constexpr std::string_view kPrefix = "lease.";  // by agent/initramfs/udhcpc
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(root / "run", error)) {
    const auto name = entry.path().filename().native();
    if (!name.starts_with(kPrefix)) continue;
    auto mac = read_line(root / "sys/class/net" / name.substr(kPrefix.size()) / "address");
    if (!mac.empty()) return mac;
  }
  return {};
}

std::string token_target(const Inventory& identity, const std::string& mac) {
  const std::array<std::pair<const char*, const std::string*>, 5> values = {
      {{"mac", &mac},
       {"uuid", &identity.uuid},
       {"serial", &identity.serial},
       {"manufacturer", &identity.manufacturer},
       {"product", &identity.product}}};
  std::string target = "/boot.token";
  char before = '?';
  for (const auto& [name, value] : values) {
    if (value->empty()) continue;
    target += before + std::string(name) + "=" + encoded(*value);
    before = '&';
  }
  return target;
}

Stick::Stick(std::filesystem::path root, Transport& transport, Waiting waiting, Show show)
    : root_(std::move(root)),
      transport_(transport),
      waiting_(std::move(waiting)),
      show_(std::move(show)) {}

void Stick::say(std::vector<std::string> lines) {
  if (lines == shown_) return;
  show_(lines);
  shown_ = std::move(lines);
}

Secret Stick::ask(const Inventory& identity) {
  const auto mac = leased_mac(root_);
  if (mac.empty()) {
    say({"No network card holds a lease; the server cannot be asked."});
    return {};
  }
  const auto answer = transport_.exchange({.target = token_target(identity, mac)});
  if (!answer) {
    say({"The server cannot be reached (" + answer.error().text() + ").", "It is asked again."});
    return {};
  }
  if (answer->status == 200 && is_token(answer->body)) return Secret(answer->body);
  if (answer->status == 204) {
    say({"The server has nothing to do on this host.", "", "MAC     " + mac,
         "Serial  " + identity.serial, "",
         "It goes on when the host is armed there. If it is finished already,",
         "pull the stick and switch it off."});
  } else {
    say({"The server gave no token (status " + std::to_string(answer->status) +
             "); it is asked again.",
         "MAC     " + mac});
  }
  return {};
}

Secret Stick::token(const std::string& only_mac) {
  for (;; waiting_.sleep(kAskAgain)) {
    const auto identity = read_inventory(root_);
    const auto& nics = identity.nics;
    if (!only_mac.empty() && std::ranges::find(nics, only_mac, &Nic::mac) == nics.end()) {
      say({"This stick is for the host with the network card " + only_mac + ",",
           "and this host has none. Nothing was written. Pull the stick."});
      continue;
    }
    auto token = ask(identity);
    if (token.empty()) continue;
    keep(root_ / "etc/slipway/token", token.reveal());
    return token;
  }
}

}  // namespace slipway::agent
