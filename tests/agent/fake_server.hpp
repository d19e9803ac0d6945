// A server without a network: answers by a script, remembers what it was asked.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "agent/backoff.hpp"
#include "agent/network.hpp"

namespace slipway::test {

using agent::Answer;
using agent::Call;

class FakeServer {
 public:
  // Decides about each call; called by several threads, one at a time.
  std::function<Fallible<Answer>(const Call&)> answer;
  Bytes data;  // what every Fetcher fetches from

  [[nodiscard]] std::vector<Call> calls() const {
    const std::scoped_lock lock(mutex_);
    return calls_;
  }
  [[nodiscard]] std::vector<Call> calls(const std::string& target) const {
    auto found = calls();
    std::erase_if(found, [&](const Call& call) { return call.target != target; });
    return found;
  }
  [[nodiscard]] Fallible<Answer> handle(const Call& call) {
    const std::scoped_lock lock(mutex_);
    calls_.push_back(call);
    return answer(call);
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Call> calls_;
};

class FakeTransport : public agent::Transport {
 public:
  explicit FakeTransport(FakeServer& server) : server_(server) {}
  Fallible<Answer> exchange(const Call& call) override { return server_.handle(call); }

 private:
  FakeServer& server_;
};

class FakeFetcher : public images::Fetcher {
 public:
  explicit FakeFetcher(FakeServer& server) : server_(server) {}
  Fallible<void> fetch(std::uint64_t offset, std::uint64_t length, const Sink& sink) override {
    (void)sink(ByteView(server_.data).subspan(offset, length));  // a refusal ends it all the same
    return {};
  }

 private:
  FakeServer& server_;
};

class FakeNetwork : public agent::Network {
 public:
  explicit FakeNetwork(FakeServer& server) : server_(server) {}
  std::unique_ptr<agent::Transport> connect(std::chrono::milliseconds) override {
    return std::make_unique<FakeTransport>(server_);
  }
  std::unique_ptr<images::Fetcher> fetcher(const std::string&) override {
    return std::make_unique<FakeFetcher>(server_);
  }

 private:
  FakeServer& server_;
};

// Waiting that takes no time and notes how long it would have been.
struct Naps {
  std::vector<std::chrono::milliseconds> taken;
  [[nodiscard]] agent::Waiting waiting() {
    return {[this](std::chrono::milliseconds pause) { taken.push_back(pause); },
            [] { return 1.0; }};
  }
};

}  // namespace slipway::test
