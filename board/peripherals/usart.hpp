// USART1-3, UART4/5 and LPUART1: asynchronous serial ports with FIFO, flow control and real character times.
//
// A frame leaves the shifter one frame time after it entered it; TXE and TC follow from that and from nothing
// else. The other end delivers a byte at the end of its stop bit and keeps its own pace. RTS falls while the
// receiver is full, so that a sender that heeds it never causes an overrun; bytes that arrive while the
// receiver is off are lost without a trace (RM0456 chapters 66 and 67). Idle line and receiver time-out show
// one frame late, because only then it is certain that no frame had begun.
//
// Lives on the board's thread, owned by the board.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "board/bus/clocks.hpp"
#include "board/bus/dma_request.hpp"
#include "board/bus/edge.hpp"
#include "board/bus/scheduler.hpp"
#include "board/peripherals/dma_lines.hpp"
#include "board/peripherals/register_block.hpp"

namespace microvisor::board {

class Usart final : public RegisterBlock, public SerialPort {
 public:
  struct Shape {
    std::string_view name;
    std::uint32_t base;
    unsigned interrupt;
    DmaLine dma_receive;
    DmaLine dma_transmit;
    bool low_power = false;  ///< LPUART: 20-bit divider of 256 times the kernel clock, no receiver time-out
  };
  /// The six ports of the chip.
  static std::span<const Shape> ports();

  Usart(const Shape& shape, Scheduler& scheduler, Clocks& clocks, InterruptSink& interrupts);

  [[nodiscard]] std::string_view name() const override { return shape_.name; }
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  [[nodiscard]] DmaRequest& dma_receive() { return dma_receive_; }
  [[nodiscard]] DmaRequest& dma_transmit() { return dma_transmit_; }

  void connect(SerialDevice* device) override;
  void byte_to_chip(std::uint8_t byte) override;
  void set_device_ready(bool ready) override;
  [[nodiscard]] bool chip_ready() const override { return announced_ready_; }
  [[nodiscard]] Time frame_time() const override;

 protected:
  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;

 private:
  static constexpr unsigned kDepth = 8;
  struct Fifo {
    std::array<std::uint16_t, kDepth> entries{};
    unsigned size = 0;
    void push(std::uint16_t entry) { entries[size++] = entry; }
    std::uint16_t pop();
  };

  [[nodiscard]] bool enabled() const { return test(cr1_, 0); }
  [[nodiscard]] bool fifo_mode() const { return test(cr1_, 29); }
  [[nodiscard]] unsigned depth() const { return fifo_mode() ? kDepth : 1; }
  [[nodiscard]] unsigned data_bits() const;  ///< without parity
  [[nodiscard]] Time bit_times(unsigned half_bits) const;
  [[nodiscard]] std::uint16_t with_parity(std::uint16_t data) const;
  [[nodiscard]] std::uint32_t status() const;
  [[nodiscard]] bool interrupt_wanted(std::uint32_t isr) const;

  void store_cr1(std::uint32_t value, std::uint32_t lanes);
  void store_request(std::uint32_t value);
  void disable();
  void transmit(std::uint16_t data);
  void start_frame(Time start);
  void frame_sent();
  void line_idle();
  void receiver_timeout();
  /// Interrupt line, DMA requests and RTS follow the state.
  void update();

  const Shape shape_;
  Scheduler& scheduler_;
  Clocks& clocks_;
  InterruptLine line_;
  DmaRequest dma_receive_;
  DmaRequest dma_transmit_;
  SerialDevice* device_ = nullptr;

  std::uint32_t cr1_ = 0, cr2_ = 0, cr3_ = 0, brr_ = 0, gtpr_ = 0, rtor_ = 0, presc_ = 0,
                autocr_ = 0x8000'0000;
  std::uint32_t flags_ = 0;  ///< sticky bits of ISR
  Fifo tx_;
  Fifo rx_;
  std::uint16_t shifter_ = 0;
  std::uint16_t last_rdr_ = 0;
  bool shifting_ = false;
  bool heard_since_idle_ = false;
  bool device_ready_ = true;
  bool announced_ready_ = true;
  Scheduler::Event sent_;
  Scheduler::Event idle_;
  Scheduler::Event timeout_;
};

}  // namespace microvisor::board
