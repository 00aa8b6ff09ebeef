// See session.hpp.
#include "firmware/kernel/link/session.hpp"

#include <algorithm>
#include <cstring>

namespace microvisor::firmware::link {
namespace {

constexpr std::uint64_t kMicrosecondsPerSecond = 1'000'000;

void copy_text(char* target, std::size_t size, std::string_view text) {
  const std::size_t length = std::min(text.size(), size - 1);
  std::copy_n(text.begin(), length, target);
}

void put_signers(const vault::TrustAnchors& anchors, std::uint64_t* ids, pb_size_t& count) {
  count = static_cast<pb_size_t>(anchors.count);
  for (pb_size_t i = 0; i < count; ++i) ids[i] = crypto::manifest_key_id(anchors.manifest_signers[i]);
}

/// Not inlined: the keys are on the stack no longer than their ids are taken.
[[gnu::noinline]] void put_layer_keys(LinkHost& host, std::uint64_t* ids, pb_size_t& count) {
  const vault::LayerKeys keys = host.layer_keys();
  count = static_cast<pb_size_t>(keys.count);
  for (pb_size_t i = 0; i < count; ++i) ids[i] = keys.keys[i].id;
}

template <typename Bytes>
void put_hash(Bytes& bytes, std::span<const std::uint8_t> hash) {
  bytes.size = static_cast<pb_size_t>(hash.size());
  std::memcpy(bytes.bytes, hash.data(), hash.size());
}

/// Who the device is, and what it runs.
void put_device(LinkHost& host, microvisor_link_Hello& hello) {
  const DeviceFacts facts = host.facts();
  hello.protocol_version = 1;
  copy_text(hello.device_sid, sizeof hello.device_sid, host.identity().device_sid.text());
  copy_text(hello.kernel_version, sizeof hello.kernel_version, facts.kernel_version);
  hello.kernel_version_number = facts.kernel_version_number;
  if (const auto& installed = host.updater().installed())
    put_hash(hello.app_manifest_hash, installed->manifest_hash);
  put_hash(hello.kernel_manifest_hash, facts.kernel_manifest_hash);
  hello.attestation_version = protocol::kAttestationVersion;
  hello.debug_version = 1;
  hello.wake_reason = facts.wake_reason;
  hello.app_running = facts.application_running;
  hello.boot_count = facts.boot_count;
}

/// What carries the connection, and the firmware of the module if it is there to stay.
void put_bearer(const net::ModuleState& module, const BearerFacts& bearer, microvisor_link_Hello& hello) {
  if (!module.on_trial) {
    copy_text(hello.module, sizeof hello.module, module.name());
    hello.module_version = module.version;
  }
  hello.bearer = bearer.kind;
  hello.signal_dbm = bearer.reception.dbm;
  hello.roaming = bearer.reception.roaming;
  hello.other_failed = bearer.other_failed;
}

}  // namespace

Session::Session(LinkHost& host, FrameIo& io)
    : host_(host), io_(io), log_(host), channels_(host), update_(host), crashes_(host), debug_(host) {}

void Session::start(std::uint64_t now, std::uint64_t attempts, const net::ModuleState& module,
                    const BearerFacts& bearer) {
  io_.restart();
  log_.connection_started();
  channels_.connection_started();
  update_.connection_started();
  crashes_.connection_started();
  debug_.connection_started();
  welcomed_ = false;
  calm_ = 0;
  end_ = SessionEnd::None;
  hello_sent_ = last_heard_ = now;
  ping_sent_ = 0;
  auto& hello = io_.begin(0, microvisor_link_Frame_hello_tag).kind.hello;
  put_device(host_, hello);
  put_bearer(module, bearer, hello);
  hello.attempts = attempts;
  hello.keys_sequence = host_.anchors().sequence;
  put_signers(host_.anchors(), hello.signers, hello.signers_count);
  put_layer_keys(host_, hello.layer_keys, hello.layer_keys_count);
  if (!io_.send()) end_ = SessionEnd::Lost;
}

bool Session::step(std::uint64_t now) {
  if (end_ != SessionEnd::None) return false;
  if (!host_.network_wanted()) {
    leave();
    return false;
  }
  bool any = read_frames(now);
  if (end_ == SessionEnd::None && welcomed_) {
    any |= debug_.step(io_, now);
    any |= update_.step(io_, now);
    any |= send_event();
    any |= take_turns(now);
  }
  if (end_ == SessionEnd::None) watch(now);
  if (end_ == SessionEnd::None && io_.ended()) end_ = SessionEnd::Lost;
  if (end_ != SessionEnd::None) return false;
  const bool waits = host_.kernel_updater().for_module() != nullptr;
  if (!any && !waits && settled()) host_.settled();
  return any;
}

/// Whoever has much to send leaves no room for those behind: so nobody is always the first.
bool Session::take_turns(std::uint64_t now) {
  constexpr unsigned kTakers = 3;
  bool any = false;
  for (unsigned count = 0; count < kTakers; ++count) {
    switch ((first_ + count) % kTakers) {
      case 0: any |= log_.step(io_, now); break;
      case 1: any |= channels_.step(io_); break;
      default: any |= !io_.held_back() && crashes_.step(io_);
    }
  }
  first_ = (first_ + 1) % kTakers;
  return any;
}

/// Nothing is left to be sent, and the target that Welcome named is installed or on its way to that.
bool Session::settled() const {
  return welcomed_ && !update_.active() && event_.kind == EventKind::None && log_.idle() &&
         channels_.idle() && crashes_.idle() && !(debug_.attached() && host_.reset_is_near()) &&
         io_.delivered();
}

/// A bounded number of frames, so that a long download does not keep the log waiting.
bool Session::read_frames(std::uint64_t now) {
  constexpr unsigned kAtOnce = 4;
  for (unsigned count = 0; count < kAtOnce && end_ == SessionEnd::None; ++count) {
    const Received received = io_.receive();
    if (received == Received::Nothing) return count != 0;
    if (received == Received::Broken) {
      end_ = SessionEnd::Protocol;
      return false;
    }
    last_heard_ = now;
    if (io_.in().stream == 0) {
      control(io_.in(), now);
    } else {
      stream(io_.in(), now);
    }
  }
  return true;
}

void Session::control(const Frame& frame, std::uint64_t now) {
  switch (frame.which_kind) {
    case microvisor_link_Frame_welcome_tag: return welcome(frame.kind.welcome, now);
    case microvisor_link_Frame_ping_tag:
      io_.begin(0, microvisor_link_Frame_pong_tag).kind.pong.token = frame.kind.ping.token;
      if (!io_.send()) end_ = SessionEnd::Lost;
      return;
    case microvisor_link_Frame_pong_tag: return pong(frame.kind.pong, now);
    case microvisor_link_Frame_target_tag:
      return update_.target_named(UpdateKind::Application, frame.kind.target, true);
    case microvisor_link_Frame_kernel_target_tag:
      return update_.target_named(UpdateKind::Kernel, frame.kind.kernel_target, true);
    case microvisor_link_Frame_settings_tag: return settings(frame.kind.settings);
    case microvisor_link_Frame_new_keys_tag: return new_keys(frame.kind.new_keys);
    case microvisor_link_Frame_restart_app_tag: return host_.restart_application();
    case microvisor_link_Frame_goodbye_tag: return goodbye(frame.kind.goodbye);
    default: return;  // a newer gateway may say things we do not know
  }
}

void Session::welcome(const microvisor_link_Welcome& message, std::uint64_t now) {
  welcomed_ = true;
  host_.gateway_reached();
  if (message.unix_microseconds != 0) {
    host_.wall_time_received(message.unix_microseconds + (now - hello_sent_) / 2);
  }
  const std::uint32_t seconds = message.keep_alive_seconds;
  keep_alive_ = std::uint64_t{seconds == 0 ? kDefaultKeepAlive : seconds} * kMicrosecondsPerSecond;
  if (message.has_settings) settings(message.settings);
  if (message.has_kernel_target) update_.target_named(UpdateKind::Kernel, message.kernel_target, false);
  if (message.has_target) update_.target_named(UpdateKind::Application, message.target, false);
  attest(message);
}

void Session::settings(const microvisor_link_Settings& message) {
  host_.logging_allowed(message.logging_enabled);
  host_.endpoints_known({message.endpoints, message.endpoints_count});
}

/// The statement is put together where it is sent from. Without a signature nothing is sent: the gateway
/// shows that there was no answer.
void Session::attest(const microvisor_link_Welcome& welcome) {
  protocol::AttestationStatement statement;
  if (welcome.attestation_nonce.size != statement.nonce.size()) return;  // an older gateway
  std::copy_n(welcome.attestation_nonce.bytes, statement.nonce.size(), statement.nonce.begin());
  statement.boot = host_.boot_evidence();
  if (const auto& installed = host_.updater().installed()) statement.application = installed->manifest_hash;
  auto& message = io_.begin(0, microvisor_link_Frame_attestation_tag).kind.attestation;
  message.statement.size = protocol::kAttestationStatementSize;
  const std::span<std::uint8_t, protocol::kAttestationStatementSize> bytes(message.statement.bytes);
  protocol::write_statement(statement, bytes);
  crypto::Signature signature{};
  if (!crypto::ecdsa_p256_sign(host_.identity().device_private_key, crypto::sha256(bytes), signature)) return;
  message.signature.size = static_cast<pb_size_t>(signature.size());
  std::copy(signature.begin(), signature.end(), message.signature.bytes);
  if (!io_.send()) end_ = SessionEnd::Lost;
}

/// The gateway is told at once, and again by the next Hello.
void Session::new_keys(const microvisor_link_NewKeys& message) {
  const auto error = host_.change_keys({message.message.bytes, message.message.size});
  auto& report = io_.begin(0, microvisor_link_Frame_keys_report_tag).kind.keys_report;
  report.error = static_cast<microvisor_link_KeysError>(error);
  report.sequence = host_.anchors().sequence;
  put_signers(host_.anchors(), report.signers, report.signers_count);
  put_layer_keys(host_, report.layer_keys, report.layer_keys_count);
  if (!io_.send()) end_ = SessionEnd::Lost;
}

void Session::pong(const microvisor_link_Pong& message, std::uint64_t now) {
  if (ping_sent_ == 0 || message.token != ping_token_) return;
  if (message.unix_microseconds != 0)
    host_.wall_time_received(message.unix_microseconds + (now - ping_sent_) / 2);
  ping_sent_ = 0;
}

/// Frames of streams that are gone on our side are the tail of what was under way: passed over.
void Session::stream(const Frame& frame, std::uint64_t now) {
  switch (frame.which_kind) {
    case microvisor_link_Frame_data_tag: return stream_data(frame, now);
    case microvisor_link_Frame_encoded_tag: {
      bool violation = false;
      static_cast<void>(update_.encoded(frame.stream, frame.kind.encoded.version, violation));
      if (violation) end_ = SessionEnd::Protocol;
      return;
    }
    case microvisor_link_Frame_credit_tag: {
      const std::uint32_t bytes = frame.kind.credit.bytes;
      static_cast<void>(log_.credited(frame.stream, bytes) || channels_.credited(frame.stream, bytes) ||
                        crashes_.credited(frame.stream, bytes) || debug_.credited(frame.stream, bytes));
      return;
    }
    case microvisor_link_Frame_close_tag: {
      const auto error = frame.kind.close.error;
      const std::uint32_t number = frame.stream;
      static_cast<void>(update_.closed(io_, number, error, now) || channels_.closed(number, error) ||
                        log_.closed(number) || crashes_.closed(number, error) || debug_.closed(number));
      return;
    }
    case microvisor_link_Frame_open_tag: return open(frame, now);
    default: end_ = SessionEnd::Protocol; return;
  }
}

/// Debug sessions are all that the gateway may ask for.
void Session::open(const Frame& frame, std::uint64_t now) {
  const microvisor_link_Open& message = frame.kind.open;
  const bool sent = message.service == microvisor_link_Service_SERVICE_DEBUG
                        ? debug_.open(io_, frame.stream, message.credit, now)
                        : io_.send_close(frame.stream, microvisor_link_StreamError_STREAM_ERROR_REFUSED);
  if (!sent) end_ = SessionEnd::Lost;
}

void Session::stream_data(const Frame& frame, std::uint64_t now) {
  const std::span<const std::uint8_t> bytes(frame.kind.data.bytes, frame.kind.data.size);
  bool violation = false;
  static_cast<void>(update_.received(io_, frame.stream, bytes, now, violation) ||
                    channels_.received(frame.stream, bytes, violation) ||
                    debug_.received(frame.stream, bytes, violation));
  if (violation) end_ = SessionEnd::Protocol;
}

/// Keep-alive: a ping after half of the time without traffic, the end after twice the time, or half a minute
/// after a ping if nothing at all has been heard since.
void Session::watch(std::uint64_t now) {
  if (!welcomed_) {
    if (now >= hello_sent_ + kWelcomeTime) end_ = SessionEnd::NoWelcome;
    return;
  }
  if (now >= silent_at()) {
    end_ = SessionEnd::Silent;
  } else if (now >= std::max(last_heard_, ping_sent_) + keep_alive_ / 2) {
    ping_sent_ = now;
    io_.begin(0, microvisor_link_Frame_ping_tag).kind.ping.token = ++ping_token_;
    if (!io_.send()) end_ = SessionEnd::Lost;
  }
}

std::uint64_t Session::silent_at() const {
  const std::uint64_t latest = last_heard_ + 2 * keep_alive_;
  return ping_sent_ > last_heard_ ? std::min(latest, ping_sent_ + kPingTime) : latest;
}

std::uint64_t Session::next_deadline(std::uint64_t now) const {
  if (end_ != SessionEnd::None) return now;
  if (!welcomed_) return hello_sent_ + kWelcomeTime;
  return std::min({silent_at(), std::max(last_heard_, ping_sent_) + keep_alive_ / 2, update_.next_deadline(),
                   log_.next_deadline(), debug_.next_deadline(now), host_.wish_changes_at()});
}

bool Session::send_event() {
  if (event_.kind == EventKind::None && !host_.take_event(event_)) return false;
  auto& message = io_.begin(0, microvisor_link_Frame_event_tag).kind.event;
  message.kind = static_cast<microvisor_link_DeviceEventKind>(event_.kind);
  message.value = event_.value;
  message.device_microseconds = event_.device_microseconds;
  copy_text(message.text, sizeof message.text,
            {event_.text.data(), std::min(event_.length, event_.text.size())});
  if (!io_.send()) return false;
  event_ = {};
  return true;
}

void Session::goodbye(const microvisor_link_Goodbye& message) {
  calm_ = std::min(message.calm_seconds, kLongestCalm);
  end_ = SessionEnd::Goodbye;
}

void Session::leave() {
  say_goodbye();
  end_ = SessionEnd::NotWanted;
}

void Session::say_goodbye() {
  copy_text(io_.begin(0, microvisor_link_Frame_goodbye_tag).kind.goodbye.reason,
            sizeof(microvisor_link_Goodbye::reason), "network released");
  static_cast<void>(io_.send() && io_.flush());
}

void Session::finish() {
  update_.connection_ended();
  channels_.connection_ended();
  debug_.connection_ended();
}

}  // namespace microvisor::firmware::link
