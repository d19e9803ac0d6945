// A script against one session. The input is a list of steps: an octet n < 200 is a datagram of
// the n octets that follow; 200 lets the session's deadline come; 201..255 move time by up to
// 0.55 s. Before it, one octet gives the file's size and a text up to a line break the options.

#include <algorithm>
#include <cstdlib>

#include "tftp/session.hpp"

using namespace slipway;
using namespace slipway::tftp;

namespace {

void require(bool claim) {
  if (!claim) std::abort();
}

class Zeros : public Source {
 public:
  explicit Zeros(std::uint64_t octets) : octets_(octets) {}
  [[nodiscard]] std::uint64_t size_octets() const override { return octets_; }
  [[nodiscard]] Result<std::size_t> read(std::uint64_t offset,
                                         std::span<std::uint8_t> out) const override {
    require(offset + out.size() <= octets_);
    std::ranges::fill(out, std::uint8_t{0});
    return out.size();
  }

 private:
  std::uint64_t octets_;
};

class Script {
 public:
  Script(Session& session, TimePoint now) : session_(session), now_(now) {}

  void run(Reader steps) {
    drain();
    while (steps.left() > 0 && !steps.failed()) {
      step(steps);
      drain();
    }
    run_out();
  }

 private:
  void step(Reader& steps) {
    const auto code = steps.u8();
    if (code < 200)
      return session_.on_datagram(steps.take(std::min<std::size_t>(code, steps.left())), now_);
    now_ = code == 200 ? session_.deadline() : now_ + std::chrono::milliseconds(10) * (code - 200);
    session_.on_deadline(now_);
  }

  // Without a client every session ends, and within its number of sends.
  void run_out() {
    for (int i = 0; i < 10 && session_.status() == Status::running; ++i) {
      now_ = session_.deadline();
      session_.on_deadline(now_);
      drain();
    }
    require(session_.status() != Status::running);
  }

  // No step makes a session send more than one window, and at most two datagrams leave before
  // the first answer.
  void drain() {
    std::size_t datagrams = 0;
    for (auto burst = session_.take(outbox_); burst.datagrams > 0; burst = session_.take(outbox_)) {
      check_burst(burst);
      datagrams += burst.datagrams;
    }
    require(datagrams <= 64);
    if (!session_.answered()) unanswered_ += datagrams;
    require(unanswered_ <= 2);
  }

  // It is a burst that the kernel can cut: all but the last are of one length, none is too long.
  static void check_burst(const Burst& burst) {
    const auto count = burst.datagrams;
    require(count <= Outbox::kMaxDatagrams && burst.headers.size() % count == 0);
    require(burst.headers.size() + burst.payload.size() <= Outbox::kMaxOctets);
    require(burst.payload.size() <= count * burst.payload_octets);
    require(count == 1 || burst.payload.size() >= (count - 1) * burst.payload_octets);
  }

  Session& session_;
  TimePoint now_;
  std::size_t unanswered_ = 0;
  Outbox outbox_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Reader reader({data, size});
  const auto blocks = reader.u8();
  const auto rest = reader.rest();
  const auto options = rest.first(
      static_cast<std::size_t>(std::ranges::find(rest, std::uint8_t{'\n'}) - rest.begin()));
  reader.skip(std::min(options.size() + 1, reader.left()));
  const TimePoint start{};
  Session session(std::make_shared<Zeros>(std::uint64_t{blocks} * 256), agree(options), start);
  Script(session, start).run(reader);
  return 0;
}
