// A Wi-Fi module with the command set of ESP-AT for joining, and PPP as its data mode: what it carries goes
// out over a cable if one is plugged in, else over the access point.
//
// wifi_commands.cpp has what it answers. The data mode is not stock ESP-AT (FIDELITY.md). Owned by whoever
// owns the board, lives on its thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "board/modem/absence.hpp"
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
};

class WifiModule final : public SerialModule {
 public:
  WifiModule(Scheduler& scheduler, Network& network, WifiSettings settings = {});

  void serialise(Archive& archive) override;
  void power_cycle() override;
  /// The access point comes or goes, the cable likewise: without either a call loses its carrier.
  void set_access_point(bool present);
  void set_cable(bool plugged);

 private:
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
  void say(std::string_view text);

  at::Result execute(const std::string& line) override;
  [[nodiscard]] std::string_view idle_text() const override;
  [[nodiscard]] bool reachable() const override { return settings_.cable || station_ == Station::Joined; }

  friend class WifiCommands;

  WifiSettings settings_;
  Absence away_;
  bool present_ = true;  // the access point
  Station station_ = Station::Idle;
  std::string ssid_, password_;  // as the module was told
  bool command_waits_ = false;   // AT+CWJAP has not been answered
  unsigned mode_setting_ = 1;    // +CWMODE
  Scheduler::Event boot_event_;
  Scheduler::Event join_event_;
  Scheduler::Event rejoin_event_;
};

}  // namespace microvisor::board
