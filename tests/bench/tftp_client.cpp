// A fast TFTP reader for benches: N downloads of one file at once, on one thread, each kept in
// memory and hashed after the clock has stopped. The same for every server, so only ratios mean
// anything.
//
//   tftp_client ADDRESS PORT NAME BLKSIZE WINDOW CLIENTS OCTETS
//
// Prints {"seconds", "octets", "blksize", "window", "again", "sha256": [...]}: the terms are what
// the server agreed to, `again` counts ACKs and requests that had to be repeated, the digests are
// those that differ from each other.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/crypto.hpp"

using namespace slipway;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int kBatch = 64;
constexpr std::size_t kRoom = 2048;
constexpr auto kSilence = std::chrono::seconds(1);
constexpr int kMaxSilences = 20;

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "tftp_client: %s\n", why.c_str());
  std::exit(1);
}

struct Wanted {
  sockaddr_in server{};
  std::string name{};
  std::string block{}, window{};
  std::size_t octets = 0;
};

// Room of recvmmsg, used by one download at a time.
struct Inbox {
  std::array<std::array<std::uint8_t, kRoom>, kBatch> room;
  std::array<iovec, kBatch> parts;
  std::array<sockaddr_in, kBatch> from;
  std::array<mmsghdr, kBatch> messages{};
  Inbox() {
    for (std::size_t i = 0; i < kBatch; ++i) {
      parts[i] = {room[i].data(), kRoom};
      messages[i].msg_hdr = {.msg_name = &from[i],
                             .msg_namelen = sizeof from[i],
                             .msg_iov = &parts[i],
                             .msg_iovlen = 1,
                             .msg_control = nullptr,
                             .msg_controllen = 0,
                             .msg_flags = 0};
    }
  }
  int receive(int fd) { return ::recvmmsg(fd, messages.data(), kBatch, MSG_DONTWAIT, nullptr); }
};

class Download {
 public:
  explicit Download(const Wanted& wanted) : wanted_(wanted), peer_(wanted.server) {
    fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int large = 4 << 20;
    if (fd_ < 0) die("no socket");
    // More than the limit of the system where we are root; else what it gives.
    if (::setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof large) != 0) {
      (void)::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
    }
    octets_.resize(wanted.octets);  // touched, so that no page is made while the clock runs
  }
  Download(const Download&) = delete;
  Download& operator=(const Download&) = delete;
  ~Download() { ::close(fd_); }

  void ask() {
    std::string wire("\0\1", 2);
    for (const auto& word : {wanted_.name, std::string("octet"), std::string("blksize"),
                             wanted_.block, std::string("windowsize"), wanted_.window}) {
      wire += word;
      wire += '\0';
    }
    send(as_bytes(wire));
  }

  void take_all(Inbox& inbox) {
    heard_ = Clock::now();
    silences_ = 0;
    for (int got = inbox.receive(fd_); got > 0; got = inbox.receive(fd_)) {
      for (std::size_t i = 0; i < static_cast<std::size_t>(got) && !done_; ++i) {
        take(ByteView(inbox.room[i]).first(inbox.messages[i].msg_len), inbox.from[i]);
      }
      if (got < kBatch) return;
    }
  }

  void on_silence(Clock::time_point now) {
    if (done_ || now - heard_ < kSilence) return;
    heard_ = now;
    if (++silences_ > kMaxSilences) die("the server went silent");
    ++again_;
    in_window_ = 0;
    if (started_) acknowledge();
    if (!started_) ask();
  }

  [[nodiscard]] int descriptor() const { return fd_; }
  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] std::size_t size() const { return used_; }
  [[nodiscard]] std::size_t again() const { return again_; }
  [[nodiscard]] std::size_t block() const { return block_; }
  [[nodiscard]] std::size_t window() const { return window_; }
  [[nodiscard]] std::string digest() const {
    return Sha256::of(ByteView(octets_).first(used_)).text();
  }

 private:
  void take(ByteView wire, const sockaddr_in& from) {
    Reader reader(wire);
    const auto opcode = reader.u16();
    if (opcode == 5) die("ERROR: " + std::string(as_text(reader.rest())));
    if (opcode == 6 && !started_) {
      agree(reader);
      peer_ = from;
      started_ = true;
      return acknowledge();
    }
    if (opcode != 3) return;
    if (!started_) peer_ = from;
    started_ = true;
    take_block(reader);
  }

  void take_block(Reader& reader) {
    const auto number = reader.u16();
    if (number != static_cast<std::uint16_t>(good_ + 1)) {
      in_window_ = 0;
      if (!std::exchange(gap_, true)) ++again_, acknowledge();
      return;
    }
    gap_ = false;
    ++good_;
    const auto payload = reader.rest();
    if (used_ + payload.size() > octets_.size()) die("the file is longer than was said");
    std::memcpy(octets_.data() + used_, payload.data(), payload.size());
    used_ += payload.size();
    done_ = payload.size() < block_;
    if (done_ || ++in_window_ >= window_) {
      in_window_ = 0;
      acknowledge();
    }
  }

  void agree(Reader& reader) {
    while (reader.left() > 0) {
      const auto option = reader.c_string();
      const auto text = reader.c_string();
      std::size_t value = 0;
      const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
      if (reader.failed() || parsed.ec != std::errc{}) die("a bad OACK");
      if (option == "blksize") block_ = value;
      if (option == "windowsize") window_ = value;
    }
  }

  void acknowledge() {
    std::array<std::uint8_t, 4> wire{};
    Writer writer(wire);
    writer.u16(4);
    writer.u16(static_cast<std::uint16_t>(good_));
    send(wire);
  }

  // What is lost is asked for again after kSilence.
  void send(ByteView wire) const {
    (void)::sendto(fd_, wire.data(), wire.size(), 0, reinterpret_cast<const sockaddr*>(&peer_),
                   sizeof peer_);
  }

  const Wanted& wanted_;
  sockaddr_in peer_;
  int fd_ = -1;
  std::vector<std::uint8_t> octets_;
  std::size_t used_ = 0, good_ = 0, block_ = 512, window_ = 1, in_window_ = 0, again_ = 0;
  bool started_ = false, done_ = false, gap_ = false;
  int silences_ = 0;
  Clock::time_point heard_ = Clock::now();
};

using Downloads = std::vector<std::unique_ptr<Download>>;

void run(Downloads& downloads) {
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  for (const auto& one : downloads) {
    epoll_event event{.events = EPOLLIN, .data = {.ptr = one.get()}};
    if (::epoll_ctl(poll, EPOLL_CTL_ADD, one->descriptor(), &event) != 0) die("epoll");
  }
  const auto inbox = std::make_unique<Inbox>();
  std::array<epoll_event, 64> events{};
  std::size_t open = downloads.size();
  for (const auto& one : downloads) one->ask();
  while (open > 0) {
    const auto ready = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), 200);
    for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(ready, 0)); ++i) {
      auto& one = *static_cast<Download*>(events[i].data.ptr);
      const bool was_done = one.done();
      one.take_all(*inbox);
      if (one.done() && !was_done) --open;
    }
    const auto now = Clock::now();
    for (const auto& one : downloads) one->on_silence(now);
  }
  ::close(poll);
}

void print(const Downloads& downloads, std::chrono::duration<double> took) {
  std::size_t octets = 0, again = 0;
  std::set<std::string> digests;
  for (const auto& one : downloads) {
    octets += one->size(), again += one->again();
    digests.insert(one->digest());
  }
  std::string list;
  for (const auto& digest : digests) list += (list.empty() ? "\"" : ", \"") + digest + "\"";
  const auto& first = *downloads.front();
  std::printf(
      "{\"seconds\": %.6f, \"octets\": %zu, \"blksize\": %zu, \"window\": %zu, \"again\": %zu, "
      "\"sha256\": [%s]}\n",
      took.count(), octets, first.block(), first.window(), again, list.c_str());
}

}  // namespace

int main(int count, char** words) {
  if (count != 8) die("ADDRESS PORT NAME BLKSIZE WINDOW CLIENTS OCTETS");
  Wanted wanted{.name = words[3], .block = words[4], .window = words[5]};
  wanted.server.sin_family = AF_INET;
  wanted.server.sin_port = htons(static_cast<std::uint16_t>(std::atoi(words[2])));
  if (::inet_pton(AF_INET, words[1], &wanted.server.sin_addr) != 1) die("a bad address");
  wanted.octets = std::strtoull(words[7], nullptr, 10);
  Downloads downloads;
  for (int i = 0; i < std::max(1, std::atoi(words[6])); ++i) {
    downloads.push_back(std::make_unique<Download>(wanted));
  }
  const auto began = Clock::now();
  run(downloads);
  print(downloads, Clock::now() - began);
}
