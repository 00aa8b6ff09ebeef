// See tcp_endpoint.hpp. Sequence numbers are compared modulo 2^32.
#include "board/modem/tcp_endpoint.hpp"

#include <algorithm>
#include <utility>

namespace microvisor::board {
namespace {

constexpr Time kFirstRepeat = kTicksPerSecond;
constexpr std::uint16_t kOwnSegment = 1460;
constexpr std::size_t kDefaultSegment = 536;  // RFC 9293 section 3.7.1
constexpr std::uint32_t kInitialSequence = 0x1000'0000;

/// a - b as a signed distance.
std::int32_t distance(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b); }

}  // namespace

TcpEndpoint::TcpEndpoint(JoinedNetwork& network, std::uint32_t board, std::uint32_t address,
                         const packet::Tcp& segment)
    : network_(network),
      board_(board),
      address_(address),
      port_(segment.destination_port),
      board_port_(segment.source_port),
      expected_(segment.sequence + 1),
      acknowledged_(kInitialSequence),
      next_(kInitialSequence),
      window_(segment.window),
      segment_size_(segment.maximum_segment != 0 ? segment.maximum_segment : kDefaultSegment),
      repeat_(network.scheduler_, [this] { time_out(); }) {}

TcpEndpoint::~TcpEndpoint() = default;

void TcpEndpoint::adopt(std::unique_ptr<JoinedPeer> peer) {
  peer_ = std::move(peer);
  next_ = acknowledged_ + 1;
  emit(packet::kSyn | packet::kAck, acknowledged_);
  repeat_.after(kFirstRepeat);
}

void TcpEndpoint::segment(const packet::Tcp& segment) {
  if (dead_) return;
  if ((segment.flags & packet::kRst) != 0) return finish();
  if ((segment.flags & packet::kSyn) != 0) {  // our answer was lost
    if (!established_) emit(packet::kSyn | packet::kAck, acknowledged_);
    return;
  }
  if ((segment.flags & packet::kAck) == 0) return;
  take_acknowledgement(segment);
  if (!dead_ && !segment.data.empty()) take_data(segment);
  if (!dead_ && (segment.flags & packet::kFin) != 0) take_end(segment);
  if (!dead_) push();
  if (fin_sent_ && fin_received_ && in_flight() == 0) finish();
}

void TcpEndpoint::take_acknowledgement(const packet::Tcp& segment) {
  window_ = segment.window;
  const std::int32_t fresh = distance(segment.acknowledgement, acknowledged_);
  if (fresh <= 0 || distance(segment.acknowledgement, next_) > 0) return;
  auto bytes = static_cast<std::size_t>(fresh);
  if (!established_) {
    established_ = true;
    --bytes;  // the SYN
  }
  bytes = std::min(bytes, queue_.size());  // what is left over is the FIN
  queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(bytes));
  acknowledged_ = segment.acknowledgement;
  repeats_ = 0;
  repeat_.cancel();
  if (in_flight() != 0) repeat_.after(kFirstRepeat);
}

void TcpEndpoint::take_data(const packet::Tcp& segment) {
  const std::int32_t old = distance(expected_, segment.sequence);
  if (old >= 0 && static_cast<std::size_t>(old) < segment.data.size()) {
    const auto fresh = segment.data.subspan(static_cast<std::size_t>(old));
    expected_ += static_cast<std::uint32_t>(fresh.size());
    emit(packet::kAck, next_);
    peer_->received(fresh);
  } else {
    emit(packet::kAck, next_);  // a repetition, or something before it is missing
  }
}

/// The board has closed its half: so does the peer.
void TcpEndpoint::take_end(const packet::Tcp& segment) {
  if (segment.sequence + segment.data.size() != expected_ || fin_received_) return;
  ++expected_;
  fin_received_ = true;
  emit(packet::kAck, next_);
  close();
}

void TcpEndpoint::send(std::span<const std::uint8_t> bytes) {
  if (dead_ || close_wanted_) return;
  queue_.insert(queue_.end(), bytes.begin(), bytes.end());
  push();
}

void TcpEndpoint::close() {
  close_wanted_ = true;
  push();
}

void TcpEndpoint::reset() {
  if (dead_) return;
  emit(packet::kRst | packet::kAck, next_);
  finish();
}

/// Sends what the window takes, then the FIN.
void TcpEndpoint::push() {
  if (!established_ || dead_) return;
  while (!fin_sent_ && in_flight() < queue_.size() && in_flight() < window_) {
    const std::size_t count =
        std::min<std::size_t>({queue_.size() - in_flight(), window_ - in_flight(), segment_size_});
    const auto first = queue_.begin() + static_cast<std::ptrdiff_t>(in_flight());
    const packet::Bytes data(first, first + static_cast<std::ptrdiff_t>(count));
    emit(packet::kAck | packet::kPush, next_, data);
    next_ += static_cast<std::uint32_t>(count);
  }
  if (close_wanted_ && !fin_sent_ && in_flight() == queue_.size()) {
    emit(packet::kAck | packet::kFin, next_);
    ++next_;
    fin_sent_ = true;
  }
  if ((in_flight() != 0 || !queue_.empty()) && !repeat_.armed()) repeat_.after(kFirstRepeat);
}

/// Goes back to the first unconfirmed byte; with a closed window, probes it by one byte (RFC 9293
/// section 3.8.6.1).
void TcpEndpoint::time_out() {
  if (++repeats_ > kMaximumRepeats) return finish();
  repeat_.after(kFirstRepeat << std::min(repeats_, 6U));
  if (!established_) return emit(packet::kSyn | packet::kAck, acknowledged_);
  next_ = acknowledged_;
  fin_sent_ = false;
  const std::uint32_t window = window_;
  window_ = std::max<std::uint32_t>(window_, 1);
  push();
  window_ = window;
}

void TcpEndpoint::emit(std::uint8_t flags, std::uint32_t sequence, std::span<const std::uint8_t> data) {
  const bool syn = (flags & packet::kSyn) != 0;
  network_.to_board(packet::make_tcp(address_, board_,
                                     {.source_port = port_,
                                      .destination_port = board_port_,
                                      .sequence = sequence,
                                      .acknowledgement = expected_,
                                      .flags = flags,
                                      .window = kWindow,
                                      .maximum_segment = syn ? kOwnSegment : std::uint16_t{0},
                                      .data = data}));
}

void TcpEndpoint::finish() {
  if (std::exchange(dead_, true)) return;
  repeat_.cancel();
  if (peer_) peer_->ended();
}

}  // namespace microvisor::board
