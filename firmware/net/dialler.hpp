// Gets a module from whatever state it is in to a PPP connection, by AT commands (ITU-T V.250, 3GPP
// TS 27.007).
//
// The module outlives resets of the chip, so it may still be in a call: the dialler first ends that by PPP's
// own means, which works at once, then by the escape sequence, which takes its guard times.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "firmware/net/platform.hpp"

namespace microvisor::firmware::net {

enum class DialResult : std::uint8_t {
  Connected,      ///< data mode: what follows on the line is PPP
  Debugger,       ///< data mode, but no network: a developer's machine in the module's place, CONNECT DEBUG
  NoModem,        ///< no answer to AT
  NoSim,          ///< no SIM, or it wants a PIN
  NotRegistered,  ///< no network
  Refused,        ///< the call was not set up
};

class Dialler {
 public:
  /// `apn` must outlive the dialler; empty: the subscription's own.
  explicit Dialler(Platform& platform, std::string_view apn = {}) : platform_(platform), apn_(apn) {}

  /// Blocks, at most about two minutes.
  [[nodiscard]] DialResult dial();

 private:
  enum class Answer : std::uint8_t { Ok, Connect, ConnectDebug, Error, NoCarrier, Timeout };

  [[nodiscard]] bool wake_modem();
  [[nodiscard]] bool leave_old_call();
  [[nodiscard]] bool set_up();
  [[nodiscard]] DialResult wait_for_sim(std::uint64_t deadline);
  [[nodiscard]] DialResult wait_for_network(std::uint64_t deadline);
  [[nodiscard]] DialResult call();

  [[nodiscard]] Answer command(std::string_view text, std::uint64_t timeout);
  [[nodiscard]] Answer answer(std::uint64_t deadline);
  [[nodiscard]] bool next_line(std::uint64_t deadline);
  void take_character(char character);
  void pause(std::uint64_t microseconds);
  void drain();
  void send(std::string_view text);

  Platform& platform_;
  std::string_view apn_;
  std::array<char, 96> line_{};
  std::size_t length_ = 0;
  bool line_complete_ = false;
  std::array<char, 96> information_{};  // last line that began with '+'
  std::size_t information_length_ = 0;
};

}  // namespace microvisor::firmware::net
