// An octal NOR flash chip of the MX25LM51245G class: 64 MiB, SPI and octal (OPI) protocols.
//
// The controller hands over one command at a time: what its phases look like on the wire, then data bytes,
// then the rise of chip select, at which writes take effect. A command in the wrong protocol is not
// understood and ignored, and so is one with the wrong number of address bytes. Programming and erasing take
// the data sheet's typical times; cells change at the end, and NorCells knows what a power cut leaves before
// (MX25LM51245G data sheet, command set and AC characteristics).
//
// Lives on the board's thread, owned by the chip's external memory manager.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "board/bus/archive.hpp"
#include "board/bus/scheduler.hpp"
#include "board/memory/nor_cells.hpp"

namespace microvisor::board {

/// A command as its phases stand on the wire. Zero lines: the phase is left out.
struct SerialFlashCommand {
  unsigned instruction_lines = 0;
  unsigned instruction_bytes = 1;
  bool instruction_dtr = false;
  std::uint32_t instruction = 0;
  unsigned address_lines = 0;
  unsigned address_bytes = 0;
  std::uint32_t address = 0;
  unsigned data_lines = 0;
  bool data_dtr = false;
  unsigned dummy_cycles = 0;
};

class NorFlash {
 public:
  enum class Protocol : std::uint8_t { Spi, OctalStr, OctalDtr };

  NorFlash(Scheduler& scheduler, NorCells& cells);

  /// Chip select falls and the command goes over the wire.
  void begin(const SerialFlashCommand& command);
  [[nodiscard]] std::uint8_t read();
  void write(std::uint8_t byte);
  /// Chip select rises.
  void end();

  /// Supply comes (back): whatever was under way has stopped half done.
  void power_on();
  void serialise(Archive& archive);

  [[nodiscard]] Protocol protocol() const;
  [[nodiscard]] bool busy() const { return operation_ != Operation::None && !suspended_; }
  /// When the running operation ends; meaningful while busy().
  [[nodiscard]] Time busy_until() const { return done_.due(); }

 private:
  enum class Operation : std::uint8_t { None, Program, Erase, ChipErase, WriteRegisters, Recover };
  enum class Source : std::uint8_t { None, Array, Status, Configuration, Configuration2, Security, Id, Sfdp };

  void decode(std::uint8_t opcode);
  void decode_read(std::uint8_t opcode);
  void decode_write(std::uint8_t opcode);
  [[nodiscard]] std::optional<std::uint8_t> opcode_of(const SerialFlashCommand& command) const;
  [[nodiscard]] bool address_fits(std::uint8_t opcode) const;
  [[nodiscard]] int read_skew(unsigned expected_dummy) const;
  [[nodiscard]] unsigned array_dummy_cycles() const;
  [[nodiscard]] unsigned register_dummy_cycles() const;
  void start_reading(Source source, std::uint32_t address, unsigned expected_dummy);
  [[nodiscard]] std::uint8_t configuration2(std::uint32_t address) const;
  [[nodiscard]] bool is_protected(std::uint32_t address, std::uint32_t size) const;

  void finish_program();
  void finish_erase(std::uint32_t size, Time duration);
  void finish_status_write();
  void finish_configuration2();
  void finish_security_write();
  void start_operation(Operation operation, Time duration);
  void operation_done();
  void software_reset();
  void suspend();
  void resume();

  Scheduler& scheduler_;
  NorCells& cells_;
  Scheduler::Event done_;

  // Volatile registers and bits; the others stand in cells_.registers().
  bool write_enabled_ = false;   ///< SR.WEL
  std::uint8_t security_ = 0;    ///< P_FAIL, E_FAIL, PSB, ESB
  std::uint8_t octal_ = 0;       ///< CR2 at address 0: SOPI, DOPI
  std::uint8_t dqs_ = 0;         ///< CR2 at 0x200
  std::uint8_t dummy_code_ = 0;  ///< CR2 at 0x300
  bool four_bytes_ = false;      ///< 4-byte address mode of the SPI protocol
  bool reset_enabled_ = false;
  bool asleep_ = false;
  bool suspended_ = false;

  // The command on the wire.
  bool selected_ = false;
  std::uint8_t opcode_ = 0;
  SerialFlashCommand command_;
  Source source_ = Source::None;
  std::uint32_t cursor_ = 0;
  bool corrupt_ = false;  ///< dummy cycles that cannot give whole bytes
  bool takes_data_ = false;
  std::vector<std::uint8_t> written_;

  // The operation under way.
  Operation operation_ = Operation::None;
  Time remaining_ = 0;  ///< of a suspended operation
};

}  // namespace microvisor::board
