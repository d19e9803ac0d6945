// provisioning/stranger_delay.hpp -- answers to guessed tokens come late.
#pragma once

#include <chrono>
#include <cstddef>
#include <utility>

#include "base/scheduler.hpp"
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

 private:
  static constexpr std::chrono::seconds kDelay{1};
  static constexpr std::size_t kMostHeld = 128;
  Scheduler& scheduler_;
  std::size_t held_ = 0;
};

}  // namespace slipway::provisioning
