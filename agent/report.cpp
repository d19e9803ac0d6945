#include "agent/report.hpp"

#include "agent/session.hpp"

namespace slipway::agent {
namespace {

constexpr std::chrono::milliseconds kPause{400};

}  // namespace

ProgressReport::ProgressReport(std::unique_ptr<Transport> transport, Secret bearer,
                               std::uint64_t attempt)
    : transport_(std::move(transport)),
      bearer_(std::move(bearer)),
      attempt_(attempt),
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
  for (bool last = false; !last && !revoked_;) {
    post();
    std::unique_lock lock(mutex_);
    last = wake_.wait_for(lock, kPause, [this] { return stopping_; });
  }
  if (!revoked_) post();
}

void ProgressReport::post() {
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
  if (!answer) return;
  if (answer->status == 403 || answer->status == 409 || answer->status == 410) revoked_ = true;
}

}  // namespace slipway::agent
