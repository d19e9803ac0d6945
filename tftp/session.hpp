// tftp/session.hpp -- one read transfer, without I/O. RFC 1350; options RFC 2347, 2348, 2349, 7440.
//
// The owner feeds datagrams and the time in, and takes datagrams and a deadline out, so every
// loss, delay and duplicate is a plain unit test. transfer.cpp is the file with a socket.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>

#include "base/burst.hpp"
#include "base/bytes.hpp"
#include "tftp/files.hpp"
#include "tftp/options.hpp"
#include "tftp/packet.hpp"

namespace slipway::tftp {

using TimePoint = std::chrono::steady_clock::time_point;

enum class Status : std::uint8_t {
  running,
  done,            // the last block was acknowledged
  client_aborted,  // the client sent an ERROR
  unanswered,      // no ACK ever came: perhaps nobody asked, and the source was forged
  timed_out,       // the client went silent in mid-transfer
  source_failed,   // the file could not be read on; the client was told
};

// Room for what take() gives; one serves all transfers of a server.
struct Outbox {
  static constexpr std::size_t kMaxDatagrams = 64;
  // The kernel cuts at most one IPv4 datagram's worth of payload into segments.
  static constexpr std::size_t kMaxOctets = 65507;
  std::array<std::uint8_t, kMaxDatagrams * kDataHeaderOctets> headers;  // or an OACK, or an ERROR
  std::array<std::uint8_t, kMaxOctets> payload;
};

class Session {
 public:
  // Sends of one window before giving up on a client that has answered before.
  static constexpr int kMaxTries = 6;
  // Datagrams to a client that has not answered yet: a forged request buys no more than this.
  static constexpr int kMaxUnansweredTries = 2;
  // Unless the client chose another (option timeout).
  static constexpr std::chrono::seconds kRetryAfter{1};
  // After the second unanswered datagram; a slow ROM may be busy clearing memory.
  static constexpr std::chrono::seconds kLastPatience{4};
  // A transfer that is still going on after this long is cut.
  static constexpr std::chrono::minutes kMaxDuration{30};

  Session(std::shared_ptr<const Source> source, Terms terms, TimePoint now);

  // One datagram from the client's transfer ID. A duplicate ACK is passed over, not answered:
  // that is the Sorcerer's Apprentice fix (RFC 1123 s.4.2.3.1). So is what is no ACK or ERROR.
  void on_datagram(ByteView wire, TimePoint now);

  // The time has come: to be called once now >= deadline(). Earlier calls do nothing.
  void on_deadline(TimePoint now);

  // The next datagrams to send, in `out`: as much of the window as fits, read from the file by one
  // call. To be called until there are none. When the file cannot be read on, it is the ERROR that
  // says so and the session has ended.
  [[nodiscard]] Burst take(Outbox& out);

  [[nodiscard]] TimePoint deadline() const { return deadline_; }
  [[nodiscard]] TimePoint started_at() const { return ends_at_ - kMaxDuration; }
  [[nodiscard]] Status status() const { return status_; }
  [[nodiscard]] bool answered() const { return answered_; }  // the client is no forgery
  [[nodiscard]] std::uint64_t size_octets() const { return size_octets_; }
  // The code of the ERROR with which the client aborted.
  [[nodiscard]] ErrorCode client_error() const { return client_error_; }

 private:
  void on_ack(std::uint16_t wire_block, TimePoint now);
  void send_again();
  void wait_from(TimePoint now);
  [[nodiscard]] Burst take_blocks(Outbox& out, std::uint64_t end);

  std::shared_ptr<const Source> source_;
  Terms terms_;
  std::uint64_t size_octets_;
  std::uint16_t block_octets_;
  std::uint16_t window_blocks_;
  std::uint64_t last_block_;  // the short one that ends the file, counted from 1 without wrap
  std::uint64_t acked_ = 0;   // every block up to this one has arrived
  std::uint64_t next_ = 1;    // the block that take() gives next
  bool oack_due_;
  bool oack_acked_;
  bool answered_ = false;
  int tries_ = 1;
  TimePoint deadline_;
  TimePoint ends_at_;
  Status status_ = Status::running;
  ErrorCode client_error_ = ErrorCode::undefined;
};

}  // namespace slipway::tftp
