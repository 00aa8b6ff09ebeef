// How the peripherals that are not part of the memory system join the chip.
//
// The Board builds memories, bus, flash interface, GTZC, SYSCFG and the other blocks close to the bus by
// itself, hands ChipPorts to make_chip_peripherals(), and places what comes back on the bus. From then on it
// knows those blocks only as Peripheral and through the few interfaces below.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "board/bus/bus.hpp"
#include "board/bus/clocks.hpp"
#include "board/bus/edge.hpp"
#include "board/bus/peripheral.hpp"
#include "board/bus/scheduler.hpp"
#include "board/bus/security.hpp"
#include "board/memory/nor_cells.hpp"

namespace microvisor::board {

/// Why the chip was reset: one flag of RCC_CSR each (RM0456 RCC_CSR). Every reset also sets PINRSTF.
enum class ResetCause : std::uint8_t {
  PowerOn,
  Pin,
  Software,
  IndependentWatchdog,
  WindowWatchdog,
  OptionLoad,
  LowPower,
  Standby  ///< the end of Standby: a system reset without a flag of its own
};

/// What the Board offers to the blocks. All references outlive them.
struct ChipPorts {
  Scheduler& scheduler;
  InterruptSink& interrupts;
  /// For the blocks that are bus masters themselves.
  Bus& bus;
  Protection& protection;
  /// Resets the chip after the current instruction.
  std::function<void(ResetCause)> request_reset;
  /// RCC calls it when a bit of an RSTR register rises: the block at this non-secure base returns to reset
  /// values. Which bit belongs to which block stands in board/bus/chip_map.hpp.
  std::function<void(std::uint32_t peripheral_base)> reset_block;
  /// RCC calls it when a block's clock has been switched on or off.
  std::function<void()> clock_gates_changed = {};
  /// Active value of FLASH_OPTR (IWDG_SW, nRST_STOP ...; RM0456 7.9.13).
  std::function<std::uint32_t()> option_register;
  /// Kept on VBAT and, through the board directory, over a power cut: RTC, TAMP, backup registers, BDCR. All
  /// zero on a new board. Layout is the blocks' own (backup_domain.hpp).
  std::span<std::uint8_t> backup_domain;
  /// The cells and non-volatile registers of the NOR chip, 64 MiB.
  NorCells& nor;
  /// Erases SRAM2 and BKPSRAM (tamper event, RM0456 63.3.5).
  std::function<void()> erase_on_tamper;
  /// A memory loses its supply, and its contents: `physical` as in bus.hpp.
  std::function<void(std::uint32_t physical, std::uint32_t size)> lose_memory;
  /// The flash is being written: Stop modes wait for it (RM0456 10.7.6).
  std::function<bool()> flash_busy;
  /// Seed of everything random on this board (RNG noise).
  std::uint64_t seed = 0;
};

/// A block and the non-secure base address where it stands.
struct PlacedBlock {
  std::uint32_t base = 0;
  std::unique_ptr<Peripheral> block;
};

/// Memory behind an OCTOSPI in memory-mapped mode. Offsets are relative to the window (0x9000'0000,
/// 0x7000'0000).
class ExternalMemory {
 public:
  virtual ~ExternalMemory() = default;
  virtual Outcome read(std::uint32_t offset, unsigned size, std::uint32_t& value) = 0;
  virtual Outcome write(std::uint32_t offset, unsigned size, std::uint32_t value) = 0;
};

/// How much of the chip is off; each mode has less than the one before (RM0456 section 10.7).
enum class PowerMode : std::uint8_t { Run, Sleep, Stop0, Stop1, Stop2, Stop3, Standby, Shutdown };

/// Low-power modes, implemented by PWR. The Board calls it around each sleep of the core.
class PowerModes {
 public:
  virtual ~PowerModes() = default;
  /// The core sleeps; `deep` is SCR.SLEEPDEEP. May stop clocks or, for Standby and Shutdown, ask for a reset
  /// later. To be called again on every turn while the core sleeps: an entry may have to wait until a clock
  /// is no longer asked for. Gives the mode reached.
  virtual PowerMode core_asleep(bool deep) = 0;
  /// The core is about to run again.
  virtual void core_awake() = 0;
};

class I2cBus;  // i2c_slave.hpp

/// Everything make_chip_peripherals() built. Owned by the Board.
class ChipPeripherals {
 public:
  virtual ~ChipPeripherals() = default;
  /// Hands over the blocks, in the order in which reset and serialisation visit them. Called once.
  [[nodiscard]] virtual std::vector<PlacedBlock> take_blocks() = 0;
  [[nodiscard]] virtual Clocks& clocks() = 0;
  [[nodiscard]] virtual Pins& pins() = 0;
  [[nodiscard]] virtual PowerModes& power() = 0;
  /// Called before the blocks' reset(): RCC notes the cause for RCC_CSR.
  virtual void note_reset(ResetCause cause) = 0;
  /// The read-out protection goes down: backup registers and the RAM of PKA are erased (RM0456 7.6.2).
  virtual void erase_for_regression() = 0;
  /// UART at this non-secure base address; nullptr if there is none.
  [[nodiscard]] virtual SerialPort* serial(std::uint32_t base) = 0;
  /// I2C bus at this non-secure base address, where targets are attached; nullptr if there is none.
  [[nodiscard]] virtual I2cBus* i2c(std::uint32_t base) = 0;
  /// Memory behind OCTOSPI1 (index 0) or OCTOSPI2 (1); nullptr if nothing is mounted there.
  [[nodiscard]] virtual ExternalMemory* external(unsigned index) = 0;
};

/// Defined beside the blocks (chip_peripherals.cpp).
std::unique_ptr<ChipPeripherals> make_chip_peripherals(const ChipPorts& ports);

}  // namespace microvisor::board
