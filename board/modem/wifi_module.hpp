// A Wi-Fi module with the command set of ESP-AT for joining, and PPP as its data mode: what it carries goes
// out over a cable if one is plugged in, else over the access point.
//
// wifi_commands.cpp has what it answers, module_firmware.hpp what runs on it. The data mode is not stock
// ESP-AT (FIDELITY.md). Owned by whoever owns the board, lives on its thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "board/modem/absence.hpp"
#include "board/modem/module_firmware.hpp"
#include "board/modem/serial_module.hpp"

namespace microvisor::board {

/// The access point within reach, and the module's times.
struct WifiSettings {
  std::string ssid = {};      ///< empty: there is none
  std::string password = {};  ///< empty: it is open
  AbsenceTimes away = {};     ///< of the access point
  int signal = -57;           ///< dBm
  bool cable = false;
  bool has_address = true;                          ///< the access point gives one
  Time boot = 300 * 1000 * kTicksPerMicrosecond;    ///< "ready"
  Time scan = 2 * kTicksPerSecond;                  ///< until it is known who is there
  Time join = 800 * 1000 * kTicksPerMicrosecond;    ///< behind that: association, and then as long for DHCP
  Time give_up = 15 * kTicksPerSecond;              ///< of joining
  Time response = 2 * 1000 * kTicksPerMicrosecond;  ///< from the end of a command line to its answer
  Time escape_guard = kTicksPerSecond;              ///< silence before and after "+++" (V.250 S12)
  std::uint32_t firmware_version = 1;
  FirmwareFault firmware_fault = FirmwareFault::None;  ///< of what it is updated with
  Time trial = 600 * kTicksPerSecond;                  ///< of firmware that nobody confirms
};

class WifiModule final : public SerialModule {
 public:
  WifiModule(Scheduler& scheduler, Network& network, WifiSettings settings = {});

  void serialise(Archive& archive) override;
  void power_cycle() override;
  void byte_from_chip(std::uint8_t byte) override;
  /// The access point comes or goes, the cable likewise: without either a call loses its carrier.
  void set_access_point(bool present);
  void set_cable(bool plugged);
  [[nodiscard]] const ModuleFirmware& firmware() const { return firmware_; }

 private:
  static constexpr Time kAnswerTime = kTicksPerSecond / 1000;  // until "OK" is out, before a restart
  static constexpr Time kPieceTime = kTicksPerSecond;          // in which a piece of firmware has to come
  /// <state> of +CWSTATE.
  enum class Station : std::uint8_t { Idle, NoAddress, Joined, Joining, Left };
  /// <error code> of +CWJAP.
  enum class JoinError : std::uint8_t { None, Timeout, Password, NoAccessPoint, Failed };

  void boot_done();
  /// Begins to join `ssid`; the command's result comes when that is over.
  void join(std::string ssid, std::string password);
  void join_step();
  void join_ended(JoinError error);
  [[nodiscard]] JoinError judge() const;
  void lose_access_point();
  void leave();
  void rejoin_due();
  void piece_byte(std::uint8_t byte);
  void piece_due();
  void trial_over();
  void say(std::string_view text);

  at::Result execute(const std::string& line) override;
  [[nodiscard]] std::string_view idle_text() const override;
  [[nodiscard]] bool reachable() const override {
    return firmware_.joins() && (settings_.cable || station_ == Station::Joined);
  }

  friend class WifiCommands;

  WifiSettings settings_;
  Absence away_;
  ModuleFirmware firmware_;
  bool present_ = true;  // the access point
  Station station_ = Station::Idle;
  std::string ssid_, password_;  // as the module was told
  bool command_waits_ = false;   // AT+CWJAP has not been answered
  unsigned mode_setting_ = 1;    // +CWMODE
  Scheduler::Event boot_event_;
  Scheduler::Event join_event_;
  Scheduler::Event rejoin_event_;
  Scheduler::Event piece_event_;  // no more of a piece has come
  Scheduler::Event trial_event_;
  Scheduler::Event restart_event_;
};

}  // namespace microvisor::board
