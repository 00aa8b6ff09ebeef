// Until message 2 has been verified nothing is sent but message 1.
#include "protocol/debug/requester.hpp"

#include <algorithm>

namespace microvisor::protocol::debug {

bool Requester::start() {
  channel_.start();
  HandshakeMessage message{};
  if (!initiator_.write(message)) {
    channel_.end();
    return false;
  }
  std::copy(message.begin(), message.end(), channel_.room().begin());
  channel_.send(message.size());
  return true;
}

std::size_t Requester::push(std::span<const std::uint8_t> bytes) {
  std::size_t taken = channel_.push(bytes);
  if (channel_.state() == Channel::State::Handshake && !channel_.message().empty()) {
    finish_handshake();
    if (!channel_.over()) taken += channel_.push(bytes.subspan(taken));
  }
  return taken;
}

void Requester::finish_handshake() {
  HandshakeMessage second{};
  const bool whole = channel_.message().size() == second.size();
  if (whole) std::copy_n(channel_.message().begin(), second.size(), second.begin());
  channel_.message_done();
  Transport transport;
  if (whole && initiator_.read(second, transport)) {
    channel_.open().take(transport);
  } else {
    channel_.refuse();
  }
}

bool Requester::send(std::span<const std::uint8_t> commands) {
  const std::size_t limit = first_sent_ ? kMaximumMessage : kMaximumFirstMessage;
  const auto room = channel_.room();
  if (!open() || commands.empty() || commands.size() > std::min(limit, room.size())) return false;
  std::copy(commands.begin(), commands.end(), room.begin());
  channel_.send(commands.size());
  first_sent_ = true;
  return !channel_.over();
}

}  // namespace microvisor::protocol::debug
