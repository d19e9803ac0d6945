// A session and a client of the RFCs joined by a link that loses, doubles and reorders datagrams,
// in simulated time.

#include <queue>
#include <random>

#include "tests/support/catch.hpp"
#include "tests/support/tftp_files.hpp"
#include "tftp/session.hpp"

using namespace slipway;
using namespace slipway::tftp;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

struct Link {
  double lost = 0, doubled = 0;
  std::chrono::milliseconds jitter{0};
};

struct InFlight {
  TimePoint at;
  std::uint64_t order = 0;
  bool to_client = false;
  Bytes wire;
  bool operator>(const InFlight& other) const {
    return std::tie(at, order) > std::tie(other.at, other.order);
  }
};

// What RFC 1350 and 7440 ask of a reader: takes blocks in order, acknowledges the window's last
// one, and the last good one after a gap or a second of silence.
class Reading {
 public:
  Reading(std::uint16_t block, std::uint16_t window) : block_(block), window_(window) {}

  // The ACK to send, if any.
  std::optional<Bytes> hear(ByteView wire, TimePoint now) {
    last_heard_ = now;
    Reader reader(wire);
    const auto opcode = reader.u16();
    if (opcode == 6) return started_ ? std::nullopt : std::optional(test::ack(0));
    const auto number = reader.u16();
    if (opcode != 3) return std::nullopt;
    started_ = true;
    if (number != static_cast<std::uint16_t>(good_ + 1)) return gap();
    gap_told_ = false;
    ++good_;
    ++in_window_;
    octets_.insert(octets_.end(), reader.rest().begin(), reader.rest().end());
    done_ = reader.left() < block_;
    if (!done_ && in_window_ < window_) return std::nullopt;
    in_window_ = 0;
    return test::ack(static_cast<int>(good_));
  }
  std::optional<Bytes> silence(TimePoint now) {
    if (done_ || now - last_heard_ < 1500ms) return std::nullopt;
    last_heard_ = now;
    in_window_ = 0;
    return test::ack(static_cast<int>(good_));
  }
  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] const Bytes& octets() const { return octets_; }

 private:
  std::optional<Bytes> gap() {
    in_window_ = 0;
    if (window_ > 1 && gap_told_) return std::nullopt;
    gap_told_ = true;
    return test::ack(static_cast<int>(good_));
  }

  std::uint16_t block_, window_;
  std::uint64_t good_ = 0;
  int in_window_ = 0;
  bool started_ = false, done_ = false, gap_told_ = false;
  TimePoint last_heard_{};
  Bytes octets_;
};

class World {
 public:
  World(std::size_t file_octets, std::string_view options, Link link, unsigned seed)
      : file_(test::pattern(file_octets)),
        terms_(agree(as_bytes(options))),
        session_(std::make_shared<test::MemorySource>(file_), terms_, now_),
        reading_(terms_.block_octets.value_or(512), terms_.window_blocks.value_or(1)),
        link_(link),
        random_(seed) {}

  void run() {
    for (int steps = 0; steps < 200000 && session_.status() == Status::running; ++steps) {
      flush();
      now_ += 1ms;
      while (!flying_.empty() && flying_.top().at <= now_) deliver();
      if (const auto wire = reading_.silence(now_)) put(*wire, false);
      session_.on_deadline(now_);
    }
  }
  [[nodiscard]] bool complete() const { return reading_.done() && reading_.octets() == file_; }
  [[nodiscard]] Status status() const { return session_.status(); }
  [[nodiscard]] std::uint64_t sends() const { return sends_; }

 private:
  void flush() {
    for (auto burst = session_.take(outbox_); burst.datagrams > 0; burst = session_.take(outbox_)) {
      sends_ += burst.datagrams;
      for (const auto& wire : test::datagrams_of(burst)) put(wire, true);
    }
  }
  void deliver() {
    const auto next = flying_.top();
    flying_.pop();
    if (!next.to_client) return session_.on_datagram(next.wire, now_);
    if (const auto wire = reading_.hear(next.wire, now_)) put(*wire, false);
  }
  void put(const Bytes& wire, bool to_client) {
    const auto copies = chance() < link_.lost ? 0 : chance() < link_.doubled ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      const auto delay = 1ms + std::chrono::milliseconds(static_cast<int>(
                                   chance() * static_cast<double>(link_.jitter.count())));
      flying_.push({now_ + delay, order_++, to_client, wire});
    }
  }
  double chance() { return std::uniform_real_distribution<double>(0, 1)(random_); }

  TimePoint now_{};
  Bytes file_;
  Terms terms_;
  Session session_;
  Outbox outbox_;
  Reading reading_;
  Link link_;
  std::mt19937 random_;
  std::priority_queue<InFlight, std::vector<InFlight>, std::greater<>> flying_;
  std::uint64_t order_ = 0, sends_ = 0;
};

}  // namespace

TEST_CASE("1c.29 a file arrives whole over a bad link", "[tftp][session][loss]") {
  const auto [why, options, link] = GENERATE(table<std::string, std::string, Link>({
      {"a good link", "", {}},
      {"loss, lock-step", "", {.lost = 0.05}},
      {"loss, large blocks",
       "blksize\0"
       "1468\0"s,
       {.lost = 0.05}},
      {"loss, window",
       "blksize\0"
       "512\0windowsize\0"
       "4\0"s,
       {.lost = 0.03}},
      {"doubles, lock-step", "", {.doubled = 0.5}},
      {"doubles, window",
       "windowsize\0"
       "8\0"s,
       {.doubled = 0.3}},
      {"reordering, window",
       "windowsize\0"
       "8\0"s,
       {.jitter = 5ms}},
      {"everything",
       "blksize\0"
       "1024\0windowsize\0"
       "16\0"s,
       {.lost = 0.02, .doubled = 0.1, .jitter = 3ms}},
  }));
  const auto seed = GENERATE(range(1U, 11U));
  CAPTURE(why, seed);
  World world(40000, options, link, seed);
  world.run();
  // The very first exchange may be lost twice, which SG8 makes final: the client asks anew then.
  if (world.status() == Status::unanswered) return;
  CHECK(world.complete());
  // The client has all and is gone; only its last ACK can have been lost.
  CHECK((world.status() == Status::done || world.status() == Status::timed_out));
}

TEST_CASE("1c.29 doubled datagrams do not double the transfer", "[tftp][session][rfc1123]") {
  World world(512 * 200, "", {.doubled = 1.0}, 7);
  world.run();
  CHECK(world.complete());
  CHECK(world.sends() == 201);
}
