// The rules of one host's life, as short as they can be said; no store, no tables, no sessions of
// others. model_test.cpp walks it beside the real thing. Times are steady.
#pragma once

#include <optional>
#include <string>

#include "provisioning/host.hpp"

namespace slipway::provisioning {

// What the inventory's files say of the host.
enum class Files : std::uint8_t { good, other_image, without_profile, without_host };

struct Model {
  using enum HostState;

  HostState state = assigned;
  Files files = Files::good;
  // The arming.
  bool has_arming = false, has_snapshot = false;
  unsigned used = 0;
  TimePoint expires;
  Files armed_with = Files::good;
  std::optional<Files> published;  // what version 1.0.0 of the profile means for good
  // The attempt.
  std::int64_t attempt = 0;
  std::string ended;  // state in which `attempt` ended
  bool kernel_asked = false, config_given = false, has_plan = false;
  TimePoint contact, planned;
  // The current boot session.
  bool session = false, alive = false, traded = false, token_used = false, token_known = false;
  std::int64_t session_attempt = 0;
  TimePoint issued;
  unsigned initrd_reads = 0, config_reads = 0;
  // SG6.
  unsigned armings = 0, installs = 0;
  TimePoint installed_at;

  [[nodiscard]] unsigned left(TimePoint now) const {
    return has_arming && now < expires ? 3 - used : 0;
  }
  [[nodiscard]] bool runs() const { return state == booting || state == installing; }
  [[nodiscard]] bool live() const { return alive && runs() && session_attempt == attempt; }
  // Whether files, as they are now, make a recipe for this host.
  [[nodiscard]] bool complete() const {
    return files == Files::good || files == Files::other_image;
  }
  [[nodiscard]] bool may_arm() const {
    const bool idle = state == assigned || state == installed || state == failed;
    return idle && complete() && (!published || *published == files);
  }
  // Only a server that was restarted has to ask the files for what was armed.
  [[nodiscard]] bool recipe_known() const {
    return has_snapshot || (complete() && files == armed_with);
  }
  [[nodiscard]] bool plan_possible() const { return has_plan || recipe_known(); }
  [[nodiscard]] bool answers_dhcp(TimePoint now) const {
    using std::chrono::hours;
    if (state == installed) return now - installed_at < hours(1);
    if (state == ignored) return false;
    return state == discovered || state == assigned || left(now) > 0;
  }

  void set(HostState to) {
    state = to;
    if (to != installing) has_plan = false;
  }
  void arm(TimePoint until) {
    set(armed);
    has_arming = has_snapshot = true;
    used = 0;
    expires = until;
    armed_with = files;
    if (!published) published = files;
    ++armings;
  }
  void drop_arming() { has_arming = has_snapshot = false; }
  void end(HostState to, std::string how, TimePoint now) {
    const bool used_up = to == failed && left(now) == 0;
    set(to);
    ended = std::move(how);
    if (to == installed) installed_at = now;
    if (to == installed || used_up) drop_arming();
  }
  void disarm(TimePoint now) {
    if (runs()) {
      end(failed, "failed", now);
    } else {
      set(assigned);
    }
    drop_arming();
  }
  void new_session(std::int64_t for_attempt, TimePoint now) {
    session = alive = token_known = true;
    traded = token_used = false;
    initrd_reads = config_reads = 0;
    session_attempt = for_attempt;
    issued = now;
  }
  void new_attempt(std::int64_t id, TimePoint now) {
    attempt = id;
    ended.clear();
    ++used;
    contact = now;
    config_given = false;
  }
  // Files were read anew.
  void follow() {
    if (state == discovered && complete()) state = assigned;
    if (state == assigned && !complete()) state = discovered;
  }
  void restart(TimePoint now) {
    token_known = has_snapshot = has_plan = false;
    initrd_reads = config_reads = 0;
    kernel_asked = config_given = true;
    contact = now;
    follow();
  }
  [[nodiscard]] bool is_overdue(TimePoint now) const {
    using namespace std::chrono_literals;
    const auto silent = now - contact;
    if (state == booting) return silent > (kernel_asked && !traded ? 10min : 3min);
    return state == installing && (silent > 150s || (!config_given && now - planned > 3min));
  }
  // One look of the server at what is overdue.
  void sweep(TimePoint now) {
    if (state == armed && left(now) == 0) return disarm(now);
    if (state == failed && has_arming && left(now) == 0) return drop_arming();
    if (is_overdue(now)) end(state == booting && left(now) > 0 ? armed : failed, "failed", now);
  }
};

}  // namespace slipway::provisioning
