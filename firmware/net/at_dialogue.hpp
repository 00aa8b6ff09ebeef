// A dialogue by AT commands (ITU-T V.250): what the modules of all bearers have in common.
//
// A module outlives resets of the chip, so it may still be in a call: wake() first ends that by PPP's own
// means, which works at once, then by the escape sequence, which takes its guard times. Everything blocks, in
// the worker.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "firmware/net/platform.hpp"

namespace microvisor::firmware::net {

/// Up to NoGateway with the numbers of link.proto BearerFailure.
enum class DialResult : std::uint8_t {
  Connected,      ///< data mode: what follows on the line is PPP
  NoModem,        ///< no answer to AT
  NoSim,          ///< no SIM, or it does not work
  SimLocked,      ///< it wants a PIN, which the device does not have
  NotRegistered,  ///< no network
  Denied,         ///< a network that does not want this subscription
  Refused,        ///< the call was not set up
  NoAccessPoint,  ///< nobody has this name
  WrongPassword,  ///< or none where one is needed
  NotJoined,      ///< the access point did not let the module in, or gave it no address
  NoGateway,      ///< it was up, and nothing was heard of the cloud; no dialler says so
  Debugger,       ///< data mode, but no network: a developer's machine in the module's place, CONNECT DEBUG
  Settings,       ///< likewise, and it wants to set what the bearers are brought up with: CONNECT WIFI
};

/// What a module says of the way that it gives, as it is dialled.
struct Reception {
  std::int16_t dbm = 0;  ///< 0: not known
  bool roaming = false;  ///< cellular: in another network than the subscription's own
  bool cable = false;    ///< Wi-Fi module: it has one, which goes before its radio
};

class AtDialogue {
 public:
  enum class Answer : std::uint8_t { Ok, Connect, ConnectDebug, ConnectWifi, Error, NoCarrier, Timeout };

  /// `line_end` must outlive the dialogue: a carriage return (V.250), for some modules with a line feed.
  explicit AtDialogue(Platform& platform, std::string_view line_end = "\r")
      : platform_(platform), line_end_(line_end) {}

  /// To command mode without echo, from whatever state the module is in, within `boot_time` and the guard
  /// times. False: no answer.
  [[nodiscard]] bool wake(std::uint64_t boot_time);
  /// The final result code. What the module tells before it is read by information().
  [[nodiscard]] Answer command(std::string_view text, std::uint64_t timeout);
  /// Likewise, with a command in parts: the last of them goes by command().
  void send(std::string_view text);
  /// The last information line that began with a plus, or the equipment's error.
  [[nodiscard]] std::string_view information() const { return {information_.data(), information_length_}; }
  /// Lets time pass; what comes meanwhile is dropped.
  void pause(std::uint64_t microseconds);
  void drain();
  [[nodiscard]] std::uint64_t now() { return platform_.now(); }

  static constexpr std::uint64_t kCommandTime = kSeconds;  ///< of what needs no network

 private:
  [[nodiscard]] bool leave_old_call();
  [[nodiscard]] Answer answer(std::uint64_t deadline);
  [[nodiscard]] bool next_line(std::uint64_t deadline);
  void take_character(char character);

  Platform& platform_;
  std::string_view line_end_;
  std::array<char, 96> line_{};
  std::size_t length_ = 0;
  bool line_complete_ = false;
  std::array<char, 96> information_{};
  std::size_t information_length_ = 0;
};

[[nodiscard]] constexpr bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

/// The next decimal number in what a module says, which is cut off behind it; 0: there is none.
[[nodiscard]] std::uint32_t take_number(std::string_view& text);

}  // namespace microvisor::firmware::net
