// Load for a DHCP server: boot clients that ask, and floods of clients that nobody knows.
//
//   dhcp_load INTERFACE ADDRESS:PORT outstanding|rate|flood NUMBER SECONDS
//
// `outstanding`: so many requests are under way at any time. `rate`: so many are begun each second,
// in equal steps. Both are asked by 40 clients in turn, UEFI firmware with MACs that begin with
// 52:54; only answers to those are taken, by a filter in the kernel. `flood`: so many a second with
// random MACs that begin with 02:00, whose answers nobody takes. To 255.255.255.255 they are
// DISCOVERs, to any other address requests to a boot server. A request without an answer within a
// second is lost. Prints one JSON object.
#include <linux/filter.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <random>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/udp.hpp"
#include "dhcp/packet.hpp"

namespace {

using namespace slipway;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{1};
constexpr std::uint32_t kClients = 40;
constexpr std::uint16_t kOurs = 0x5254;  // the first octets of our MACs
constexpr Ipv4 kEveryone{{255, 255, 255, 255}};
constexpr std::uint32_t kUdpHeaderOctets = 8, kChaddrAt = 28;

[[noreturn]] void die(const std::string& why) {
  std::cerr << "dhcp_load: " << why << "\n";
  std::exit(1);
}

struct Job {
  std::string interface, kind;
  Endpoint server;
  double number = 0, seconds = 0;
};

struct Tally {
  std::uint64_t begun = 0, lost = 0;
  std::vector<std::uint32_t> nanoseconds;  // of each answer
  double seconds = 0;
};

// Answers to the flood must not cost the client anything.
void take_ours_only(int fd) {
  std::array<sock_filter, 4> code{{
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, kUdpHeaderOctets + kChaddrAt),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kOurs, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0xffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  }};
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) {
    die("filtering answers");
  }
}

class Asker {
 public:
  explicit Asker(Job job) : job_(std::move(job)) {
    const auto fd = open_udp({.interface = job_.interface,
                              .local = {.address = {}, .port = 68},
                              .broadcast = true,
                              .share_port = true});
    if (!fd) die(fd.error().text());
    fd_ = *fd;
    const int room = 8U << 20U;
    (void)::setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);  // root's bench
    take_ours_only(fd_);
  }

  void ask(const Mac& mac, std::uint32_t xid) {
    const bool discovers = job_.server.address == kEveryone;
    const std::uint8_t type = discovers ? 1 : 3;
    constexpr std::array<std::uint8_t, 2> kUefiX64{0, 7};
    constexpr std::array<std::uint8_t, 3> kUndi{1, 3, 0};
    constexpr std::array<std::uint8_t, 17> kUuid{0, 1};
    std::array<std::uint8_t, 548> out;
    dhcp::Header header;
    header.op = dhcp::Op::request;
    header.xid = xid;
    header.flags = discovers ? dhcp::kBroadcastFlag : std::uint16_t{0};
    header.mac = mac;
    if (!discovers) header.ciaddr = *Ipv4::parse("10.89.0.2");
    dhcp::Composer composer(out, header);
    composer.option(dhcp::Option::message_type, ByteView(&type, 1));
    composer.option(dhcp::Option::client_uuid, kUuid);
    composer.option(dhcp::Option{94}, kUndi);
    composer.option(dhcp::Option::client_arch, kUefiX64);
    composer.option(dhcp::Option::vendor_class, "PXEClient:Arch:00007:UNDI:003000");
    const auto octets = composer.finish().value();
    // A full queue of the kernel is a lost request, as on a wire.
    (void)send_udp(fd_, ByteView(out).first(octets), {.to = job_.server});
  }

  void begin(Clock::time_point now) {
    const auto xid = static_cast<std::uint32_t>(++tally.begun);
    Mac mac{{0x52, 0x54, 0, 0xbe, 0, static_cast<std::uint8_t>(xid % kClients)}};
    waiting_.emplace(xid, now);
    ask(mac, xid);
  }

  // Takes what arrived until then, or at once when something did.
  void receive(Clock::time_point until) {
    const auto left = std::max(std::chrono::microseconds(0),
                               std::chrono::ceil<std::chrono::microseconds>(until - Clock::now()));
    pollfd ready{.fd = fd_, .events = POLLIN, .revents = 0};
    const timespec wait{.tv_sec = left.count() / 1'000'000,
                        .tv_nsec = left.count() % 1'000'000 * 1000};
    if (::ppoll(&ready, 1, &wait, nullptr) <= 0) return;
    std::array<std::uint8_t, 2048> in;
    Arrived arrived;
    while (receive_udp(fd_, in, arrived) == Receive::datagram) {
      const auto answer = dhcp::parse(ByteView(in).first(arrived.octets));
      if (!answer || answer->op != dhcp::Op::reply) continue;
      const auto asked = waiting_.find(answer->xid);
      if (asked == waiting_.end()) continue;  // of a second server, or too late
      const std::chrono::nanoseconds took = Clock::now() - asked->second;
      tally.nanoseconds.push_back(static_cast<std::uint32_t>(took.count()));
      waiting_.erase(asked);
    }
  }

  void give_up(Clock::time_point now) {
    tally.lost +=
        std::erase_if(waiting_, [&](const auto& each) { return now - each.second > kPatience; });
  }

  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  Tally tally;

 private:
  Job job_;
  int fd_ = -1;
  std::unordered_map<std::uint32_t, Clock::time_point> waiting_;
};

void keep_outstanding(Asker& asker, const Job& job, Clock::time_point end) {
  const auto most = static_cast<std::size_t>(job.number);
  auto look = Clock::now();
  while (Clock::now() < end) {
    while (asker.waiting() < most) asker.begin(Clock::now());
    asker.receive(Clock::now() + std::chrono::milliseconds(20));
    if (Clock::now() - look < std::chrono::milliseconds(100)) continue;
    look = Clock::now();
    asker.give_up(look);
  }
}

void keep_rate(Asker& asker, const Job& job, Clock::time_point end) {
  const auto pause =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / job.number));
  auto next = Clock::now();
  while (next < end) {
    asker.receive(next);
    if (Clock::now() < next) continue;
    asker.begin(Clock::now());
    next += pause;
  }
}

// In bursts of a millisecond, so that the clock is not asked for each.
void flood(Asker& asker, const Job& job, Clock::time_point end) {
  std::mt19937 random(1);  // the same strangers in each run
  const auto began = Clock::now();
  std::uint64_t sent = 0;
  for (auto now = began; now < end; now = Clock::now()) {
    const auto due =
        static_cast<std::uint64_t>(std::chrono::duration<double>(now - began).count() * job.number);
    for (; sent < due; ++sent) {
      Mac mac{{0x02, 0, 0, 0, 0, 0}};
      Writer(std::span(mac.octets).subspan(2)).u32(static_cast<std::uint32_t>(random()));
      asker.ask(mac, static_cast<std::uint32_t>(random()));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  asker.tally.begun = sent;
}

double microseconds(std::vector<std::uint32_t>& values, double part) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(part * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, values.begin() + at);
  return values[static_cast<std::size_t>(at)] / 1000.0;
}

Job read_job(const std::vector<std::string>& words) {
  Job job{.interface = words[1], .kind = words[3], .server = {}};
  const auto colon = words[2].find(':');
  const auto address = Ipv4::parse(words[2].substr(0, colon));
  if (colon == std::string::npos || !address) die("ADDRESS:PORT is wrong");
  job.server = {*address, static_cast<std::uint16_t>(std::stoul(words[2].substr(colon + 1)))};
  job.number = std::stod(words[4]);
  job.seconds = std::stod(words[5]);
  return job;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv, argv + argc);
  if (words.size() != 6) die("INTERFACE ADDRESS:PORT outstanding|rate|flood NUMBER SECONDS");
  const auto job = read_job(words);
  Asker asker(job);
  const auto began = Clock::now();
  const auto end = began + std::chrono::duration_cast<Clock::duration>(
                               std::chrono::duration<double>(job.seconds));
  if (job.kind == "outstanding") keep_outstanding(asker, job, end);
  if (job.kind == "rate") keep_rate(asker, job, end);
  if (job.kind == "flood") flood(asker, job, end);
  asker.tally.seconds = std::chrono::duration<double>(Clock::now() - began).count();
  while (job.kind != "flood" && asker.waiting() > 0) {
    asker.receive(Clock::now() + std::chrono::milliseconds(100));
    asker.give_up(Clock::now());
  }
  auto& tally = asker.tally;
  std::cout << "{\"begun\": " << tally.begun << ", \"answered\": " << tally.nanoseconds.size()
            << ", \"lost\": " << tally.lost << ", \"seconds\": " << tally.seconds
            << ", \"p50_us\": " << microseconds(tally.nanoseconds, 0.5)
            << ", \"p99_us\": " << microseconds(tally.nanoseconds, 0.99) << "}\n";
  return 0;
}
