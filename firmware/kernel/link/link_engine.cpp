// See link_engine.hpp.
#include "firmware/kernel/link/link_engine.hpp"

#include <algorithm>
#include <utility>

#include "firmware/crypto/crypto.hpp"
#include "firmware/kernel/link/module_installer.hpp"
#include "firmware/kernel/link/wifi_dialogue.hpp"

namespace microvisor::firmware::link {
namespace {

constexpr std::uint64_t kConnectTime = 60 * net::kSeconds;
/// After so many failed connections the bearer itself is suspected and dialled anew. Where there is another
/// one, that is tried after each.
constexpr unsigned kRedialAfter = 3;
/// Nothing has happened for so long: now is a moment to look for the other bearer.
constexpr std::uint64_t kQuietTime = 200 * net::kMilliseconds;
/// Firmware on trial has so many attempts to reach the cloud.
constexpr unsigned kTrialAttempts = 3;
constexpr std::uint64_t kIdleCheck = 10 * net::kSeconds;

/// link.proto has numbers of its own for what the dialler says.
constexpr bool is_told_as(net::DialResult result, microvisor_link_BearerFailure failure) {
  return static_cast<unsigned>(result) == static_cast<unsigned>(failure);
}
static_assert(is_told_as(net::DialResult::NoModem, microvisor_link_BearerFailure_BEARER_FAILURE_NO_MODULE));
static_assert(is_told_as(net::DialResult::NoSim, microvisor_link_BearerFailure_BEARER_FAILURE_NO_SIM));
static_assert(is_told_as(net::DialResult::SimLocked,
                         microvisor_link_BearerFailure_BEARER_FAILURE_PIN_WANTED));
static_assert(is_told_as(net::DialResult::NotRegistered,
                         microvisor_link_BearerFailure_BEARER_FAILURE_NO_NETWORK));
static_assert(is_told_as(net::DialResult::Denied, microvisor_link_BearerFailure_BEARER_FAILURE_DENIED));
static_assert(is_told_as(net::DialResult::Refused, microvisor_link_BearerFailure_BEARER_FAILURE_NO_ANSWER));
static_assert(is_told_as(net::DialResult::NoAccessPoint,
                         microvisor_link_BearerFailure_BEARER_FAILURE_NO_ACCESS_POINT));
static_assert(is_told_as(net::DialResult::WrongPassword,
                         microvisor_link_BearerFailure_BEARER_FAILURE_WRONG_PASSWORD));
static_assert(is_told_as(net::DialResult::NotJoined,
                         microvisor_link_BearerFailure_BEARER_FAILURE_NOT_JOINED));
static_assert(is_told_as(net::DialResult::NoGateway,
                         microvisor_link_BearerFailure_BEARER_FAILURE_NO_GATEWAY));

/// What a network says to a subscription that has no business with the access point it names.
bool may_be_the_name(net::DialResult result) {
  return result >= net::DialResult::NotRegistered && result <= net::DialResult::Refused;
}

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
  moves_ = false;
  if (configured_ && connect()) {
    const std::uint64_t start = platform_.now();
    run_session();
    calm_ = session_.calm();
    tls_.close();
    if (session_.welcomed()) begin_anew();
    bearers_.session_ended(stack_.bearer(), platform_.now() - start);
    if (moves_) stack_.hang_up();
    if (std::exchange(installs_, false)) install_firmware(stack_.bearer() == net::Bearer::Wifi);
  }
  if (host_.network_wanted() && !moves_) wait_before_retry();
}

/// The next wait is the shortest again, and the access point that is set has the first turn.
void LinkEngine::begin_anew() {
  own_apn_ = false;
  back_off_.reset();
  attempts_ = 0;
  failures_in_a_row_ = 0;
}

void LinkEngine::stay_offline() {
  if (stack_.up()) stack_.hang_up();
  set_status(NetworkStatus::DeliberatelyOffline);
  platform_.wait(std::min(platform_.now() + kIdleCheck, host_.wish_changes_at()));
}

/// Over the one that goes first, then over the other one.
bool LinkEngine::connect() {
  set_status(NetworkStatus::Connecting);
  ++attempts_;
  take_settings();
  if (failures_in_a_row_ >= kRedialAfter) {
    if (!traffic_.heard_lately(platform_.now())) {
      stack_.hang_up();
      own_apn_ = !own_apn_;  // there are access points that lead to no gateway
    }
    failures_in_a_row_ = 0;
  }
  if (trial_attempts_ != 0) return connect_on_trial();
  const bool stands = stack_.up() && stack_.bearer() == net::Bearer::Wifi;
  const net::Bearer wanted = stands ? net::Bearer::Wifi : bearers_.first(platform_.now());
  const net::Bearer first = std::exchange(rung_, false) ? net::Bearer::Cellular : wanted;
  if (connect_over(first)) return true;
  if (!bearers_.choice() || !host_.network_wanted()) return false;
  const bool reached = connect_over(net::Bearers::other(first));
  // Had the other one not reached the gateway either, it would be the gateway's fault.
  const bool carried_nothing = reached && last_dial(first) == net::DialResult::NoGateway;
  if (carried_nothing) bearers_.failed(first, platform_.now(), random_word());
  return reached;
}

/// Nothing but a session over the module says that its firmware is good. Without one it is taken back.
bool LinkEngine::connect_on_trial() {
  --trial_attempts_;
  if (connect_over(net::Bearer::Wifi)) return true;
  if (trial_attempts_ == 0) install_firmware(false);
  return false;
}

bool LinkEngine::connect_over(net::Bearer bearer) {
  if (stack_.up() && stack_.bearer() != bearer) stack_.hang_up();
  if (!stack_.up() && !bring_up(bearer)) {
    bearers_.failed(bearer, platform_.now(), random_word());
    return false;
  }
  last_tls_ = tls_.connect(kConnectTime);
  if (last_tls_ == net::TlsResult::Connected) return true;
  last_dial_[static_cast<std::size_t>(bearer)] = net::DialResult::NoGateway;
  ++failures_in_a_row_;
  return false;
}

/// In a quiet moment, since it costs a connection.
bool LinkEngine::firmware_waits() {
  const manifest::ModuleManifest* const image = host_.kernel_updater().for_module();
  if (image == nullptr) return false;
  if (ModuleInstaller::runs(stack_.module_firmware(), *image)) {
    host_.kernel_updater().module_done(update::UpdateError::None);  // which the gateway has not heard
    return false;
  }
  installs_ = platform_.now() >= next_look() && session_.quiet();
  return installs_;
}

void LinkEngine::install_firmware(bool proven) {
  upgrader::KernelUpdater& updater = host_.kernel_updater();
  if (updater.for_module() == nullptr) return;  // another target has been named
  stack_.hang_up();
  trial_attempts_ = ModuleInstaller(updater, stack_.take_wifi_module()).run(proven) ? kTrialAttempts : 0;
}

/// Whoever says CONNECT DEBUG gets a debug session and nothing else, and whoever says CONNECT WIFI a talk
/// about that; then it is dialled again.
bool LinkEngine::bring_up(net::Bearer bearer) {
  if (std::exchange(leaves_wifi_, false)) stack_.leave_wifi();
  const net::DialResult result = dial(bearer);
  last_dial_[static_cast<std::size_t>(bearer)] = result;
  if (bearer == net::Bearer::Cellular && may_be_the_name(result)) own_apn_ = !own_apn_;
  if (result == net::DialResult::Debugger) run_direct_session();
  if (result == net::DialResult::Settings && WifiDialogue(host_, stack_).run()) begin_anew();
  return result == net::DialResult::Connected;
}

/// Not inlined: what it is dialled with is on the stack for no longer than that.
[[gnu::noinline]] net::DialResult LinkEngine::dial(net::Bearer bearer) {
  if (bearer == net::Bearer::Wifi) return stack_.bring_up_wifi(host_.wifi_credentials());
  if (own_apn_) return stack_.bring_up_cellular({});
  return stack_.bring_up_cellular(host_.access_point_name().name());
}

/// Likewise, for what Hello says: a session is the deepest that the worker gets.
[[gnu::noinline]] void LinkEngine::start_session() {
  const net::Reception& reception = stack_.reception();
  const net::DialResult other = last_dial(net::Bearers::other(stack_.bearer()));
  BearerFacts facts{.reception = reception};
  facts.kind = stack_.bearer() == net::Bearer::Cellular ? microvisor_link_Bearer_BEARER_CELLULAR
               : reception.cable                        ? microvisor_link_Bearer_BEARER_CABLE
                                                        : microvisor_link_Bearer_BEARER_WIFI;
  if (other <= net::DialResult::NoGateway)
    facts.other_failed = static_cast<microvisor_link_BearerFailure>(other);
  session_.start(platform_.now(), attempts_, stack_.module_firmware(), facts);
}

/// A cable needs no credentials, only a module, which has said something when it started.
void LinkEngine::take_settings() {
  const std::uint32_t changes = host_.wifi_changes();
  const bool unknown = !bearers_.choice() && stack_.bearer() == net::Bearer::Cellular;
  const bool found = unknown && platform_.other_line() != net::Heard::Nothing;
  has_module_ = has_module_ || found;
  if (changes == wifi_changes_ && !found) return;
  const bool known = host_.wifi_credentials().known();
  leaves_wifi_ = changes != wifi_changes_ && !known && wifi_changes_ != kNoSettings;
  wifi_changes_ = changes;
  bearers_.wifi_set(known || has_module_);
}

/// The session is to make room for one over another bearer: because its own is not wanted any more, because
/// it rings on the other line, or because there is a better one, which then has been joined already.
bool LinkEngine::other_bearer_waits() {
  take_settings();
  if (firmware_waits()) return true;
  if (stack_.bearer() == net::Bearer::Wifi) {
    rung_ = platform_.other_line() == net::Heard::Ring;
    return rung_ || leaves_wifi_;
  }
  if (std::exchange(leaves_wifi_, false)) stack_.leave_wifi();
  return platform_.now() >= next_look() && session_.quiet() && wifi_joins();
}

bool LinkEngine::wifi_joins() {
  const net::DialResult result = stack_.join_beside(host_.wifi_credentials());
  if (result == net::DialResult::Connected) return true;
  last_dial_[static_cast<std::size_t>(net::Bearer::Wifi)] = result;
  bearers_.failed(net::Bearer::Wifi, platform_.now(), random_word());
  return false;
}

/// When Wi-Fi is due beside this session, in a moment in which nothing has happened for a while.
std::uint64_t LinkEngine::next_look() const {
  const bool firmware = host_.kernel_updater().for_module() != nullptr;
  const std::uint64_t due = firmware ? 0 : bearers_.return_at(stack_.bearer());
  return due == net::Bearers::kNever ? due : std::max(due, last_busy_ + kQuietTime);
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
  start_session();
  bool announced = false;
  last_busy_ = platform_.now();
  while (session_.end() == SessionEnd::None) {
    static_cast<void>(stack_.poll());
    const bool busy = session_.step(platform_.now());
    if (busy) last_busy_ = platform_.now();
    if (session_.welcomed() && !announced) {
      set_status(NetworkStatus::Connected);
      announced = true;
    }
    if (busy || session_.end() != SessionEnd::None) continue;
    moves_ = session_.welcomed() && other_bearer_waits();
    if (moves_) {
      session_.leave();
    } else {
      const std::uint64_t look = std::max(next_look(), platform_.now() + kQuietTime);
      stack_.wait(std::min(session_.next_deadline(platform_.now()), look));
    }
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
  const std::uint32_t settings = host_.wifi_changes();
  while (platform_.now() < end && host_.network_wanted() && host_.wifi_changes() == settings)
    stack_.wait(std::min(end, host_.wish_changes_at()));
  backing_off_ = false;
}

void LinkEngine::set_status(NetworkStatus status) {
  if (status == status_) return;
  status_ = status;
  host_.network_status_changed(status);
}

}  // namespace microvisor::firmware::link
