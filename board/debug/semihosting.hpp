// Semihosting: what bare firmware asks of the host by BKPT 0xAB (Arm, "Semihosting for AArch32 and AArch64",
// AArch32 calls).
//
// Console, clocks and exit, on virtual time. The only files are the console ":tt" and
// ":semihosting-features"; nothing of the host's file system can be reached. What a pointer of the firmware
// leads to is read and written as a debugger does.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "board/bus/archive.hpp"
#include "board/bus/bus.hpp"
#include "board/bus/scheduler.hpp"

namespace microvisor::board {

struct CoreState;

/// The host's side. Functions may be empty: no output, end of input.
struct SemihostingPorts {
  /// Gets what the firmware writes, as it writes it.
  std::function<void(std::string_view)> console;
  /// Fills the buffer as far as there is input; waits for the first byte. 0: the end.
  std::function<std::size_t(std::span<char>)> input;
  /// What SYS_GET_CMDLINE gives.
  std::string command_line;
};

class Semihosting {
 public:
  Semihosting(Bus& bus, const Scheduler& scheduler, SemihostingPorts ports);

  /// Performs the operation in R0 with the argument in R1 and leaves the result in R0; moves PC behind the
  /// BKPT. The firmware's exit status if the operation was an exit.
  std::optional<int> perform(CoreState& state);
  void serialise(Archive& archive) { archive(files_, features_position_, last_error_); }

 private:
  enum class File : std::uint8_t { Closed, Input, Output, Features };

  std::uint32_t operate(std::uint32_t operation, std::uint32_t argument);
  std::uint32_t open(std::uint32_t block);
  std::uint32_t close(std::uint32_t handle);
  std::uint32_t write_file(std::uint32_t block);
  std::uint32_t read_file(std::uint32_t block);
  std::uint32_t read_character();
  std::uint32_t seek(std::uint32_t block);
  std::uint32_t length(std::uint32_t handle);
  std::uint32_t is_terminal(std::uint32_t handle);
  std::uint32_t command_line(std::uint32_t block);
  std::uint32_t heap(std::uint32_t block);
  std::uint32_t elapsed(std::uint32_t block);

  std::uint32_t fail(std::uint32_t error);
  [[nodiscard]] File file(std::uint32_t handle) const;
  void write(std::string_view bytes) const;
  [[nodiscard]] std::uint32_t word(std::uint32_t address) const;
  [[nodiscard]] std::string text(std::uint32_t address, std::uint32_t length) const;
  [[nodiscard]] std::string terminated(std::uint32_t address) const;
  bool put(std::uint32_t address, std::string_view bytes);

  static constexpr std::size_t kHandles = 16;

  Bus& bus_;
  const Scheduler& scheduler_;
  SemihostingPorts ports_;
  std::array<File, kHandles> files_{};  ///< handle n + 1; 0 is not a handle
  std::size_t features_position_ = 0;
  std::uint32_t last_error_ = 0;
};

}  // namespace microvisor::board
