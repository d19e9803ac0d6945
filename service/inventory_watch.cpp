#include "service/inventory_watch.hpp"

#include <sys/inotify.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <cerrno>
#include <cstring>

#include "base/log.hpp"

namespace slipway::service {
namespace {

namespace fs = std::filesystem;

// IN_ATTRIB: the mode of a secret's file decides whether it is accepted. IN_CREATE: links.
constexpr std::uint32_t kEvents =
    IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR;
// Deeper than any inventory; ends a circle of links.
constexpr int kMaxDepth = 8;

bool is_hidden(std::string_view name) {
  // "..data" is the link that Kubernetes turns to publish a whole folder at once.
  return name.starts_with('.') && name != "..data";
}

bool is_of_an_editor(std::string_view name) {
  return name.ends_with('~') || name.ends_with(".swp") || name.ends_with(".swx") || name == "4913";
}

}  // namespace

InventoryWatch::InventoryWatch(boost::asio::io_context& io, fs::path folder, Changed changed)
    : folder_(fs::absolute(folder).lexically_normal()),
      changed_(std::move(changed)),
      descriptor_(io),
      timer_(io) {
  if (!folder_.has_filename()) folder_ = folder_.parent_path();  // it was written with a slash
}

Fallible<void> InventoryWatch::start() {
  const int descriptor = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (descriptor < 0) return fail_errno("inotify", errno);
  descriptor_.assign(descriptor);
  auto added = add_tree();
  if (!added) {
    descriptor_.close();
    return added;
  }
  read_more();
  return {};
}

void InventoryWatch::stop() {
  timer_.cancel();
  if (descriptor_.is_open()) descriptor_.close();
}

Fallible<void> InventoryWatch::add(const fs::path& folder) {
  if (::inotify_add_watch(descriptor_.native_handle(), folder.c_str(), kEvents) >= 0) return {};
  // Removed or replaced meanwhile: its folder tells of that.
  if (errno == ENOENT || errno == ENOTDIR) return {};
  return fail_errno("watching " + folder.string(), errno);
}

Fallible<void> InventoryWatch::add_tree() {
  parent_ =
      ::inotify_add_watch(descriptor_.native_handle(), folder_.parent_path().c_str(), kEvents);
  if (parent_ < 0) return fail_errno("watching " + folder_.parent_path().string(), errno);
  if (auto added = add(folder_); !added) return added;
  std::error_code error;
  constexpr auto kOptions = fs::directory_options::follow_directory_symlink |
                            fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator each(folder_, kOptions, error), end; !error && each != end;
       each.increment(error)) {
    if (!each->is_directory(error) || error) continue;
    if (is_hidden(each->path().filename().native()) || each.depth() >= kMaxDepth) {
      each.disable_recursion_pending();
      continue;
    }
    if (auto added = add(each->path()); !added) return added;
  }
  return {};  // an error is a folder that went away: its folder tells of that
}

void InventoryWatch::read_more() {
  descriptor_.async_read_some(boost::asio::buffer(buffer_),
                              [this](const boost::system::error_code& error, std::size_t octets) {
                                if (error) return;  // stopped
                                if (take(octets)) wait_for_quiet();
                                read_more();
                              });
}

bool InventoryWatch::matters(int watch, std::string_view name) const {
  if (watch == parent_) return name == folder_.filename().native();
  return !is_hidden(name) && !is_of_an_editor(name);
}

bool InventoryWatch::take(std::size_t octets) {
  bool found = false;
  for (std::size_t at = 0; at + sizeof(inotify_event) <= octets;) {
    inotify_event event{};
    std::memcpy(&event, buffer_.data() + at, sizeof event);
    const char* text = buffer_.data() + at + sizeof event;
    const std::string_view name(text, ::strnlen(text, event.len));
    at += sizeof event + event.len;
    if ((event.mask & IN_Q_OVERFLOW) != 0) found = true;
    if ((event.mask & (IN_IGNORED | IN_Q_OVERFLOW)) == 0 && matters(event.wd, name)) found = true;
  }
  return found;
}

void InventoryWatch::wait_for_quiet() {
  const auto now = boost::asio::steady_timer::clock_type::now();
  if (!first_change_) first_change_ = now;
  timer_.expires_at(std::min(now + kQuiet, *first_change_ + kLongest));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) tell();
  });
}

void InventoryWatch::tell() {
  first_change_.reset();
  // New folders first, then the files: what is written into them later is told by its own event.
  const auto added = add_tree();
  if (!added) log::warn("inventory.unwatched", {{"why", added.error().text()}});
  changed_();
}

}  // namespace slipway::service
