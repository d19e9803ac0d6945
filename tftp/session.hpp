// tftp/session.hpp -- one read transfer, without I/O. RFC 1350; options RFC 2347, 2348, 2349, 7440.
//
// The owner feeds datagrams and the time in, and takes datagrams and a deadline out, so every
// loss, delay and duplicate is a plain unit test. transfer.cpp is the file with a socket.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>

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

  // Writes the next datagram to send into `out`, which needs max_datagram_octets(), and returns
  // its length; 0 when there is none. To be called until it is 0. When the file cannot be read on,
  // the datagram is the ERROR that says so and the session has ended.
  [[nodiscard]] std::size_t take(std::span<std::uint8_t> out);

  [[nodiscard]] std::size_t max_datagram_octets() const;
  [[nodiscard]] TimePoint deadline() const { return deadline_; }
  [[nodiscard]] Status status() const { return status_; }
  [[nodiscard]] bool answered() const { return answered_; }  // the client is no forgery
  [[nodiscard]] std::uint64_t size_octets() const { return size_octets_; }
  // The code of the ERROR with which the client aborted.
  [[nodiscard]] ErrorCode client_error() const { return client_error_; }

 private:
  void on_ack(std::uint16_t wire_block, TimePoint now);
  void send_again();
  void wait_from(TimePoint now);
  [[nodiscard]] std::size_t take_block(std::span<std::uint8_t> out);

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
