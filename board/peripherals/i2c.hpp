// I2C1 to I2C4 as controllers, with targets attached to the bus.
//
// The state machine moves in steps of one byte on the wire, each of which takes nine clock periods of the
// programmed timing: address, data bytes, STOP. What software sees between the steps is what the manual says
// of TXIS, RXNE, TC, TCR, NACKF and STOPF (RM0456 chapter 65). An address nobody answers gives NACKF and an
// automatic STOP. The chip as a target is register storage only: nothing on the board addresses it.
//
// Lives on the board's thread, owned by the board.
#pragma once

#include <map>
#include <span>
#include <string_view>

#include "board/bus/clocks.hpp"
#include "board/bus/dma_request.hpp"
#include "board/bus/scheduler.hpp"
#include "board/peripherals/dma_lines.hpp"
#include "board/peripherals/i2c_slave.hpp"
#include "board/peripherals/register_block.hpp"

namespace microvisor::board {

class I2c final : public RegisterBlock, public I2cBus {
 public:
  struct Shape {
    std::string_view name;
    std::uint32_t base;
    unsigned event_line;
    unsigned error_line;
    DmaLine dma_receive;
    DmaLine dma_transmit;
  };
  static std::span<const Shape> buses();

  I2c(const Shape& shape, Scheduler& scheduler, Clocks& clocks, InterruptSink& interrupts);

  [[nodiscard]] std::string_view name() const override { return shape_.name; }
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  [[nodiscard]] DmaRequest& dma_receive() { return dma_receive_; }
  [[nodiscard]] DmaRequest& dma_transmit() { return dma_transmit_; }

  void attach(std::uint8_t address, I2cSlave* slave) override;

 protected:
  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;

 private:
  /// What is on the wire, or what is waited for while the clock is stretched.
  enum class Step : std::uint8_t {
    Idle,
    Address,
    SendByte,
    ReceiveByte,
    WaitData,
    WaitRead,
    WaitSoftware,
    Stop
  };

  [[nodiscard]] bool enabled() const { return test(cr1_, 0); }
  [[nodiscard]] bool reading() const { return test(cr2_, 10); }
  [[nodiscard]] Time byte_time() const;
  [[nodiscard]] I2cSlave* addressed() const;
  void store_cr2(std::uint32_t value, std::uint32_t lanes);
  void store_isr(std::uint32_t value);
  void send(std::uint8_t byte);
  void release();
  void begin(Step step);
  void step_done();
  void address_done();
  void byte_sent();
  void byte_received();
  /// After the address or a byte: the next byte, or what follows NBYTES.
  void go_on();
  void chunk_done();
  void stop_bus();
  void update();

  const Shape shape_;
  Scheduler& scheduler_;
  Clocks& clocks_;
  InterruptLine event_line_;
  InterruptLine error_line_;
  DmaRequest dma_receive_;
  DmaRequest dma_transmit_;
  std::map<std::uint8_t, I2cSlave*> slaves_;

  std::uint32_t cr1_ = 0, cr2_ = 0, oar1_ = 0, oar2_ = 0, timing_ = 0, timeout_ = 0, autocr_ = 0;
  std::uint32_t isr_ = 1;
  std::uint8_t rxdr_ = 0;
  std::uint8_t txdr_ = 0;
  std::uint8_t target_ = 0;  ///< address of the running transfer
  std::uint32_t left_ = 0;   ///< bytes of NBYTES still to come
  Step step_ = Step::Idle;
  Scheduler::Event event_;
};

}  // namespace microvisor::board
