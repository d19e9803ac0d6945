// service/inventory_watch.hpp -- says when the files of a folder have changed and come to rest.
//
// inotify(7) on the folder, on every folder below it and on its parent, so that a folder that is
// renamed into its place or a link that is turned is noticed as well. Editors write, rename and
// remove within milliseconds: the change is told once, kQuiet after the last of them. Names that
// editors use for themselves and hidden ones (.git) do not count. A file that a link leads to
// elsewhere is not watched.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace slipway::service {

class InventoryWatch {
 public:
  using Changed = std::function<void()>;

  InventoryWatch(boost::asio::io_context& io, std::filesystem::path folder, Changed changed);

  // Begins to watch. Fails when the system gives no more watches; nothing is told then.
  [[nodiscard]] Fallible<void> start();
  void stop();

  static constexpr std::chrono::milliseconds kQuiet{500};
  // A folder that is written all the time is read all the same, this long after the first change.
  static constexpr std::chrono::seconds kLongest{5};

 private:
  [[nodiscard]] Fallible<void> add(const std::filesystem::path& folder);
  [[nodiscard]] Fallible<void> add_tree();
  void read_more();
  [[nodiscard]] bool matters(int watch, std::string_view name) const;
  [[nodiscard]] bool take(std::size_t octets);
  void wait_for_quiet();
  void tell();

  std::filesystem::path folder_;
  Changed changed_;
  boost::asio::posix::stream_descriptor descriptor_;
  boost::asio::steady_timer timer_;
  std::optional<boost::asio::steady_timer::time_point> first_change_;
  int parent_ = -1;  // its watch
  static constexpr std::size_t kBufferOctets = 16384;
  std::array<char, kBufferOctets> buffer_{};
};

}  // namespace slipway::service
