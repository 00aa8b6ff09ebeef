#include "board/peripherals/usart.hpp"

#include <algorithm>
#include <bit>

#include "board/bus/event_archive.hpp"

namespace microvisor::board {
namespace {

enum Offset : std::uint32_t {
  kCr1 = 0x00,
  kCr2 = 0x04,
  kCr3 = 0x08,
  kBrr = 0x0C,
  kGtpr = 0x10,
  kRtor = 0x14,
  kRqr = 0x18,
  kIsr = 0x1C,
  kIcr = 0x20,
  kRdr = 0x24,
  kTdr = 0x28,
  kPresc = 0x2C,
  kAutocr = 0x30,
};

// CR1
constexpr unsigned kUesm = 1, kRe = 2, kTe = 3, kIdleIe = 4, kRxneIe = 5, kTcIe = 6, kTxeIe = 7, kPeIe = 8,
                   kPs = 9, kPce = 10, kM0 = 12, kCmIe = 14, kOver8 = 15, kRtoIe = 26, kM1 = 28, kTxfeIe = 30,
                   kRxffIe = 31;
// CR2, CR3
constexpr unsigned kRtoEn = 23;
constexpr unsigned kEie = 0, kDmaReceive = 6, kDmaTransmit = 7, kDmaStopsOnError = 13;
constexpr unsigned kRtse = 8, kCtse = 9, kCtsIe = 10, kOvrDis = 12, kTxftIe = 23, kRxftIe = 28;
// ISR
constexpr std::uint32_t kParityError = bit(0), kOverrun = bit(3), kIdle = bit(4), kRxne = bit(5),
                        kTc = bit(6), kTxe = bit(7), kCtsif = bit(9), kCts = bit(10), kRtof = bit(11),
                        kCmf = bit(17), kTeack = bit(21), kReack = bit(22), kTxfe = bit(23), kRxff = bit(24),
                        kTcbgt = bit(25), kRxft = bit(26), kTxft = bit(27);
/// Flags that ICR clears, at the same positions.
constexpr std::uint32_t kClearable = 0x0002'1B5F;

constexpr unsigned kPrescalers[16] = {1, 2, 4, 6, 8, 10, 12, 16, 32, 64, 128, 256, 256, 256, 256, 256};
/// FIFO threshold codes (RM0456 USART_CR3.RXFTCFG): 1/8, 1/4, 1/2, 3/4, 7/8 and all of 8 entries.
constexpr unsigned kThresholds[8] = {1, 2, 4, 6, 7, 8, 8, 8};

constexpr Usart::Shape kPorts[] = {
    {"USART1", 0x4001'3800, 61, DmaLine::Usart1Rx, DmaLine::Usart1Tx},
    {"USART2", 0x4000'4400, 62, DmaLine::Usart2Rx, DmaLine::Usart2Tx},
    {"USART3", 0x4000'4800, 63, DmaLine::Usart3Rx, DmaLine::Usart3Tx},
    {"UART4", 0x4000'4C00, 64, DmaLine::Uart4Rx, DmaLine::Uart4Tx},
    {"UART5", 0x4000'5000, 65, DmaLine::Uart5Rx, DmaLine::Uart5Tx},
    {"LPUART1", 0x4600'2400, 66, DmaLine::Lpuart1Rx, DmaLine::Lpuart1Tx, true},
};

}  // namespace

std::span<const Usart::Shape> Usart::ports() { return kPorts; }

std::uint16_t Usart::Fifo::pop() {
  const std::uint16_t first = entries[0];
  std::copy(entries.begin() + 1, entries.end(), entries.begin());
  --size;
  return first;
}

Usart::Usart(const Shape& shape, Scheduler& scheduler, Clocks& clocks, InterruptSink& interrupts)
    : shape_(shape),
      scheduler_(scheduler),
      clocks_(clocks),
      line_{&interrupts, shape.interrupt},
      sent_(scheduler, [this] { frame_sent(); }),
      idle_(scheduler, [this] { line_idle(); }),
      timeout_(scheduler, [this] { receiver_timeout(); }) {
  flags_ = kTc;
  clocks_.on_change([this] {
    if (!shifting_) start_frame(scheduler_.now());
  });
}

// --- state
// ---------------------------------------------------------------------------------------------------------

void Usart::reset(Reset) {
  cr1_ = cr2_ = cr3_ = brr_ = gtpr_ = rtor_ = presc_ = 0;
  autocr_ = 0x8000'0000;
  disable();
  update();
}

/// UE = 0: the state machines and all flags go back to their reset values, the configuration stays
/// (RM0456 66.8.1).
void Usart::disable() {
  flags_ = kTc;
  tx_.size = rx_.size = 0;
  shifting_ = false;
  heard_since_idle_ = false;
  sent_.cancel();
  idle_.cancel();
  timeout_.cancel();
}

void Usart::serialise(Archive& archive) {
  archive(cr1_, cr2_, cr3_, brr_, gtpr_, rtor_, presc_, autocr_, flags_, tx_, rx_, shifter_, last_rdr_,
          shifting_, heard_since_idle_, device_ready_, announced_ready_);
  serialise_event(archive, sent_);
  serialise_event(archive, idle_);
  serialise_event(archive, timeout_);
  if (archive.loading()) update();
}

std::uint32_t Usart::peek(std::uint32_t offset) const {
  switch (offset & ~3U) {
    case kCr1: return cr1_;
    case kCr2: return cr2_;
    case kCr3: return cr3_;
    case kBrr: return brr_;
    case kGtpr: return gtpr_;
    case kRtor: return rtor_;
    case kIsr: return status();
    case kRdr: return rx_.size != 0 ? rx_.entries[0] : last_rdr_;
    case kPresc: return presc_;
    case kAutocr: return autocr_;
    default: return 0;
  }
}

std::uint32_t Usart::load(std::uint32_t offset, std::uint32_t, const Access&) {
  if (offset != kRdr || rx_.size == 0) return peek(offset);
  last_rdr_ = rx_.pop();
  update();
  return last_rdr_;
}

void Usart::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access&) {
  switch (offset) {
    case kCr1: store_cr1(value, lanes); break;
    case kCr2: assign(cr2_, value, lanes); break;
    case kCr3: assign(cr3_, value, lanes); break;
    case kBrr: assign(brr_, value, lanes & (shape_.low_power ? 0xF'FFFF : 0xFFFF)); break;
    case kGtpr: assign(gtpr_, value, lanes & 0xFFFF); break;
    case kRtor: assign(rtor_, value, lanes); break;
    case kRqr: store_request(value); break;
    case kIcr: flags_ &= ~(value & kClearable); break;
    case kTdr: transmit(static_cast<std::uint16_t>(value & 0x1FF)); break;
    case kPresc: assign(presc_, value, lanes & 0xF); break;
    case kAutocr: assign(autocr_, value, lanes); break;
    default: return;
  }
  if (!shifting_) start_frame(scheduler_.now());
  update();
}

void Usart::store_cr1(std::uint32_t value, std::uint32_t lanes) {
  const bool was_enabled = enabled();
  assign(cr1_, value, lanes);
  if (was_enabled && !enabled()) disable();
  if (!test(cr1_, kRe)) {
    idle_.cancel();
    timeout_.cancel();
  }
}

void Usart::store_request(std::uint32_t value) {
  if (test(value, 3)) rx_.size = 0;  // RXFRQ
  if (test(value, 4)) tx_.size = 0;  // TXFRQ
}

// --- timing
// --------------------------------------------------------------------------------------------------------

unsigned Usart::data_bits() const {
  const unsigned word = test(cr1_, kM1) ? 7 : test(cr1_, kM0) ? 9 : 8;
  return test(cr1_, kPce) ? word - 1 : word;
}

/// The time of `half_bits` half bits; 0 without a clock. In Stop modes one is asked for with UESM only.
Time Usart::bit_times(unsigned half_bits) const {
  const bool deaf = clocks_.stopped() && !test(cr1_, kUesm);
  const std::uint64_t kernel = deaf ? 0 : clocks_.kernel_clock(shape_.base);
  if (kernel == 0 || brr_ == 0) return 0;
  const std::uint64_t divider = shape_.low_power     ? brr_
                                : test(cr1_, kOver8) ? (brr_ & 0xFFF0) | ((brr_ & 7) << 1)
                                                     : brr_;
  const std::uint64_t scale = shape_.low_power ? 256 : test(cr1_, kOver8) ? 2 : 1;
  // Kernel clocks in `half_bits` half bits, times 2 * scale.
  const std::uint64_t clocks = divider * kPrescalers[presc_] * half_bits;
  const std::uint64_t whole = clocks / (2 * scale * kernel);
  const std::uint64_t rest = clocks % (2 * scale * kernel);
  return whole * kTicksPerSecond +
         static_cast<Time>(static_cast<unsigned __int128>(rest) * kTicksPerSecond / (2 * scale * kernel));
}

Time Usart::frame_time() const {
  if (!enabled()) return 0;
  constexpr unsigned kStopHalfBits[4] = {2, 1, 4, 3};
  const unsigned word = data_bits() + (test(cr1_, kPce) ? 1 : 0);
  return bit_times(2 + 2 * word + kStopHalfBits[bits(cr2_, 13, 12)]);
}

// --- transmitter
// ------------------------------------------------------------------------------------------------------

void Usart::transmit(std::uint16_t data) {
  if (!enabled()) return;
  flags_ &= ~kTc;
  if (tx_.size < depth()) {
    tx_.push(data);
  } else if (!fifo_mode()) {
    tx_.entries[0] = data;
  }
}

/// Moves the next character into the shifter, if everything is there: data, clock, permission of the other
/// end.
void Usart::start_frame(Time start) {
  const Time duration = frame_time();
  const bool may_send = enabled() && test(cr1_, kTe) && (!test(cr3_, kCtse) || device_ready_);
  if (tx_.size == 0 || duration == 0 || !may_send) return;
  shifter_ = tx_.pop();
  shifting_ = true;
  sent_.at(start + duration);
  update();
}

void Usart::frame_sent() {
  const Time end = sent_.due();
  shifting_ = false;
  const auto byte = static_cast<std::uint8_t>(shifter_ & ((1U << data_bits()) - 1));
  start_frame(end);
  if (!shifting_ && tx_.size == 0) flags_ |= kTc;
  update();
  if (device_ != nullptr) device_->byte_from_chip(byte);
}

void Usart::set_device_ready(bool ready) {
  if (ready != device_ready_ && test(cr3_, kCtse)) flags_ |= kCtsif;
  device_ready_ = ready;
  if (!shifting_) start_frame(scheduler_.now());
  update();
}

// --- receiver
// ---------------------------------------------------------------------------------------------------------

std::uint16_t Usart::with_parity(std::uint16_t data) const {
  const unsigned width = data_bits();
  data &= static_cast<std::uint16_t>((1U << width) - 1);
  if (!test(cr1_, kPce)) return data;
  const bool odd_ones = (std::popcount(data) & 1) != 0;
  const bool parity = test(cr1_, kPs) ? !odd_ones : odd_ones;
  return static_cast<std::uint16_t>(data | (parity ? 1U << width : 0));
}

void Usart::byte_to_chip(std::uint8_t byte) {
  if (!enabled() || !test(cr1_, kRe) || frame_time() == 0) return;
  const std::uint16_t entry = with_parity(byte);
  if (rx_.size < depth()) {
    rx_.push(entry);
  } else if (test(cr3_, kOvrDis)) {
    rx_.entries[rx_.size - 1] = entry;
  } else {
    flags_ |= kOverrun;
  }
  if (byte == bits(cr2_, 31, 24)) flags_ |= kCmf;
  heard_since_idle_ = true;
  // A frame that has begun is heard of only at its end: that the line stayed idle is known one frame later.
  idle_.after(2 * frame_time());
  if (test(cr2_, kRtoEn) && !shape_.low_power)
    timeout_.after(bit_times(2 * bits(rtor_, 23, 0)) + frame_time());
  update();
}

void Usart::line_idle() {
  if (heard_since_idle_) flags_ |= kIdle;
  heard_since_idle_ = false;
  update();
}

void Usart::receiver_timeout() {
  flags_ |= kRtof;
  update();
}

// --- what the outside sees
// --------------------------------------------------------------------------------------------

std::uint32_t Usart::status() const {
  std::uint32_t isr = flags_;
  if (tx_.size < depth()) isr |= kTxe;
  if (rx_.size != 0) isr |= kRxne;
  if (enabled() && test(cr1_, kTe)) isr |= kTeack;
  if (enabled() && test(cr1_, kRe)) isr |= kReack;
  if (test(cr3_, kCtse) && device_ready_) isr |= kCts;
  if (!fifo_mode()) return isr;
  if (tx_.size == 0) isr |= kTxfe;
  if (rx_.size == kDepth) isr |= kRxff;
  if (!shape_.low_power && (isr & kTc) != 0) isr |= kTcbgt;
  if (rx_.size >= kThresholds[bits(cr3_, 27, 25)]) isr |= kRxft;
  if (enabled() && kDepth - tx_.size >= kThresholds[bits(cr3_, 31, 29)]) isr |= kTxft;
  return isr;
}

bool Usart::interrupt_wanted(std::uint32_t isr) const {
  const auto raised = [&](std::uint32_t flag, bool enable) { return enable && (isr & flag) != 0; };
  if (!enabled()) return false;
  return raised(kTxe, test(cr1_, kTxeIe)) || raised(kTc, test(cr1_, kTcIe)) ||
         raised(kRxne | kOverrun, test(cr1_, kRxneIe)) || raised(kIdle, test(cr1_, kIdleIe)) ||
         raised(kParityError, test(cr1_, kPeIe)) || raised(kCmf, test(cr1_, kCmIe)) ||
         raised(kRtof, test(cr1_, kRtoIe)) || raised(kCtsif, test(cr3_, kCtsIe)) ||
         raised(kOverrun, test(cr3_, kEie)) || raised(kTxfe, fifo_mode() && test(cr1_, kTxfeIe)) ||
         raised(kRxff, fifo_mode() && test(cr1_, kRxffIe)) ||
         raised(kRxft | kOverrun, fifo_mode() && test(cr3_, kRxftIe)) ||
         raised(kTxft, fifo_mode() && test(cr3_, kTxftIe));
}

void Usart::update() {
  const std::uint32_t isr = status();
  line_.set(interrupt_wanted(isr));
  const bool held = test(cr3_, kDmaStopsOnError) && (isr & field(3, 0)) != 0;
  dma_receive_.set(enabled() && test(cr3_, kDmaReceive) && (isr & kRxne) != 0 && !held);
  dma_transmit_.set(enabled() && test(cr3_, kDmaTransmit) && (isr & kTxe) != 0);
  // Without RTS flow control the pin is not driven and the other end is never held off.
  const bool ready = !test(cr3_, kRtse) || (enabled() && test(cr1_, kRe) && rx_.size < depth());
  if (ready == announced_ready_) return;
  announced_ready_ = ready;
  if (device_ != nullptr) device_->chip_ready_changed(ready);
}

void Usart::connect(SerialDevice* device) {
  device_ = device;
  if (device_ != nullptr) device_->chip_ready_changed(announced_ready_);
}

}  // namespace microvisor::board
