#include "agent/report.hpp"

#include "agent/session.hpp"

namespace slipway::agent {
namespace {

constexpr std::chrono::milliseconds kPause{400};

}  // namespace

ProgressReport::ProgressReport(std::unique_ptr<Transport> transport, Secret bearer,
                               std::uint64_t attempt, std::function<double()> dice)
    : transport_(std::move(transport)),
      bearer_(std::move(bearer)),
      attempt_(attempt),
      dice_(std::move(dice)),
      thread_([this] { run(); }) {}

ProgressReport::~ProgressReport() { stop(); }

void ProgressReport::update(const Progress& progress) {
  const std::scoped_lock lock(mutex_);
  latest_ = progress;
}

void ProgressReport::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void ProgressReport::run() {
  unsigned tries = 0;
  for (bool last = false; !last && !revoked_;) {
    tries = post() ? 0 : tries + 1;
    const auto pause = tries == 0 ? kPause : retry_delay(tries, dice_());
    std::unique_lock lock(mutex_);
    last = wake_.wait_for(lock, pause, [this] { return stopping_; });
  }
  if (!revoked_) (void)post();  // the result, which comes next, is what counts
}

bool ProgressReport::post() {
  Progress now;
  {
    const std::scoped_lock lock(mutex_);
    now = latest_;
  }
  const auto answer =
      transport_->exchange({.method = "POST",
                            .target = "/agent/v1/progress",
                            .bearer = bearer_,
                            .body = progress_json(attempt_, now.step, now.done_octets,
                                                  now.total_octets, now.rate_octets)});
  // No answer, or a strange one, is no order to stop: the server may be restarting.
  if (!answer) return false;
  if (answer->status == 403 || answer->status == 409 || answer->status == 410) revoked_ = true;
  return answer->status < 500;
}

}  // namespace slipway::agent
