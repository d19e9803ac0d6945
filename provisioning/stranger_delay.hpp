// provisioning/stranger_delay.hpp -- answers to guessed tokens come late, and fill no log.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>
#include <utility>

#include "base/log.hpp"
#include "base/net.hpp"
#include "base/scheduler.hpp"
#include "base/second_quota.hpp"
#include "http/route.hpp"

namespace slipway::provisioning {

// Holds answers back for kDelay, at most kMostHeld at a time; beyond that the guesser is told to
// slow down, so that guessing costs us no memory.
class StrangerDelay {
 public:
  explicit StrangerDelay(Scheduler& scheduler) : scheduler_(scheduler) {}

  void answer(http::Reply reply, http::Response response) {
    if (held_ >= kMostHeld) {
      return reply(http::Response::problem(429, "Too many requests", "Ask again later."));
    }
    ++held_;
    scheduler_.after(kDelay,
                     [this, reply = std::move(reply), response = std::move(response)]() mutable {
                       --held_;
                       reply(std::move(response));
                     });
  }

  // Says in the log that a token or session was refused; the first of each second.
  void report(std::string_view shown_token, Ipv4 peer) {
    if (!lines_.allow(1, TimePoint::clock::now())) return;
    log::warn("boot.token_refused", {{"token", shown_token}, {"peer", peer.text()}});
  }

 private:
  static constexpr std::chrono::seconds kDelay{1};
  static constexpr std::size_t kMostHeld = 128;
  Scheduler& scheduler_;
  std::size_t held_ = 0;
  SecondQuota lines_;
};

}  // namespace slipway::provisioning
