// OCTOSPI1 and OCTOSPI2: commands to a serial memory, by registers or through a window in the address space.
//
// Data moves at the speed of the programmed lines and clock, but byte by byte only on paper: sync() works out
// how many bytes have passed since it was last called. One event stands at the moment when the transfer can
// be over or an enabled interrupt becomes due. While a status poll waits for a busy memory it does not ask
// more often than the answer can change (RM0456 chapter 28).
//
// Lives on the board's thread, owned by the board.
#pragma once

#include <array>
#include <functional>

#include "board/bus/clocks.hpp"
#include "board/bus/dma_request.hpp"
#include "board/bus/scheduler.hpp"
#include "board/peripherals/dma_lines.hpp"
#include "board/peripherals/nor_flash.hpp"
#include "board/peripherals/register_block.hpp"
#include "board/peripherals/registry.hpp"

namespace microvisor::board {

class Octospi final : public RegisterBlock, public ExternalMemory {
 public:
  struct Shape {
    std::string_view name;
    std::uint32_t base;
    unsigned interrupt;
    DmaLine dma;
  };
  static constexpr Shape kControllers[2] = {{"OCTOSPI1", 0x420D'1400, 76, DmaLine::Octospi1},
                                            {"OCTOSPI2", 0x420D'2400, 120, DmaLine::Octospi2}};

  /// `device` gives the memory that chip select reaches now; nullptr if there is none.
  Octospi(const Shape& shape, Scheduler& scheduler, Clocks& clocks, InterruptSink& interrupts,
          std::function<NorFlash*()> device);

  [[nodiscard]] std::string_view name() const override { return shape_.name; }
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  [[nodiscard]] DmaRequest& dma() { return dma_; }

  // The memory-mapped window.
  Outcome read(std::uint32_t offset, unsigned size, std::uint32_t& value) override;
  Outcome write(std::uint32_t offset, unsigned size, std::uint32_t value) override;
  using RegisterBlock::read;
  using RegisterBlock::write;

 protected:
  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;

 private:
  enum class State : std::uint8_t { Idle, Command, Reading, Writing, Polling, Mapped };
  enum class Mode : std::uint8_t { Write, Read, Poll, Mapped };
  static constexpr unsigned kFifoSize = 32;
  static constexpr unsigned kBufferSize = 64;  ///< with what would wait on the bus for room

  [[nodiscard]] std::uint32_t& at(std::uint32_t offset) { return words_[offset / 4]; }
  [[nodiscard]] std::uint32_t at(std::uint32_t offset) const { return words_[offset / 4]; }
  [[nodiscard]] Mode mode() const { return static_cast<Mode>(bits(at(0), 29, 28)); }
  [[nodiscard]] bool enabled() const { return test(at(0), 0); }
  [[nodiscard]] std::uint64_t device_size() const { return std::uint64_t{2} << bits(at(8), 20, 16); }
  [[nodiscard]] Time cycle() const;
  [[nodiscard]] Time phase_time(const SerialFlashCommand& command, std::uint32_t configuration) const;
  [[nodiscard]] Time byte_time(std::uint32_t configuration) const;
  [[nodiscard]] SerialFlashCommand command(std::uint32_t registers, std::uint32_t address) const;
  [[nodiscard]] std::uint64_t length() const;

  void store_control(std::uint32_t value, std::uint32_t lanes);
  void instruction_written();
  void address_written();
  void data_written(std::uint32_t value, unsigned width);
  std::uint32_t data_read(unsigned width);
  void start();
  void poll();
  void sync();
  void finish(std::uint32_t flags);
  void abort();
  void step();
  void arm();
  void update();
  void window_used();
  [[nodiscard]] std::uint32_t status() const;
  [[nodiscard]] std::uint8_t fifo_pop();
  void fifo_push(std::uint8_t byte) { fifo_[(fifo_head_ + fifo_level_++) % kBufferSize] = byte; }

  const Shape shape_;
  Scheduler& scheduler_;
  Clocks& clocks_;
  InterruptLine line_;
  DmaRequest dma_;
  std::function<NorFlash*()> device_;

  std::array<std::uint32_t, 0x204 / 4> words_{};
  std::uint32_t flags_ = 0;
  State state_ = State::Idle;
  std::array<std::uint8_t, kBufferSize> fifo_{};
  unsigned fifo_head_ = 0;
  unsigned fifo_level_ = 0;
  std::uint64_t left_ = 0;  ///< bytes still to pass over the wire
  Time wire_free_ = 0;      ///< when the byte now on the wire began (or the command ends)
  Time byte_duration_ = 0;
  Time idle_since_ = 0;       ///< of the memory-mapped window
  std::uint32_t polled_ = 0;  ///< last status, as DR shows it
  Scheduler::Event event_;
};

/// OCTOSPIM: which controller's signals come out at which port. A NOR chip is soldered to port 1, nothing to
/// port 2.
class OctospiManager final : public RegisterBlock {
 public:
  static constexpr std::uint32_t kBase = 0x420C'4000;

  explicit OctospiManager(NorFlash& port1) : port1_(port1) { reset(Reset::System); }

  [[nodiscard]] std::string_view name() const override { return "OCTOSPIM"; }
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  /// What controller `index` (0 or 1) reaches: port 1 takes clock, chip select and IO[3:0] from it.
  [[nodiscard]] NorFlash* device_of(unsigned index) const;

 protected:
  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;

 private:
  NorFlash& port1_;
  std::uint32_t cr_ = 0;
  std::array<std::uint32_t, 2> ports_{};
};

}  // namespace microvisor::board
