// A whole device on the joined network that is being updated: board, modem, and the gateway of an UpdateKind
// inside the process, so that a run is a function of its seeds.
//
// A device is one life of the board, from power-on to power-off; its memories go from life to life.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "board/board.hpp"
#include "board/fault/fault.hpp"
#include "board/modem/at_modem.hpp"
#include "board/modem/joined_network.hpp"
#include "tests/faults/update_kind.hpp"

namespace microvisor::tests {

/// The name under which devices look for the gateway.
inline constexpr const char* kGatewayName = "gateway.example";

class UpdatingDevice {
 public:
  /// Switches on. `kind` must outlive the device.
  UpdatingDevice(UpdateKind& kind, board::BoardMemories memories);

  /// Runs until it has shown which version is in force; empty then, else what is wrong. Ends early, and
  /// empty, if the power is cut.
  [[nodiscard]] std::string run_until_shown();
  /// The same, until this version is complete.
  [[nodiscard]] std::string run_until_complete(Version version);
  [[nodiscard]] bool power_was_cut() { return !memories().supply().on(); }
  [[nodiscard]] std::uint64_t instructions() const { return board_->statistics().instructions; }
  [[nodiscard]] board::Board& board() { return *board_; }
  [[nodiscard]] board::BoardMemories& memories() { return board_->memories(); }
  /// Ends this life: what remains without power.
  [[nodiscard]] board::BoardMemories switch_off();
  /// As switch_off(), in a process that has been forked off in the middle of one of the board's instructions:
  /// nothing of the board may be destroyed.
  [[nodiscard]] board::BoardMemories abandon();

 private:
  void application_starts();
  [[nodiscard]] std::string run_until(const std::function<bool()>& reached);

  UpdateKind& kind_;
  std::unique_ptr<board::Board> board_;
  std::unique_ptr<board::JoinedNetwork> network_;
  std::unique_ptr<board::AtModem> modem_;
  std::string problem_;
};

}  // namespace microvisor::tests
