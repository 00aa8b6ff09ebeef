// A record is dealt with when its last byte has come, in the buffer that it came to.
#include "protocol/debug/channel.hpp"

#include <algorithm>

namespace microvisor::protocol::debug {

void Channel::start() { end(State::Handshake); }

/// Whatever was under way is forgotten.
void Channel::end(State state) {
  transport_.end();
  state_ = state;
  have_ = 0;
  message_ = {};
  output_ = {};
}

Transport& Channel::open() {
  state_ = State::Open;
  return transport_;
}

void Channel::take_over(Channel& from) {
  end(from.state_);
  transport_.take(from.transport_);
  std::copy(from.message_.begin(), from.message_.end(), in_.begin());
  message_ = in_.first(from.message_.size());
  from.end();
}

std::size_t Channel::push(std::span<const std::uint8_t> bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && !over() && message_.empty()) {
    if (have_ < kLengthBytes) {
      length_[have_++] = bytes[taken++];
      continue;
    }
    const std::size_t size = static_cast<std::size_t>(length_[0]) << 8 | length_[1];
    const std::size_t least = state_ == State::Open ? kTagBytes + 1 : 1;
    if (size < least || size > in_.size()) {
      end(State::Broken);
      break;
    }
    const std::size_t at = have_ - kLengthBytes;
    const std::size_t count = std::min(size - at, bytes.size() - taken);
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(taken), count,
                in_.begin() + static_cast<std::ptrdiff_t>(at));
    taken += count;
    have_ += count;
    if (at + count == size) finish_record();
  }
  return taken;
}

void Channel::finish_record() {
  const std::span<std::uint8_t> record = in_.first(have_ - kLengthBytes);
  have_ = 0;
  message_ = record;
  if (state_ != State::Open) return;
  message_ = record.first(record.size() - kTagBytes);
  Tag tag{};
  std::copy_n(record.end() - kTagBytes, kTagBytes, tag.begin());
  if (!transport_.open(crypto_, message_, tag)) end(State::NotAuthentic);
}

void Channel::message_done() { message_ = {}; }

std::span<std::uint8_t> Channel::room() {
  if (over() || !output_.empty()) return {};
  const std::size_t overhead = kLengthBytes + (state_ == State::Open ? kTagBytes : 0);
  return out_.subspan(kLengthBytes, out_.size() - overhead);
}

void Channel::send(std::size_t size) {
  if (size == 0 || size > room().size()) return;
  std::size_t record = size;
  if (state_ == State::Open) {
    Tag tag{};
    if (!transport_.seal(crypto_, out_.subspan(kLengthBytes, size), tag)) return end(State::CryptoFailed);
    std::copy(tag.begin(), tag.end(), out_.begin() + static_cast<std::ptrdiff_t>(kLengthBytes + size));
    record += kTagBytes;
  }
  out_[0] = static_cast<std::uint8_t>(record >> 8);
  out_[1] = static_cast<std::uint8_t>(record);
  output_ = out_.first(kLengthBytes + record);
}

}  // namespace microvisor::protocol::debug
