// What the device link needs from the kernel. The kernel implements it once; host tests bring their own.
//
// Every function is called by the worker (firmware/kernel/worker.hpp), never from an interrupt, and returns
// at once. Memory handed in or out is the callee's or caller's for the duration of the call only, unless
// stated.
#pragma once

#include <protocol/link.nanopb.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "firmware/debugger/application.hpp"
#include "firmware/manifest/new_keys.hpp"
#include "firmware/net/dialler.hpp"
#include "firmware/net/packet_queues.hpp"
#include "firmware/net/wifi_module.hpp"
#include "firmware/update/updater.hpp"
#include "firmware/upgrader/kernel_updater.hpp"
#include "firmware/vault/identity.hpp"
#include "firmware/vault/layer_keys.hpp"
#include "firmware/vault/trust_anchors.hpp"
#include "protocol/debug/noise.hpp"
#include "protocol/link/attestation.hpp"

namespace microvisor::firmware::link {

/// Values of MvNetworkStatus.
enum class NetworkStatus : std::uint32_t {
  DeliberatelyOffline = 0,
  Connected = 1,
  Connecting = 2,
  DisconnectedWithLinkUp = 3,  ///< the bearer is up, the gateway is not reached
};

/// What Hello says about the device at this moment.
struct DeviceFacts {
  std::string_view kernel_version;
  std::uint32_t kernel_version_number = 0;
  crypto::Digest kernel_manifest_hash{};
  bool application_running = false;
  std::uint32_t wake_reason = 0;  ///< MvWakeReason
  std::uint64_t boot_count = 0;
};

inline constexpr std::size_t kMaximumLogText = 1024;
inline constexpr std::size_t kMaximumEventText = 120;
/// Channels an application can hold open at once; slots are numbered from 0.
inline constexpr unsigned kChannelSlots = 4;

/// As it goes out (protocol/link.proto says what the fields mean): there is one copy of a text in hand.
using LogRecord = microvisor_link_LogRecord;
static_assert(sizeof(LogRecord::text.bytes) == kMaximumLogText);

enum class EventKind : std::uint8_t {
  None = 0,
  ApplicationCrashed = 1,
  ApplicationStarted = 2,
  TestingComplete = 3,
  KernelFailed = 4,
};

struct DeviceEvent {
  EventKind kind = EventKind::None;
  std::uint32_t value = 0;
  std::uint64_t device_microseconds = 0;
  std::size_t length = 0;
  std::array<char, kMaximumEventText> text{};
};

/// Values of MvClosureReason.
enum class ChannelEnd : std::uint32_t {
  ClosedByServer = 1,
  ResetByServer = 2,
  NetworkDisconnected = 3,
  TerminatedByError = 4,  ///< nobody serves it, or not what was sent
};

/// Between whom a debug session may be, and what about.
struct DebugParties {
  protocol::debug::StaticKeys keys;
  protocol::debug::Prologue prologue;
};

enum class DebugRefusal : std::uint8_t {
  None,
  NoKey,            ///< the installed bundle has none, or there is no application
  ProtectionLevel,  ///< a debug port is open, and a probe on it would profit
};

struct DebugAdmission {
  DebugRefusal refusal = DebugRefusal::NoKey;
  const DebugParties* parties = nullptr;  ///< without a refusal
};

/// A channel as the kernel's table has it.
struct Channel {
  std::uint32_t id = 0;  ///< changes whenever the slot is opened anew; 0: free
  microvisor_link_Service service = microvisor_link_Service_SERVICE_CHANNEL;
  std::string_view endpoint;  ///< of an opaque one; valid while the slot holds this id
  bool closing = false;       ///< the application has closed it; what it wrote before still has to be sent
};

class LinkHost {
 public:
  // --- who and what ---
  [[nodiscard]] virtual const vault::Identity& identity() = 0;
  [[nodiscard]] virtual const vault::TrustAnchors& anchors() = 0;
  /// The keys to encrypted layers.
  [[nodiscard]] virtual vault::LayerKeys layer_keys() = 0;
  /// Checks a change of keys (bundle.proto NewKeys) and makes it so; anchors() and layer_keys() have the new
  /// ones then. None: done.
  [[nodiscard]] virtual manifest::KeysError change_keys(std::span<const std::uint8_t> message) = 0;
  /// Mounted. The link drives it from begin() to mark_ready() and reports what it says.
  [[nodiscard]] virtual update::Updater& updater() = 0;
  /// Likewise, of Microvisor itself and of the Wi-Fi module's firmware.
  [[nodiscard]] virtual upgrader::KernelUpdater& kernel_updater() = 0;
  [[nodiscard]] virtual DeviceFacts facts() = 0;
  /// What was measured when the device was started.
  [[nodiscard]] virtual protocol::BootEvidence boot_evidence() = 0;
  /// False: the link closes and the modem hangs up; true: connect and stay connected.
  [[nodiscard]] virtual bool network_wanted() = 0;
  /// When network_wanted() may give another answer although nothing has happened, in microseconds.
  [[nodiscard]] virtual std::uint64_t wish_changes_at() = 0;
  /// What the device may join a Wi-Fi network with. A host without Wi-Fi has nothing.
  [[nodiscard]] virtual net::WifiCredentials wifi_credentials() { return {}; }
  /// Keeps other ones; without a name, none. False: they could not be kept.
  [[nodiscard]] virtual bool set_wifi(const net::WifiCredentials&) { return false; }
  /// The packet network that the modem is to be in.
  [[nodiscard]] virtual net::AccessPointName access_point_name() { return {}; }
  /// Keeps another one; without a name, none. False: it could not be kept.
  [[nodiscard]] virtual bool set_access_point_name(const net::AccessPointName&) { return false; }
  /// Another number whenever what Wi-Fi is joined with has been set or cleared; at first 0.
  [[nodiscard]] virtual std::uint32_t wifi_changes() { return 0; }

  // --- what the link tells the kernel ---
  /// The gateway has answered; before anything it says is acted upon.
  virtual void gateway_reached() = 0;
  virtual void network_status_changed(NetworkStatus status) = 0;
  /// The gateway has been told everything there was to tell, and has no update under way. Said again and
  /// again while that is so.
  virtual void settled() = 0;
  /// The gateway's clock, corrected by half of the round trip where that is known.
  virtual void wall_time_received(std::uint64_t unix_microseconds) = 0;
  virtual void logging_allowed(bool allowed) = 0;
  /// Hashes of the names of endpoints that there are beside `log` (protocol/link/endpoint_name.hpp).
  virtual void endpoints_known(std::span<const std::uint32_t> hashes) = 0;
  virtual void restart_application() = 0;
  /// The update is staged, verified and marked for installation. The kernel resets the chip for it soon, or
  /// when the application consents; until then the link goes on. Said again after each reconnection.
  virtual void install_update() = 0;
  /// What was ready of one update is not to be installed any more: there is another target.
  virtual void withdraw_update() = 0;

  // --- log ---
  /// Takes the oldest record out of the log; fills all fields. False: nothing to send.
  [[nodiscard]] virtual bool take_log_record(LogRecord& record) = 0;
  /// Takes the oldest event. False: nothing to send.
  [[nodiscard]] virtual bool take_event(DeviceEvent& event) = 0;

  // --- crash reports, one at a time, the oldest first ---
  /// Its size; 0: none waits.
  [[nodiscard]] virtual std::uint32_t crash_report_size() = 0;
  /// Its SHA-256 when it was written.
  [[nodiscard]] virtual crypto::Digest crash_report_hash() = 0;
  [[nodiscard]] virtual bool crash_report_read(std::uint32_t offset, std::span<std::uint8_t> into) = 0;
  /// The gateway has it.
  virtual void crash_report_delivered() = 0;

  // --- debugging ---
  [[nodiscard]] virtual DebugAdmission debug_admission() = 0;
  [[nodiscard]] virtual debugger::Application& debugged_application() = 0;
  [[nodiscard]] virtual protocol::debug::Crypto& debug_crypto() = 0;
  /// A session has begun or ended: while there is one the device stays connected.
  virtual void debugger_attached(bool attached) = 0;
  /// The kernel is about to reset the chip, and waits for settled(): what a debugger is to be told.
  [[nodiscard]] virtual std::optional<protocol::debug::EndReason> reset_is_near() = 0;

  // --- channels ---
  [[nodiscard]] virtual Channel channel(unsigned slot) = 0;
  /// Moves bytes written by the application to `into`; 0 when there are none.
  [[nodiscard]] virtual std::size_t channel_read(unsigned slot, std::span<std::uint8_t> into) = 0;
  /// Room in the application's receive buffer.
  [[nodiscard]] virtual std::size_t channel_space(unsigned slot) = 0;
  /// Bytes from the server; never more than channel_space() said.
  virtual void channel_received(unsigned slot, std::span<const std::uint8_t> bytes) = 0;
  /// The server's end or the connection is gone. The application still has to close its side.
  virtual void channel_ended(unsigned slot, ChannelEnd reason) = 0;
  /// A `closing` channel has been sent to its end: the slot may be used again.
  virtual void channel_released(unsigned slot) = 0;

  // --- the application's network interface ---
  /// Null: there is none.
  [[nodiscard]] virtual net::PacketQueues* packet_queues() { return nullptr; }

 protected:
  ~LinkHost() = default;
};

}  // namespace microvisor::firmware::link
