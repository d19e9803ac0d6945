// dhcp/rival_watch.hpp -- whether leases may be given here, or another DHCP server does that.
//
// Two servers that do not know of each other give one address twice. So none is given before a
// question of our own went unanswered, nor while another server was heard lately; and while it is
// so, the question is asked again and again, because answers to others need not pass by here.
// Pure: time and what was heard come in.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/net.hpp"
#include "base/scheduler.hpp"

namespace slipway::dhcp {

class RivalWatch {
 public:
  // dnsmasq and ISC's server may try an address for a few seconds before they offer it.
  static constexpr std::chrono::milliseconds kFirstSilence{5000};
  static constexpr std::chrono::milliseconds kFirstQuestions{2000};  // between those
  static constexpr std::chrono::seconds kQuiet{60};                  // then it is taken to be gone
  static constexpr std::chrono::seconds kQuestions{12};

  enum class Change : std::uint8_t {
    none,
    alone,  // nobody answered: leases may be given
    rival,  // another server is there: no more leases
    gone    // it was not heard for kQuiet: leases may be given again
  };

  void start(TimePoint now) { begin_ = now; }
  // Another DHCP server answered somebody, or was chosen by a client.
  [[nodiscard]] Change hear(Ipv4 server, TimePoint now) {
    heard_ = now;
    if (rival_) return Change::none;
    rival_ = server;
    open_ = false;
    return Change::rival;
  }
  // To be called about once a second.
  [[nodiscard]] Change look(TimePoint now) {
    if (open_) return Change::none;
    if (rival_ && now - heard_ >= kQuiet) {
      rival_.reset();
      open_ = true;
      return Change::gone;
    }
    if (!rival_ && now - begin_ >= kFirstSilence) {
      open_ = true;
      return Change::alone;
    }
    return Change::none;
  }
  // Whether a question is due; true counts as asked.
  [[nodiscard]] bool asks(TimePoint now) {
    if (open_) return false;
    const std::chrono::milliseconds pause = rival_ ? kQuestions : kFirstQuestions;
    if (asked_ && now - *asked_ < pause) return false;
    asked_ = now;
    return true;
  }
  [[nodiscard]] bool may_lease() const { return open_; }
  [[nodiscard]] std::optional<Ipv4> rival() const { return rival_; }

 private:
  TimePoint begin_{}, heard_{};
  std::optional<TimePoint> asked_{};
  std::optional<Ipv4> rival_{};
  bool open_ = false;
};

}  // namespace slipway::dhcp
