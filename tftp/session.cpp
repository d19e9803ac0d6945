#include "tftp/session.hpp"

#include <algorithm>

namespace slipway::tftp {
namespace {

// One datagram without a payload.
Burst single(const Writer& writer) { return {.datagrams = 1, .headers = writer.written()}; }

}  // namespace

Session::Session(std::shared_ptr<const Source> source, Terms terms, TimePoint now)
    : source_(std::move(source)),
      terms_(terms),
      size_octets_(source_->size_octets()),
      block_octets_(terms.block_octets.value_or(512)),
      window_blocks_(terms.window_blocks.value_or(1)),
      // A file that fills its blocks exactly ends with an empty one, hence the + 1.
      last_block_(size_octets_ / block_octets_ + 1),
      oack_due_(terms.any()),
      oack_acked_(!terms.any()),
      ends_at_(now + kMaxDuration) {
  wait_from(now);
}

void Session::on_datagram(ByteView wire, TimePoint now) {
  if (status_ != Status::running) return;
  const auto answer = parse_answer(wire);
  if (!answer) return;
  if (answer->kind == Answer::Kind::error) {
    client_error_ = ErrorCode{answer->number};
    status_ = Status::client_aborted;
    return;
  }
  on_ack(answer->number, now);
}

void Session::on_ack(std::uint16_t wire_block, TimePoint now) {
  if (!oack_acked_) {
    if (wire_block != 0 || oack_due_) return;
    oack_acked_ = true;
  } else {
    // Block numbers wrap at 65536; the window is far shorter, so the distance is unambiguous.
    const auto ahead = static_cast<std::uint16_t>(wire_block - static_cast<std::uint16_t>(acked_));
    if (ahead == 0 || acked_ + ahead >= next_) return;
    acked_ += ahead;
    // An ACK inside the window asks for the rest of it anew (RFC 7440 s.4).
    next_ = acked_ + 1;
  }
  answered_ = true;
  tries_ = 1;
  wait_from(now);
  if (acked_ == last_block_) status_ = Status::done;
}

void Session::wait_from(TimePoint now) {
  const std::chrono::seconds agreed = terms_.retry_after.value_or(kRetryAfter);
  if (answered_) {
    deadline_ = now + agreed;
  } else {
    // A forged request must not hold its place for the 255 s that it asks for.
    deadline_ = now + (tries_ < kMaxUnansweredTries ? kRetryAfter : kLastPatience);
  }
  deadline_ = std::min(deadline_, ends_at_);
}

void Session::on_deadline(TimePoint now) {
  if (status_ != Status::running || now < deadline_) return;
  const int most = answered_ ? kMaxTries : kMaxUnansweredTries;
  if (tries_ >= most || now >= ends_at_) {
    status_ = answered_ ? Status::timed_out : Status::unanswered;
    return;
  }
  ++tries_;
  send_again();
  wait_from(now);
}

void Session::send_again() {
  if (!oack_acked_) oack_due_ = true;
  next_ = acked_ + 1;
}

Burst Session::take(Outbox& out) {
  if (status_ != Status::running) return {};
  if (oack_due_) {
    oack_due_ = false;
    Writer writer(out.headers);
    write_oack(writer, terms_, size_octets_);
    return single(writer);
  }
  const auto end = std::min(acked_ + window_blocks_, last_block_) + 1;
  if (!oack_acked_ || next_ >= end) return {};
  const auto fit = Outbox::kMaxOctets / (kDataHeaderOctets + block_octets_);
  const auto most = std::min(fit, Outbox::kMaxDatagrams);
  return take_blocks(out, std::min(end, next_ + most));
}

// The blocks from next_ to before `end`.
Burst Session::take_blocks(Outbox& out, std::uint64_t end) {
  const auto blocks = static_cast<std::size_t>(end - next_);
  const auto offset = (next_ - 1) * block_octets_;
  const auto payload = std::span(out.payload)
                           .first(static_cast<std::size_t>(std::min<std::uint64_t>(
                               blocks * block_octets_, size_octets_ - offset)));
  const auto got = source_->read(offset, payload);
  Writer writer(out.headers);
  if (!got || *got != payload.size()) {
    status_ = Status::source_failed;
    write_error(writer, ErrorCode::undefined, "the server cannot read the file");
    return single(writer);
  }
  for (; next_ < end; ++next_) {
    writer.u16(static_cast<std::uint16_t>(Opcode::data));
    writer.u16(static_cast<std::uint16_t>(next_));
  }
  return {.datagrams = blocks,
          .headers = writer.written(),
          .payload = payload,
          .payload_octets = block_octets_};
}

}  // namespace slipway::tftp
