// The bus matrix of the STM32U585 as the model has it: decoding, checking, dispatch.
//
// An address is decoded to a region and an offset, whichever alias it came by. The checker of the region
// judges the transaction (Violation), illegal_access.hpp says what the master sees, TZIC gets the flag. What
// remains goes to the memory or to the register block. Clock-gated blocks read zero and ignore writes.
//
// Owned by the Board, lives on its thread. The parts are attached once, after construction.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "board/bus/bus.hpp"
#include "board/bus/chip_map.hpp"
#include "board/bus/clocks.hpp"
#include "board/bus/illegal_access.hpp"
#include "board/memory/sram.hpp"
#include "board/peripherals/registry.hpp"

namespace microvisor::board {

class Flash;
class Gtzc;
class Icache;
class Ramcfg;
enum class WatermarkMemory : std::uint8_t;

class SystemBus final : public Bus {
 public:
  struct Parts {
    Flash* flash = nullptr;
    Gtzc* gtzc = nullptr;
    Ramcfg* ramcfg = nullptr;
    Icache* icache = nullptr;
    Sram* sram = nullptr;
    Clocks* clocks = nullptr;
    std::array<ExternalMemory*, 2> external{};  ///< behind OCTOSPI1 and OCTOSPI2
    std::array<std::uint8_t, 12> unique_id{};
  };

  SystemBus();
  void attach(const Parts& parts) { parts_ = parts; }
  /// Puts a block at its non-secure base, which has to be in the chip map. The last one placed there wins.
  void place(std::uint32_t base, Peripheral* block);
  [[nodiscard]] Peripheral* block(std::uint32_t base) const;

  // Bus
  Outcome read(std::uint32_t address, unsigned size, const Access& access, std::uint32_t& value) override;
  Outcome write(std::uint32_t address, unsigned size, const Access& access, std::uint32_t value) override;
  [[nodiscard]] std::optional<DirectSpan> direct(std::uint32_t address, const Access& access) override;
  [[nodiscard]] std::optional<RegisterWindow> register_window(std::uint32_t address,
                                                              const Access& access) override;
  [[nodiscard]] Time stalled_until() const override;
  [[nodiscard]] bool peek(std::uint32_t address, unsigned size, std::uint32_t& value) const override;
  bool poke(std::uint32_t address, unsigned size, std::uint32_t value) override;
  void set_observer(BusObserver* observer) override { observer_ = observer; }

  /// For the blocks that change what direct() answers.
  void permissions_changed() const;
  void memory_changed(std::uint32_t physical, std::uint32_t size) const;

 private:
  enum class Region : std::uint8_t { None, Flash, System, Otp, Sram, Sram4, Backup, External, Registers };
  struct Place {
    Region region = Region::None;
    std::uint8_t index = 0;    ///< SRAM 0 to 2, OCTOSPI 0 or 1
    std::uint32_t offset = 0;  ///< in the memory (SRAM: of SRAM1-3 in a row), or the block's address
  };
  struct Slot {
    const ChipBlock* info = nullptr;
    Peripheral* block = nullptr;
  };

  /// Where an address leads for this master; Region::None where no wire of it ends.
  [[nodiscard]] Place decode(std::uint32_t address, Master master = Master::Core) const;
  [[nodiscard]] Place decode_all(std::uint32_t address, Master master) const;
  [[nodiscard]] Place decode_code_bus(std::uint32_t address, Master master) const;
  /// Memories that the bus holds itself; null for others or past the end.
  [[nodiscard]] std::uint8_t* host_of(const Place& place, unsigned size) const;
  [[nodiscard]] Violation check(const Place& place, const Access& access) const;
  [[nodiscard]] Violation check_block(const ChipBlock& info, const Access& access) const;
  [[nodiscard]] bool clocked(const ChipBlock& info) const;
  [[nodiscard]] const Slot* slot_of(std::uint32_t address) const;
  enum class Kind : std::uint8_t { Read, Write };
  /// What the master gets for a violation, with the flag latched.
  Outcome refuse(Violation violation, const Access& access, Kind kind, GtzcBit flag) const;
  [[nodiscard]] static GtzcBit flag_of(const Place& place);
  [[nodiscard]] std::uint32_t system_word(std::uint32_t offset, unsigned size) const;
  Outcome read_block(std::uint32_t address, unsigned size, const Access& access, std::uint32_t& value) const;
  Outcome write_block(std::uint32_t address, unsigned size, const Access& access, std::uint32_t value) const;

  Parts parts_;
  std::vector<Slot> slots_;
  BusObserver* observer_ = nullptr;
};

}  // namespace microvisor::board
