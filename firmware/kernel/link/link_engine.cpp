// See link_engine.hpp.
#include "firmware/kernel/link/link_engine.hpp"

#include <algorithm>

#include "firmware/crypto/crypto.hpp"

namespace microvisor::firmware::link {
namespace {

constexpr std::uint64_t kConnectTime = 60 * net::kSeconds;
/// After so many failed connections the bearer itself is suspected and dialled anew.
constexpr unsigned kRedialAfter = 3;
constexpr std::uint64_t kIdleCheck = 10 * net::kSeconds;

std::uint32_t random_word() {
  std::array<std::uint8_t, 4> bytes{};
  static_cast<void>(crypto::random(bytes));  // without it every wait is the shortest allowed
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 |
         bytes[3];
}

}  // namespace

LinkEngine::LinkEngine(LinkHost& host, net::Platform& platform, std::span<std::uint8_t> retained)
    : host_(host),
      platform_(platform),
      traffic_(host.packet_queues()),
      stack_(platform),
      tls_(stack_),
      transport_(tls_),
      line_(stack_),
      io_(transport_),
      session_(host, io_) {
  tls_.keep_session_in(retained);
  stack_.share_with(traffic_);
}

void LinkEngine::round() {
  if (!host_.network_wanted()) return stay_offline();
  if (!configured_) configured_ = tls_.configure(host_.identity());
  if (configured_ && connect()) {
    run_session();
    calm_ = session_.calm();
    tls_.close();
    if (session_.welcomed()) begin_anew();
  }
  if (host_.network_wanted()) wait_before_retry();
}

/// The next wait is the shortest again.
void LinkEngine::begin_anew() {
  back_off_.reset();
  attempts_ = 0;
  failures_in_a_row_ = 0;
}

void LinkEngine::stay_offline() {
  if (stack_.up()) stack_.hang_up();
  set_status(NetworkStatus::DeliberatelyOffline);
  platform_.wait(std::min(platform_.now() + kIdleCheck, host_.wish_changes_at()));
}

bool LinkEngine::connect() {
  set_status(NetworkStatus::Connecting);
  ++attempts_;
  if (failures_in_a_row_ >= kRedialAfter) {
    if (!traffic_.heard_lately(platform_.now())) stack_.hang_up();
    failures_in_a_row_ = 0;
  }
  if (!stack_.up() && !bring_up()) return false;
  last_tls_ = tls_.connect(kConnectTime);
  if (last_tls_ == net::TlsResult::Connected) return true;
  ++failures_in_a_row_;
  return false;
}

/// Whoever says CONNECT DEBUG gets a debug session and nothing else; then it is dialled again.
bool LinkEngine::bring_up() {
  const net::DialResult result = stack_.bring_up();
  if (result == net::DialResult::Debugger) run_direct_session();
  return result == net::DialResult::Connected;
}

/// Only a session that stood proves that somebody was there to whom it matters how soon the next one comes.
void LinkEngine::run_direct_session() {
  line_.begin();
  io_.use(line_);
  DirectSession direct(host_, io_, session_.debug_streams());
  direct.start(platform_.now());
  while (direct.end() == DirectEnd::None) {
    const bool busy = direct.step(platform_.now());
    if (!busy && direct.end() == DirectEnd::None) stack_.wait(direct.next_deadline(platform_.now()));
  }
  direct.finish();
  if (direct.stood()) begin_anew();
  last_direct_ = direct.end();
  io_.use(transport_);
}

void LinkEngine::run_session() {
  session_.start(platform_.now(), attempts_);
  bool announced = false;
  while (session_.end() == SessionEnd::None) {
    static_cast<void>(stack_.poll());
    const bool busy = session_.step(platform_.now());
    if (session_.welcomed() && !announced) {
      set_status(NetworkStatus::Connected);
      announced = true;
    }
    if (!busy && session_.end() == SessionEnd::None) stack_.wait(session_.next_deadline(platform_.now()));
  }
  session_.finish();
}

/// What the gateway has asked for is its least, and spread likewise: it asks many at a time.
std::uint64_t LinkEngine::pause() {
  const std::uint64_t asked = calm_ * net::kSeconds;
  calm_ = 0;
  const std::uint64_t spread = (asked / 4 * random_word()) >> 32;
  return std::max(asked + spread, back_off_.next(random_word()));
}

/// The kernel is told at once that the connection is gone, and by what it is not: with the bearer up, only
/// the gateway is missing.
void LinkEngine::wait_before_retry() {
  set_status(stack_.up() ? NetworkStatus::DisconnectedWithLinkUp : NetworkStatus::Connecting);
  const std::uint64_t end = platform_.now() + pause();
  backing_off_ = true;
  while (platform_.now() < end && host_.network_wanted()) stack_.wait(std::min(end, host_.wish_changes_at()));
  backing_off_ = false;
}

void LinkEngine::set_status(NetworkStatus status) {
  if (status == status_) return;
  status_ = status;
  host_.network_status_changed(status);
}

}  // namespace microvisor::firmware::link
