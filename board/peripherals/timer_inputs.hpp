// The input side of a timer: which edges of its pins, of ETR and of another timer capture, trigger or count.
//
// Nothing here knows of time or of the counter. A signal's new level is put in, and with the registers that
// give it a meaning comes out what the timer has to do (RM0456 54.3 and 55.3: input stage, slave mode
// controller, encoder interface). Digital filters are not modelled: an edge counts at once.
#pragma once

#include <array>
#include <cstdint>

#include "board/bus/archive.hpp"

namespace microvisor::board {

class TimerInputs {
 public:
  static constexpr unsigned kChannels = 4;

  struct Registers {
    std::uint32_t cr2 = 0, smcr = 0, ccmr1 = 0, ccmr2 = 0, ccer = 0;
  };
  struct Reaction {
    std::uint32_t captures = 0;    ///< bit n: channel n + 1
    bool trigger_edge = false;     ///< TRGI became active
    bool trigger_changed = false;  ///< TRGI became active or inactive
    bool clock_edge = false;       ///< of ETRF, for external clock mode 2
    int steps = 0;                 ///< of the encoder: -1, 0 or 1
  };

  /// Input pin of a channel (from 0).
  [[nodiscard]] Reaction set_pin(unsigned channel, bool level, const Registers& registers);
  [[nodiscard]] Reaction set_external(bool level, const Registers& registers);
  /// The trigger output of the timer that TS selects.
  [[nodiscard]] Reaction set_internal(bool level, const Registers& registers);
  /// The level of TRGI, for gated mode.
  [[nodiscard]] bool trigger_level(const Registers& registers) const;
  /// A channel that is switched off forgets the edges its prescaler has counted (RM0456 CCMR1.IC1PSC).
  void forget_disabled(std::uint32_t ccer);

  /// Number of the internal trigger that SMCR.TS selects; -1: TS selects a pin.
  [[nodiscard]] static int internal_source(std::uint32_t smcr);
  void serialise(Archive& archive) { archive(now_, captured_, external_edges_); }

 private:
  struct Signals {
    std::array<bool, kChannels> pins{};
    bool external = false;
    bool internal = false;
  };
  [[nodiscard]] Reaction change(const Signals& next, const Registers& registers);
  [[nodiscard]] bool captures(unsigned channel, const Signals& next, const Registers& registers);

  Signals now_;
  std::array<std::uint8_t, kChannels> captured_{};  ///< edges counted by ICxPSC
  std::uint8_t external_edges_ = 0;                 ///< counted by ETPS
};

}  // namespace microvisor::board
