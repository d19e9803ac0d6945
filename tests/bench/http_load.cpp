// Load for an HTTP/1.1 server: N connections, each with one request at a time, kept alive.
//
//   http_load ADDRESS:PORT CONNECTIONS SECONDS|REQUESTSx REQUEST-FILE [SOURCE-ADDRESS]
//
// The file holds requests, one a line: TARGET, or TARGET FIRST-LAST for a range. They are sent in
// turn. Every answer must have the right status and its whole length; bodies up to 64 KiB must be
// the same each time that a target is asked for, larger ones are thrown away in the kernel
// (MSG_TRUNC), so that the client costs as little as it can. Prints one JSON object.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/net.hpp"
#include "http/head.hpp"

namespace {

using namespace slipway;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kComparedOctets = 65'536;

[[noreturn]] void die(const std::string& why) {
  std::cerr << "http_load: " << why << "\n";
  std::exit(1);
}

struct Order {
  std::string message;
  int status = 200;
  std::string body;  // of the first answer, when it is short
  bool is_known = false;
};

struct Job {
  sockaddr_in server{}, source{};
  std::size_t connections = 1;
  double seconds = 0;          // 0: by `requests`
  std::uint64_t requests = 0;  // 0: by `seconds`
  std::vector<Order> orders;
};

struct Tally {
  std::uint64_t begun = 0, done = 0, octets = 0;
  std::vector<std::uint32_t> microseconds;  // of each request
};

class Client {
 public:
  Client(Job& job, Tally& tally, int poll) : job_(job), tally_(tally) {
    descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto* source = reinterpret_cast<const sockaddr*>(&job.source);
    if (::bind(descriptor_, source, sizeof(job.source)) != 0) die(std::strerror(errno));
    const auto* address = reinterpret_cast<const sockaddr*>(&job.server);
    if (::connect(descriptor_, address, sizeof(job.server)) != 0) die(std::strerror(errno));
    const int yes = 1;
    (void)::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    epoll_event event{.events = EPOLLIN, .data = {.ptr = this}};
    if (::epoll_ctl(poll, EPOLL_CTL_ADD, descriptor_, &event) != 0) die(std::strerror(errno));
  }

  // False when there is nothing more to ask for.
  bool ask(Clock::time_point now) {
    if (job_.requests > 0 && tally_.begun == job_.requests) return false;
    order_ = &job_.orders[tally_.begun++ % job_.orders.size()];
    began_ = now;
    head_.clear();
    has_head_ = false;
    const auto& message = order_->message;
    if (::send(descriptor_, message.data(), message.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(message.size())) {
      die("sending: " + std::string(std::strerror(errno)));
    }
    return true;
  }

  // What has arrived; true when the answer is whole.
  bool receive() { return has_head_ && !is_compared_ ? discard() : collect(); }

  void finish(Clock::time_point now) {
    if (is_compared_) compare();
    ++tally_.done;
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(now - began_).count();
    tally_.microseconds.push_back(static_cast<std::uint32_t>(took));
  }

 private:
  bool collect() {
    std::array<char, kComparedOctets> buffer;
    const auto count = ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return false;
    if (count <= 0) die("the server closed the connection");
    head_.append(buffer.data(), static_cast<std::size_t>(count));
    if (!has_head_ && !read_head()) return false;
    if (head_.size() - head_octets_ > body_octets_) die("more than the answer arrived");
    left_ = body_octets_ - (head_.size() - head_octets_);
    return left_ == 0;
  }

  bool read_head() {
    const auto head = http::parse_response_head(head_);
    if (!head) die("a broken answer: " + head.error().message());
    if (!*head) return false;
    if ((*head)->status != order_->status) die("status " + std::to_string((*head)->status));
    if (!(*head)->content_length) die("an answer without a length");
    has_head_ = true;
    head_octets_ = (*head)->octets;
    body_octets_ = *(*head)->content_length;
    is_compared_ = body_octets_ <= kComparedOctets;
    tally_.octets += body_octets_;
    return true;
  }

  bool discard() {
    constexpr std::size_t kTurnOctets = 4U << 20U;
    const auto count = ::recv(descriptor_, nullptr, std::min<std::uint64_t>(left_, kTurnOctets),
                              MSG_TRUNC | MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return false;
    if (count <= 0) die("an answer was cut short");
    left_ -= static_cast<std::uint64_t>(count);
    return left_ == 0;
  }

  void compare() {
    const auto body = std::string_view(head_).substr(head_octets_);
    if (order_->is_known && order_->body != body) die("another body than before");
    if (order_->is_known) return;
    order_->body = body;
    order_->is_known = true;
  }

  Job& job_;
  Tally& tally_;
  int descriptor_ = -1;
  Order* order_ = nullptr;
  Clock::time_point began_;
  std::string head_;  // and the body, when it is compared
  std::size_t head_octets_ = 0;
  std::uint64_t body_octets_ = 0, left_ = 0;
  bool has_head_ = false, is_compared_ = false;
};

Order order_of(const std::string& line, const std::string& host) {
  Order order;
  const auto space = line.find(' ');
  order.message = "GET " + line.substr(0, space) + " HTTP/1.1\r\nHost: " + host + "\r\n";
  if (space != std::string::npos) {
    order.status = 206;
    order.message += "Range: bytes=" + line.substr(space + 1) + "\r\n";
  }
  order.message += "\r\n";
  return order;
}

sockaddr_in address_of(const std::string& text, std::uint16_t port) {
  const auto address = Ipv4::parse(text);
  if (!address) die("not an IPv4 address: " + text);
  sockaddr_in made{};
  made.sin_family = AF_INET;
  made.sin_addr.s_addr = htonl(address->number());
  made.sin_port = htons(port);
  return made;
}

Job read_job(const std::vector<std::string>& words) {
  Job job;
  const auto& host = words[1];
  const auto colon = host.find(':');
  if (colon == std::string::npos) die("ADDRESS:PORT is wrong");
  const auto port = static_cast<std::uint16_t>(std::stoul(host.substr(colon + 1)));
  job.server = address_of(host.substr(0, colon), port);
  job.source = address_of(words.size() > 5 ? words[5] : "0.0.0.0", 0);
  job.connections = std::stoul(words[2]);
  const auto& amount = words[3];
  if (amount.ends_with('x')) {
    job.requests = std::stoull(amount);
  } else {
    job.seconds = std::stod(amount);
  }
  std::ifstream file(words[4]);
  for (std::string line; std::getline(file, line);) job.orders.push_back(order_of(line, host));
  if (job.orders.empty()) die("no requests");
  return job;
}

void run(Job& job, Tally& tally) {
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<Client> clients;
  clients.reserve(job.connections);  // the kernel knows them by their place
  for (std::size_t i = 0; i < job.connections; ++i) clients.emplace_back(job, tally, poll);
  const auto end = Clock::now() + std::chrono::duration<double>(job.seconds);
  std::size_t working = 0;
  for (auto& client : clients) working += client.ask(Clock::now()) ? 1U : 0U;
  std::array<epoll_event, 64> events{};
  while (working > 0) {
    const int ready = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), 30'000);
    if (ready <= 0) die("nothing arrived for 30 s");
    const auto now = Clock::now();
    for (int i = 0; i < ready; ++i) {
      auto& client = *static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (!client.receive()) continue;
      client.finish(now);
      const bool goes_on = (job.requests > 0 || now < end) && client.ask(now);
      if (!goes_on) --working;
    }
  }
  (void)::close(poll);
}

std::uint32_t quantile(std::vector<std::uint32_t>& values, double part) {
  const auto at = static_cast<std::ptrdiff_t>(part * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, values.begin() + at);
  return values[static_cast<std::size_t>(at)];
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv, argv + argc);
  if (argc < 5 || argc > 6) {
    die("ADDRESS:PORT CONNECTIONS SECONDS|REQUESTSx REQUEST-FILE [SOURCE-ADDRESS]");
  }
  auto job = read_job(words);
  Tally tally;
  const auto began = Clock::now();
  run(job, tally);
  const std::chrono::duration<double> took = Clock::now() - began;
  std::cout << "{\"seconds\": " << took.count() << ", \"requests\": " << tally.done
            << ", \"octets\": " << tally.octets
            << ", \"p50_us\": " << quantile(tally.microseconds, 0.5)
            << ", \"p99_us\": " << quantile(tally.microseconds, 0.99) << "}\n";
  return 0;
}
