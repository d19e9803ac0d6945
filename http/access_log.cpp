#include "http/access_log.hpp"

#include <string>
#include <utility>

namespace slipway::http {
namespace {

void write(log::Level level, const Access& access) {
  constexpr std::size_t kShownAgent = 64;  // "UefiHttpBoot/1.0", "iPXE/1.21.1+git20250501"
  const auto peer = access.peer.unix_user ? "uid " + std::to_string(*access.peer.unix_user)
                                          : access.peer.address.text();
  log::write(level, "http.answered",
             {{"method", access.method},
              {"path", access.path},
              {"status", access.status},
              {"octets", access.octets},
              {"complete", access.complete},
              {"peer", peer},
              {"agent", access.agent.substr(0, kShownAgent)},
              {"ms", access.elapsed.count()}});
}

}  // namespace

log::Level level_of(const Access& access, bool everything) {
  if (access.status >= 500) return log::Level::warn;
  if (access.status >= 400 && access.status != 404) return log::Level::info;
  return everything ? log::Level::info : log::Level::debug;
}

void AccessLog::note(const Access& access, std::chrono::steady_clock::time_point now) {
  const auto level = level_of(access, everything_);
  if (!log::enabled(level)) return;
  if (level != log::Level::debug) {
    // A rack that boots must not crowd refusals out.
    const bool is_refusal = level_of(access, false) != log::Level::debug;
    if (!quota_.allow(is_refusal ? 1 : 0, now)) {
      ++unlogged_;
      return;
    }
    if (unlogged_ > 0) log::warn("http.unlogged", {{"answers", std::exchange(unlogged_, 0)}});
  }
  write(level, access);
}

}  // namespace slipway::http
