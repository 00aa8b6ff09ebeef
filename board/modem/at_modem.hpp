// A cellular module: the commands of 3GPP TS 27.007, its SIM, and the network that it finds or does not.
//
// at_commands.cpp has what it answers. Owned by whoever owns the board, lives on its thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "board/modem/absence.hpp"
#include "board/modem/serial_module.hpp"

namespace microvisor::board {

enum class Sim : std::uint8_t {
  Ready,
  Missing,
  Locked,  ///< it wants a PIN
};

/// What the air has for this subscription (<stat> of TS 27.007 section 7.2).
enum class Coverage : std::uint8_t { Home, Roaming, Denied, None };

/// Moments in the life of the module, from power-on; and what an operator sees of it.
struct ModemSettings {
  Time boot = 150 * 1000 * kTicksPerMicrosecond;        ///< "RDY"
  Time sim_ready = 220 * 1000 * kTicksPerMicrosecond;   ///< "+CPIN: READY"
  Time registered = 400 * 1000 * kTicksPerMicrosecond;  ///< attached to the network
  Time response = 2 * 1000 * kTicksPerMicrosecond;      ///< from the end of a command line to its answer
  Time escape_guard = kTicksPerSecond;                  ///< silence before and after "+++" (V.250 S12)
  Sim sim = Sim::Ready;
  Coverage coverage = Coverage::Home;
  AbsenceTimes away = {};            ///< of that coverage
  std::string apn = {};              ///< the only one that the network gives a context; empty: it gives any
  bool subscription_has_apn = true;  ///< whoever names none gets one, too
  unsigned signal_quality = 23;      ///< +CSQ, 0 to 31; 99 is not known
  std::string imei = "867698040000001";
  std::string imsi = "001010000000001";
  std::string iccid = "89882390000000000017";
};

class AtModem final : public SerialModule {
 public:
  AtModem(Scheduler& scheduler, Network& network, ModemSettings settings = {});

  void serialise(Archive& archive) override;
  void power_cycle() override;
  /// The air is another one from now on. Without a network that takes the module a call loses its carrier.
  void set_coverage(Coverage coverage);
  /// There is none at all, until it is back.
  void set_away(bool away);

 private:
  void boot_done();
  void sim_done();
  void registration_done();
  void report_registration(std::string_view name, unsigned mode);
  [[nodiscard]] char registration_state() const;
  void coverage_changed();
  [[nodiscard]] Coverage coverage() const { return is_away_ ? Coverage::None : settings_.coverage; }
  [[nodiscard]] bool covered() const {
    return coverage() == Coverage::Home || coverage() == Coverage::Roaming;
  }
  at::Result execute(const std::string& line) override;
  [[nodiscard]] std::string_view idle_text() const override;
  [[nodiscard]] bool reachable() const override { return registered_ && has_context(); }
  /// The network gives the context that AT+CGDCONT has defined.
  [[nodiscard]] bool has_context() const;

  friend class AtCommands;

  ModemSettings settings_;
  Absence away_;
  bool is_away_ = false;
  bool sim_ready_ = false;
  bool registered_ = false;
  bool searched_ = false;  // the first search is over
  Scheduler::Event boot_event_;
  Scheduler::Event sim_event_;
  Scheduler::Event registration_event_;
};

}  // namespace microvisor::board
