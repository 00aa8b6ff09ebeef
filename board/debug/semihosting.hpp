// Semihosting: what bare firmware asks of the host by BKPT 0xAB (Arm, "Semihosting for AArch32 and AArch64").
//
// Console output, clock and exit. There are no host files: opening anything but the console (":tt") fails.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "board/bus/archive.hpp"
#include "board/bus/bus.hpp"
#include "board/bus/scheduler.hpp"

namespace microvisor::board {

struct CoreState;

class Semihosting {
 public:
  /// `console` gets what the firmware writes, as it writes it.
  Semihosting(Bus& bus, const Scheduler& scheduler, std::function<void(std::string_view)> console);

  /// Performs the operation in R0 with the argument in R1 and leaves the result in R0; moves PC behind the
  /// BKPT. The firmware's exit status if the operation was an exit.
  std::optional<int> perform(CoreState& state);
  void serialise(Archive& archive) { archive(last_error_); }

 private:
  [[nodiscard]] std::uint32_t word(std::uint32_t address) const;
  [[nodiscard]] std::string text(std::uint32_t address, std::uint32_t length) const;
  [[nodiscard]] std::string terminated(std::uint32_t address) const;
  std::uint32_t open(std::uint32_t block);
  void write(std::string_view bytes) const;
  std::uint32_t write_handle(std::uint32_t block);

  Bus& bus_;
  const Scheduler& scheduler_;
  std::function<void(std::string_view)> console_;
  std::uint32_t last_error_ = 0;
};

}  // namespace microvisor::board
