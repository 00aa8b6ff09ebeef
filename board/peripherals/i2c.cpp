#include "board/peripherals/i2c.hpp"

#include "board/bus/event_archive.hpp"

namespace microvisor::board {
namespace {

enum Offset : std::uint32_t {
  kCr1 = 0x00,
  kCr2 = 0x04,
  kOar1 = 0x08,
  kOar2 = 0x0C,
  kTimingr = 0x10,
  kTimeoutr = 0x14,
  kIsr = 0x18,
  kIcr = 0x1C,
  kPecr = 0x20,
  kRxdr = 0x24,
  kTxdr = 0x28,
  kAutocr = 0x2C,
};

// CR2
constexpr std::uint32_t kStart = bit(13), kStop = bit(14), kReload = bit(24), kAutoEnd = bit(25);
// ISR
constexpr std::uint32_t kTxe = bit(0), kTxis = bit(1), kRxne = bit(2), kAddr = bit(3), kNackf = bit(4),
                        kStopf = bit(5), kTc = bit(6), kTcr = bit(7), kBusy = bit(15), kErrors = field(13, 8);
constexpr std::uint32_t kClearable = kAddr | kNackf | kStopf | kErrors;

constexpr I2c::Shape kBuses[] = {
    {"I2C1", 0x4000'5400, 55, 56, DmaLine::I2c1Rx, DmaLine::I2c1Tx},
    {"I2C2", 0x4000'5800, 57, 58, DmaLine::I2c2Rx, DmaLine::I2c2Tx},
    {"I2C3", 0x4600'2800, 88, 89, DmaLine::I2c3Rx, DmaLine::I2c3Tx},
    {"I2C4", 0x4000'8400, 101, 100, DmaLine::I2c4Rx,
     DmaLine::I2c4Tx},  // the lines of I2C4 come in the other order
};

}  // namespace

std::span<const I2c::Shape> I2c::buses() { return kBuses; }

I2c::I2c(const Shape& shape, Scheduler& scheduler, Clocks& clocks, InterruptSink& interrupts)
    : shape_(shape),
      scheduler_(scheduler),
      clocks_(clocks),
      event_line_{&interrupts, shape.event_line},
      error_line_{&interrupts, shape.error_line},
      event_(scheduler, [this] { step_done(); }) {}

void I2c::attach(std::uint8_t address, I2cSlave* slave) {
  if (slave != nullptr) {
    slaves_[address] = slave;
  } else {
    slaves_.erase(address);
  }
}

// --- registers
// --------------------------------------------------------------------------------------------------------

void I2c::reset(Reset) {
  cr1_ = cr2_ = oar1_ = oar2_ = timing_ = timeout_ = autocr_ = 0;
  release();
  update();
}

/// PE = 0: flags and state machine start over, the bus is let go, the configuration stays (RM0456 65.4.7).
void I2c::release() {
  if (step_ != Step::Idle) {
    if (I2cSlave* slave = addressed(); slave != nullptr) slave->stop();
  }
  event_.cancel();
  step_ = Step::Idle;
  isr_ = kTxe;
  cr2_ &= ~(kStart | kStop | bit(15));
  left_ = 0;
}

void I2c::serialise(Archive& archive) {
  archive(cr1_, cr2_, oar1_, oar2_, timing_, timeout_, autocr_, isr_, rxdr_, txdr_, target_, left_, step_);
  serialise_event(archive, event_);
  if (archive.loading()) update();
}

std::uint32_t I2c::peek(std::uint32_t offset) const {
  switch (offset & ~3U) {
    case kCr1: return cr1_;
    case kCr2: return cr2_;
    case kOar1: return oar1_;
    case kOar2: return oar2_;
    case kTimingr: return timing_;
    case kTimeoutr: return timeout_;
    case kIsr: return isr_;
    case kRxdr: return rxdr_;
    case kTxdr: return txdr_;
    case kAutocr: return autocr_;
    default: return 0;
  }
}

std::uint32_t I2c::load(std::uint32_t offset, std::uint32_t, const Access&) {
  const std::uint32_t value = peek(offset);
  if (offset == kRxdr && (isr_ & kRxne) != 0) {
    isr_ &= ~kRxne;
    if (step_ == Step::WaitRead) go_on();
    update();
  }
  return value;
}

void I2c::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access&) {
  switch (offset) {
    case kCr1:
      assign(cr1_, value, lanes);
      if (!enabled()) release();
      break;
    case kCr2: store_cr2(value, lanes); break;
    case kOar1: assign(oar1_, value, lanes); break;
    case kOar2: assign(oar2_, value, lanes); break;
    case kTimingr: assign(timing_, value, lanes); break;
    case kTimeoutr: assign(timeout_, value, lanes); break;
    case kIsr: store_isr(value); break;
    case kIcr: isr_ &= ~(value & kClearable); break;
    case kTxdr: send(static_cast<std::uint8_t>(value)); break;
    case kAutocr: assign(autocr_, value, lanes); break;
    default: break;
  }
  update();
}

/// Writing 1 flushes TXDR: the only bits of ISR that software can set.
void I2c::store_isr(std::uint32_t value) { isr_ |= value & (kTxe | kTxis); }

void I2c::store_cr2(std::uint32_t value, std::uint32_t lanes) {
  const std::uint32_t kept = cr2_ & (kStart | kStop);  // software sets these, hardware clears them
  assign(cr2_, value | kept, lanes & 0x07FF'FFFF);
  if (!enabled()) {
    cr2_ &= ~(kStart | kStop);
    return;
  }
  if ((cr2_ & kStart) != 0 && (step_ == Step::Idle || step_ == Step::WaitSoftware)) {
    isr_ &= ~(kTc | kTcr);
    target_ = static_cast<std::uint8_t>(bits(cr2_, 7, 1));
    left_ = bits(cr2_, 23, 16);
    isr_ |= kBusy;
    begin(Step::Address);
    return;
  }
  if ((isr_ & kTcr) != 0 && bits(cr2_, 23, 16) != 0) {
    isr_ &= ~kTcr;
    left_ = bits(cr2_, 23, 16);
    go_on();
    return;
  }
  if ((cr2_ & kStop) == 0) return;
  if (step_ == Step::Idle) {
    cr2_ &= ~kStop;
  } else if (step_ == Step::WaitSoftware || step_ == Step::WaitData) {
    isr_ &= ~(kTc | kTcr | kTxis);
    begin(Step::Stop);
  }
}

void I2c::send(std::uint8_t byte) {
  txdr_ = byte;
  isr_ &= ~(kTxe | kTxis);
  if (step_ == Step::WaitData) begin(Step::SendByte);
}

// --- the bus
// ------------------------------------------------------------------------------------------------------------

/// Nine bits at the programmed SCL period (RM0456 65.4.9: SCLL + 1 + SCLH + 1 prescaled kernel clocks).
Time I2c::byte_time() const {
  const std::uint64_t kernel = clocks_.kernel_clock(shape_.base);
  if (kernel == 0) return 0;
  const std::uint64_t period =
      (bits(timing_, 31, 28) + 1) * std::uint64_t{bits(timing_, 7, 0) + bits(timing_, 15, 8) + 2};
  return 9 * period * kTicksPerSecond / kernel;
}

I2cSlave* I2c::addressed() const {
  const auto found = slaves_.find(target_);
  return found == slaves_.end() ? nullptr : found->second;
}

void I2c::begin(Step step) {
  step_ = step;
  const Time duration = step == Step::Stop ? byte_time() / 9 : byte_time();
  if (duration != 0 || clocks_.kernel_clock(shape_.base) != 0) event_.after(duration);
}

void I2c::step_done() {
  switch (step_) {
    case Step::Address: address_done(); break;
    case Step::SendByte: byte_sent(); break;
    case Step::ReceiveByte: byte_received(); break;
    case Step::Stop: stop_bus(); break;
    default: break;
  }
  update();
}

void I2c::address_done() {
  cr2_ &= ~kStart;
  I2cSlave* slave = test(cr2_, 11) ? nullptr : addressed();  // nobody here has a 10-bit address
  if (slave != nullptr && slave->start(reading())) return go_on();
  isr_ |= kNackf;
  begin(Step::Stop);
}

void I2c::byte_sent() {
  --left_;
  isr_ |= kTxe;
  if (I2cSlave* slave = addressed(); slave != nullptr && slave->write(txdr_)) return go_on();
  isr_ |= kNackf;
  begin(Step::Stop);
}

void I2c::byte_received() {
  --left_;
  const I2cSlave* present = addressed();
  rxdr_ = present != nullptr ? addressed()->read() : 0xFF;
  isr_ |= kRxne;
  // The last byte is not waited for: STOP, TC or TCR follow by themselves.
  if (left_ == 0) {
    chunk_done();
  } else {
    step_ = Step::WaitRead;
  }
}

void I2c::go_on() {
  if ((cr2_ & kStop) != 0) return begin(Step::Stop);
  if (left_ == 0) return chunk_done();
  if (!reading()) {
    step_ = Step::WaitData;
    isr_ |= kTxis | kTxe;
  } else if ((isr_ & kRxne) != 0) {
    step_ = Step::WaitRead;
  } else {
    begin(Step::ReceiveByte);
  }
}

void I2c::chunk_done() {
  if ((cr2_ & kReload) != 0) {
    step_ = Step::WaitSoftware;
    isr_ |= kTcr;
  } else if ((cr2_ & kAutoEnd) != 0 || (cr2_ & kStop) != 0) {
    begin(Step::Stop);
  } else {
    step_ = Step::WaitSoftware;
    isr_ |= kTc;
  }
}

void I2c::stop_bus() {
  if (I2cSlave* slave = addressed(); slave != nullptr) slave->stop();
  step_ = Step::Idle;
  cr2_ &= ~kStop;
  isr_ = (isr_ & ~(kBusy | kTxis)) | kStopf | kTxe;
  if ((cr2_ & kStart) != 0) store_cr2(cr2_, ~0U);  // a START was requested in the meantime
}

void I2c::update() {
  const auto raised = [&](std::uint32_t flags, unsigned enable) {
    return test(cr1_, enable) && (isr_ & flags) != 0;
  };
  event_line_.set(raised(kTxis, 1) || raised(kRxne, 2) || raised(kAddr, 3) || raised(kNackf, 4) ||
                  raised(kStopf, 5) || raised(kTc | kTcr, 6));
  error_line_.set(raised(kErrors, 7));
  dma_transmit_.set(raised(kTxis, 14));
  dma_receive_.set(raised(kRxne, 15));
}

}  // namespace microvisor::board
