// The limit of the TFTP bench: one client at a time, a file mapped into memory, a blocking socket,
// and UDP GSO where the kernel has it. No names are checked; a window is sent again after a second.
//
//   tftp_limit ADDRESS PORT FOLDER

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/bytes.hpp"
#include "base/descriptor.hpp"
#include "base/net.hpp"
#include "base/udp_burst.hpp"

using namespace slipway;

namespace {

struct Asked {
  Endpoint peer{};
  std::string name{};
  std::size_t block = 512, window = 1;
};

Endpoint endpoint_of(const sockaddr_in& from) {
  return {Ipv4::from_number(ntohl(from.sin_addr.s_addr)), ntohs(from.sin_port)};
}

int open_socket(const char* address, int port) {
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_port = htons(static_cast<std::uint16_t>(port));
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const timeval patience{.tv_sec = 1, .tv_usec = 0};
  if (port == 0) (void)::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::inet_pton(AF_INET, address, &local.sin_addr) != 1 ||
      ::bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0) {
    std::perror("tftp_limit: bind");
    std::exit(1);
  }
  return fd;
}

Asked read_request(int fd) {
  std::array<std::uint8_t, 1024> in{};
  sockaddr_in from{};
  socklen_t length = sizeof from;
  const auto got =
      ::recvfrom(fd, in.data(), in.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
  Asked asked{.peer = endpoint_of(from)};
  Reader reader(ByteView(in).first(static_cast<std::size_t>(std::max<ssize_t>(got, 0))));
  if (reader.u16() != 1) return {};
  asked.name = reader.c_string();
  (void)reader.c_string();
  while (reader.left() > 0 && !reader.failed()) {
    const auto option = reader.c_string();
    const auto value = std::strtoul(std::string(reader.c_string()).c_str(), nullptr, 10);
    if (option == "blksize") asked.block = value;
    if (option == "windowsize") asked.window = value;
  }
  return asked;
}

std::size_t send_oack(int fd, const Asked& asked) {
  std::string wire("\0\6", 2);
  wire += "blksize";
  wire += '\0' + std::to_string(asked.block) + '\0' + "windowsize";
  wire += '\0' + std::to_string(asked.window) + '\0';
  BurstSender sender;
  return sender.send(fd, {.datagrams = 1, .headers = as_bytes(wire)}, {.to = asked.peer});
}

// Block numbers from `first`, as many as one call takes; returns how many.
std::size_t send_part(int fd, const Asked& asked, ByteView file, std::size_t first,
                      std::size_t most) {
  static BurstSender sender;
  std::array<std::uint8_t, 4 * BurstSender::kMaxDatagrams> headers;
  const auto fit = BurstSender::kMaxOctets / (4 + asked.block);
  const auto count = std::min({most, fit, BurstSender::kMaxDatagrams});
  Writer writer(headers);
  for (std::size_t i = 0; i < count; ++i) {
    writer.u16(3);
    writer.u16(static_cast<std::uint16_t>(first + i));
  }
  const auto at = (first - 1) * asked.block;
  const auto octets = std::min(count * asked.block, file.size() - at);
  return sender.send(fd,
                     {.datagrams = count,
                      .headers = writer.written(),
                      .payload = file.subspan(at, octets),
                      .payload_octets = asked.block},
                     {.to = asked.peer});
}

void send_window(int fd, const Asked& asked, ByteView file, std::size_t acked) {
  const auto last = file.size() / asked.block + 1;
  const auto end = std::min(acked + asked.window, last) + 1;
  for (auto next = acked + 1; next < end;) {
    const auto sent = send_part(fd, asked, file, next, end - next);
    if (sent == 0) return;
    next += sent;
  }
}

void serve(int fd, const Asked& asked, ByteView file) {
  const auto last = file.size() / asked.block + 1;
  std::size_t acked = 0;
  bool started = false;
  (void)send_oack(fd, asked);
  std::array<std::uint8_t, 64> in{};
  for (int silences = 0; acked < last && silences < 10;) {
    const auto got = ::recv(fd, in.data(), in.size(), 0);
    if (got >= 4 && in[1] != 4) return;
    std::size_t ahead = 0;
    if (got < 4) {
      ++silences;
    } else {
      const auto block = static_cast<std::uint16_t>(in[2] << 8 | in[3]);
      ahead = static_cast<std::uint16_t>(block - static_cast<std::uint16_t>(acked));
      // A repeated ACK would double the transfer.
      if (ahead > asked.window || (started && ahead == 0)) continue;
      started = true;
    }
    acked += ahead;
    send_window(fd, asked, file, acked);
  }
}

}  // namespace

int main(int count, char** words) {
  if (count != 4) return 2;
  const int port69 = open_socket(words[1], std::atoi(words[2]));
  for (;;) {
    const auto asked = read_request(port69);
    const Descriptor file(::open((words[3] + ("/" + asked.name)).c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status{};
    if (asked.name.empty() || file.get() < 0 || ::fstat(file.get(), &status) != 0) continue;
    const auto octets = static_cast<std::size_t>(status.st_size);
    void* at = ::mmap(nullptr, octets, PROT_READ, MAP_SHARED | MAP_POPULATE, file.get(), 0);
    if (at == MAP_FAILED) continue;
    const Descriptor transfer(open_socket(words[1], 0));
    serve(transfer.get(), asked, {static_cast<const std::uint8_t*>(at), octets});
    (void)::munmap(at, octets);
  }
}
