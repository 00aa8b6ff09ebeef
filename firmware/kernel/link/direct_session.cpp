// See direct_session.hpp.
#include "firmware/kernel/link/direct_session.hpp"

#include <algorithm>

namespace microvisor::firmware::link {

void DirectSession::start(std::uint64_t now) {
  io_.restart();
  streams_.connection_started();
  started_ = now;
}

bool DirectSession::step(std::uint64_t now) {
  if (!host_.network_wanted()) {
    end_ = DirectEnd::NotWanted;
    return false;
  }
  bool any = read_frames(now);
  if (end_ != DirectEnd::None) return false;
  any |= streams_.step(io_, now);
  stood_ = stood_ || streams_.attached();
  if (io_.ended()) {
    end_ = DirectEnd::Lost;
  } else if (last_stream_ != 0 && !streams_.any()) {
    end_ = DirectEnd::Finished;
  } else if (!stood_ && now >= started_ + kPatience) {
    end_ = DirectEnd::NoSession;
  }
  return any;
}

std::uint64_t DirectSession::next_deadline(std::uint64_t now) const {
  const std::uint64_t due = std::min(streams_.next_deadline(now), host_.wish_changes_at());
  return stood_ ? due : std::min(due, started_ + kPatience);
}

/// A bounded number, so that a line which is never silent does not keep the session from its work.
bool DirectSession::read_frames(std::uint64_t now) {
  constexpr unsigned kAtOnce = 4;
  for (unsigned count = 0; count < kAtOnce && end_ == DirectEnd::None; ++count) {
    const Received received = io_.receive();
    if (received == Received::Nothing) return count != 0;
    end_ = received == Received::Broken ? DirectEnd::Protocol : take(io_.in(), now);
  }
  return true;
}

/// Frames of streams that are gone on our side are the tail of what was under way, as on the link.
DirectEnd DirectSession::take(const Frame& frame, std::uint64_t now) {
  bool violation = false;
  switch (frame.which_kind) {
    case microvisor_link_Frame_open_tag: return open(frame, now);
    case microvisor_link_Frame_data_tag:
      static_cast<void>(
          streams_.received(frame.stream, {frame.kind.data.bytes, frame.kind.data.size}, violation));
      return violation ? DirectEnd::Protocol : DirectEnd::None;
    case microvisor_link_Frame_credit_tag:
      static_cast<void>(streams_.credited(frame.stream, frame.kind.credit.bytes));
      return DirectEnd::None;
    case microvisor_link_Frame_close_tag:
      static_cast<void>(streams_.closed(frame.stream));
      return DirectEnd::None;
    default: return DirectEnd::Protocol;
  }
}

/// Even numbers, none of them used again.
DirectEnd DirectSession::open(const Frame& frame, std::uint64_t now) {
  const microvisor_link_Open& message = frame.kind.open;
  const bool allowed = message.service == microvisor_link_Service_SERVICE_DEBUG && frame.stream % 2 == 0 &&
                       frame.stream > last_stream_;
  if (!allowed) return DirectEnd::Protocol;
  last_stream_ = frame.stream;
  return streams_.open(io_, frame.stream, message.credit, now) ? DirectEnd::None : DirectEnd::Lost;
}

}  // namespace microvisor::firmware::link
