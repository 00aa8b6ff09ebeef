#include "board/peripherals/octospi.hpp"

#include <algorithm>
#include <utility>

#include "board/bus/event_archive.hpp"

namespace microvisor::board {
namespace {

enum Offset : std::uint32_t {
  kCr = 0x000,
  kDcr2 = 0x00C,
  kSr = 0x020,
  kFcr = 0x024,
  kDlr = 0x040,
  kAr = 0x048,
  kDr = 0x050,
  kPsmkr = 0x080,
  kPsmar = 0x088,
  kPir = 0x090,
  kCcr = 0x100,
  kTcr = 0x108,
  kIr = 0x110,
  kAbr = 0x120,
  kLptr = 0x130,
  kWccr = 0x180,
  kEnd = 0x204,
};

// CR
constexpr unsigned kAbort = 1, kTcen = 3, kApms = 22, kPmm = 23;
// SR
constexpr std::uint32_t kTef = bit(0), kTcf = bit(1), kFtf = bit(2), kSmf = bit(3), kTof = bit(4),
                        kBusy = bit(5);

/// Lines of a phase by its mode code (0 none, 1, 2, 4, 8).
constexpr unsigned lines_of(std::uint32_t code) { return code == 0 ? 0 : 1U << (code - 1); }

constexpr bool has_address(std::uint32_t configuration) { return bits(configuration, 10, 8) != 0; }
constexpr bool has_data(std::uint32_t configuration) { return bits(configuration, 26, 24) != 0; }

}  // namespace

Octospi::Octospi(const Shape& shape, Scheduler& scheduler, Clocks& clocks, InterruptSink& interrupts,
                 std::function<NorFlash*()> device)
    : shape_(shape),
      scheduler_(scheduler),
      clocks_(clocks),
      line_{&interrupts, shape.interrupt},
      device_(std::move(device)),
      event_(scheduler, [this] { step(); }) {}

void Octospi::reset(Reset) {
  if (NorFlash* device = device_(); device != nullptr && state_ != State::Idle) device->end();
  words_.fill(0);
  flags_ = 0;
  state_ = State::Idle;
  fifo_level_ = 0;
  left_ = 0;
  polled_ = 0;
  event_.cancel();
  update();
}

void Octospi::serialise(Archive& archive) {
  archive(words_, flags_, state_, fifo_, fifo_head_, fifo_level_, left_, wire_free_, byte_duration_,
          idle_since_, polled_);
  serialise_event(archive, event_);
  if (archive.loading()) update();
}

// --- registers
// ------------------------------------------------------------------------------------------------------

std::uint32_t Octospi::status() const {
  const unsigned threshold = bits(at(kCr), 12, 8) + 1;
  std::uint32_t word = flags_ | (std::min(fifo_level_, kFifoSize) << 8);
  if (state_ != State::Idle) word |= kBusy;
  const bool reading = state_ == State::Reading;
  if (mode() == Mode::Write && enabled() && fifo_level_ + threshold <= kFifoSize) word |= kFtf;
  if (reading && (fifo_level_ >= threshold || (left_ == 0 && fifo_level_ != 0))) word |= kFtf;
  return word;
}

std::uint32_t Octospi::peek(std::uint32_t offset) const {
  offset &= ~3U;
  switch (offset) {
    case kSr: return status();
    case kFcr: return 0;
    case kDr: {
      if (state_ == State::Polling || mode() == Mode::Poll) return polled_;
      std::uint32_t word = 0;
      for (unsigned i = 0; i < std::min(4U, fifo_level_); ++i) {
        word |= std::uint32_t{fifo_[(fifo_head_ + i) % kBufferSize]} << (8 * i);
      }
      return word;
    }
    default: return offset < kEnd ? at(offset) : 0;
  }
}

std::uint32_t Octospi::load(std::uint32_t offset, std::uint32_t lanes, const Access&) {
  sync();
  const std::uint32_t value = offset == kDr ? data_read(width_of(lanes)) : peek(offset);
  arm();
  update();
  return value;
}

void Octospi::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access&) {
  if (offset >= kEnd) return;
  sync();
  switch (offset) {
    case kCr: store_control(value, lanes); break;
    case kSr: break;
    case kFcr: flags_ &= ~(value & (kTef | kTcf | kSmf | kTof)); break;
    case kDr: data_written(value, width_of(lanes)); break;
    case kIr:
      assign(at(offset), value, lanes);
      instruction_written();
      break;
    case kAr:
      assign(at(offset), value, lanes);
      address_written();
      break;
    default: assign(at(offset), value, lanes);
  }
  arm();
  update();
}

void Octospi::store_control(std::uint32_t value, std::uint32_t lanes) {
  assign(at(kCr), value, lanes & ~bit(kAbort));
  if (test(value & lanes, kAbort) && enabled()) {
    abort();
    flags_ |= kTcf;
  }
  if (!enabled() || (state_ == State::Mapped && mode() != Mode::Mapped)) abort();
}

/// A command without address starts here, unless data has to come first (RM0456 28.4.7).
void Octospi::instruction_written() {
  const std::uint32_t configuration = at(kCcr);
  if (has_address(configuration)) return;
  const bool reads = mode() == Mode::Read || mode() == Mode::Poll;
  if (mode() != Mode::Mapped && (!has_data(configuration) || reads)) start();
}

void Octospi::address_written() {
  const std::uint32_t configuration = at(kCcr);
  if (!has_address(configuration)) return;
  const bool reads = mode() == Mode::Read || mode() == Mode::Poll;
  if (mode() != Mode::Mapped && (!has_data(configuration) || reads)) start();
}

std::uint8_t Octospi::fifo_pop() {
  const std::uint8_t byte = fifo_[fifo_head_];
  fifo_head_ = (fifo_head_ + 1) % kBufferSize;
  --fifo_level_;
  return byte;
}

void Octospi::data_written(std::uint32_t value, unsigned width) {
  if (mode() != Mode::Write || !enabled() || !has_data(at(kCcr))) return;
  if (state_ == State::Idle) start();
  if (state_ != State::Writing) return;
  // A write without room would hold the bus until there is; the bytes wait behind the FIFO instead.
  for (unsigned i = 0; i < width && fifo_level_ < kBufferSize; ++i)
    fifo_push(static_cast<std::uint8_t>(value >> (8 * i)));
  sync();
}

std::uint32_t Octospi::data_read(unsigned width) {
  if (state_ != State::Reading) return peek(kDr);
  // A read of bytes that have not come yet would hold the bus; they are fetched ahead of their time instead.
  for (NorFlash* device = device_(); fifo_level_ < width && left_ != 0; --left_) {
    fifo_push(device != nullptr ? device->read() : 0xFF);
    wire_free_ = std::max(wire_free_, scheduler_.now()) + byte_duration_;
  }
  std::uint32_t word = 0;
  for (unsigned i = 0; i < width && fifo_level_ != 0; ++i) word |= std::uint32_t{fifo_pop()} << (8 * i);
  sync();
  return word;
}

// --- the wire
// ------------------------------------------------------------------------------------------------------------

Time Octospi::cycle() const {
  const std::uint64_t kernel = clocks_.kernel_clock(shape_.base);
  const std::uint64_t prescaler = bits(at(kDcr2), 7, 0) + 1;
  return kernel == 0 ? 0 : prescaler * kTicksPerSecond / kernel;
}

Time Octospi::byte_time(std::uint32_t configuration) const {
  const unsigned lines = std::max(1U, lines_of(bits(configuration, 26, 24)));
  return std::max<Time>(1, 8 * cycle() / (lines * (test(configuration, 27) ? 2 : 1)));
}

/// The command of the register set at `registers` (CCR or WCCR; IR and TCR stand at the same distances).
SerialFlashCommand Octospi::command(std::uint32_t registers, std::uint32_t address) const {
  const std::uint32_t configuration = at(registers);
  SerialFlashCommand result;
  result.instruction_lines = lines_of(bits(configuration, 2, 0));
  result.instruction_dtr = test(configuration, 3);
  result.instruction_bytes = bits(configuration, 5, 4) + 1;
  result.instruction = at(registers + (kIr - kCcr));
  result.address_lines = lines_of(bits(configuration, 10, 8));
  result.address_bytes = bits(configuration, 13, 12) + 1;
  result.address = address;
  result.data_lines = lines_of(bits(configuration, 26, 24));
  result.data_dtr = test(configuration, 27);
  result.dummy_cycles = bits(at(registers + (kTcr - kCcr)), 4, 0);
  return result;
}

Time Octospi::phase_time(const SerialFlashCommand& phases, std::uint32_t configuration) const {
  const auto cycles = [](unsigned lines, unsigned bytes, bool dtr) -> std::uint64_t {
    return lines == 0 ? 0 : (8 * bytes / lines + (dtr ? 1 : 0)) / (dtr ? 2 : 1);
  };
  const std::uint64_t total =
      cycles(phases.instruction_lines, phases.instruction_bytes, phases.instruction_dtr) +
      cycles(phases.address_lines, phases.address_bytes, test(configuration, 11)) +
      cycles(lines_of(bits(configuration, 18, 16)), bits(configuration, 21, 20) + 1,
             test(configuration, 19)) +
      phases.dummy_cycles;
  return total * cycle();
}

std::uint64_t Octospi::length() const {
  if (!has_data(at(kCcr))) return 0;
  if (at(kDlr) == ~0U) return device_size() - std::min<std::uint64_t>(at(kAr), device_size());
  return std::uint64_t{at(kDlr)} + 1;
}

void Octospi::start() {
  const std::uint32_t configuration = at(kCcr);
  const bool nothing_to_send =
      bits(configuration, 2, 0) == 0 && !has_address(configuration) && !has_data(configuration);
  if (!enabled() || state_ != State::Idle || nothing_to_send || cycle() == 0) return;
  if (has_address(configuration) && at(kAr) >= device_size()) {
    flags_ |= kTef;
    return;
  }
  fifo_head_ = fifo_level_ = 0;
  if (mode() == Mode::Poll) {
    state_ = State::Polling;
    wire_free_ = scheduler_.now();
    return poll();
  }
  const SerialFlashCommand phases = command(kCcr, at(kAr));
  if (NorFlash* device = device_(); device != nullptr) device->begin(phases);
  left_ = length();
  byte_duration_ = byte_time(configuration);
  wire_free_ = scheduler_.now() + phase_time(phases, configuration);
  state_ = left_ == 0 ? State::Command : mode() == Mode::Read ? State::Reading : State::Writing;
}

/// Moves the bytes that have had time to pass.
void Octospi::sync() {
  const Time now = scheduler_.now();
  if (state_ == State::Command && wire_free_ <= now) return finish(kTcf);
  if (state_ != State::Reading && state_ != State::Writing) return;
  NorFlash* device = device_();
  while (left_ != 0) {
    const bool reading = state_ == State::Reading;
    if (reading ? fifo_level_ >= kFifoSize : fifo_level_ == 0) {
      // The clock pauses; it goes on when there is room, or data, again.
      wire_free_ = std::max(wire_free_, now);
      break;
    }
    if (wire_free_ + byte_duration_ > now) break;
    wire_free_ += byte_duration_;
    --left_;
    if (reading) {
      fifo_push(device != nullptr ? device->read() : 0xFF);
    } else {
      const std::uint8_t byte = fifo_pop();
      if (device != nullptr) device->write(byte);
    }
  }
  if (left_ != 0) return;
  if (state_ == State::Writing) return finish(kTcf);
  flags_ |= kTcf;
  if (fifo_level_ == 0) finish(0);
}

void Octospi::finish(std::uint32_t flags) {
  flags_ |= flags;
  state_ = State::Idle;
  left_ = 0;
  if (NorFlash* device = device_(); device != nullptr) device->end();
}

void Octospi::abort() {
  if (state_ != State::Idle) finish(0);
  fifo_level_ = 0;
  event_.cancel();
}

// --- automatic status polling
// ------------------------------------------------------------------------------------------

void Octospi::poll() {
  const std::uint32_t configuration = at(kCcr);
  const SerialFlashCommand phases = command(kCcr, at(kAr));
  NorFlash* device = device_();
  if (device != nullptr) device->begin(phases);
  const auto count = static_cast<unsigned>(std::min<std::uint64_t>(length(), 4));
  std::uint32_t word = 0;
  for (unsigned i = 0; i < count; ++i)
    word |= std::uint32_t{device != nullptr ? device->read() : 0xFFU} << (8 * i);
  if (device != nullptr) device->end();
  polled_ = word & at(kPsmkr);
  const std::uint32_t differing = (word ^ at(kPsmar)) & at(kPsmkr);
  const bool matches = test(at(kCr), kPmm) ? (~(word ^ at(kPsmar)) & at(kPsmkr)) != 0 : differing == 0;
  const Time duration = phase_time(phases, configuration) + count * byte_time(configuration);
  if (matches) {
    flags_ |= kSmf;
    if (test(at(kCr), kApms)) {
      finish(0);
      return;
    }
  }
  // The answer of a busy memory stays what it is until it has finished: skip the polls in between.
  const Time interval = std::max<Time>(1, duration + std::max<Time>(1, bits(at(kPir), 15, 0)) * cycle());
  Time next = scheduler_.now() + interval;
  if (device != nullptr && device->busy() && device->busy_until() > next) {
    next += (device->busy_until() - next + interval - 1) / interval * interval;
  }
  wire_free_ = next;
}

void Octospi::step() {
  if (state_ == State::Polling) {
    poll();
  } else if (state_ == State::Mapped) {
    finish(kTof);  // idle for too long: chip select is released (RM0456 28.4.15)
  } else {
    sync();
  }
  arm();
  update();
}

/// The event for the next moment that changes something by itself.
void Octospi::arm() {
  Time due = kNever;
  switch (state_) {
    case State::Command:
    case State::Polling: due = wire_free_; break;
    case State::Mapped:
      if (test(at(kCr), kTcen)) due = idle_since_ + std::max<Time>(1, bits(at(kLptr), 15, 0) * cycle());
      break;
    case State::Writing:
      if (left_ <= fifo_level_) due = wire_free_ + left_ * byte_duration_;
      break;
    case State::Reading:
      if (left_ != 0 && left_ + fifo_level_ <= kFifoSize) due = wire_free_ + left_ * byte_duration_;
      break;
    default: break;
  }
  // FIFO threshold interrupts: the next byte may be the one.
  const bool moving = (state_ == State::Reading && left_ != 0 && fifo_level_ < kFifoSize) ||
                      (state_ == State::Writing && fifo_level_ != 0);
  const bool waited_for = test(at(kCr), 18) || test(at(kCr), 2);  // FTIE, DMAEN
  if (waited_for && moving) due = std::min(due, wire_free_ + byte_duration_);
  if (due == kNever) {
    event_.cancel();
  } else if (!event_.armed() || event_.due() != due) {
    event_.at(due);
  }
}

void Octospi::update() {
  const std::uint32_t word = status();
  const std::uint32_t control = at(kCr);
  line_.set(((word & kTef) != 0 && test(control, 16)) || ((word & kTcf) != 0 && test(control, 17)) ||
            ((word & kFtf) != 0 && test(control, 18)) || ((word & kSmf) != 0 && test(control, 19)) ||
            ((word & kTof) != 0 && test(control, 20)));
  dma_.set(enabled() && test(control, 2) && (word & kFtf) != 0);
}

// --- the window
// ---------------------------------------------------------------------------------------------------------

Outcome Octospi::read(std::uint32_t offset, unsigned size, std::uint32_t& value) {
  value = 0;
  if (!enabled() || mode() != Mode::Mapped || std::uint64_t{offset} + size > device_size())
    return Outcome::BusError;
  state_ = State::Mapped;
  NorFlash* device = device_();
  if (device != nullptr) device->begin(command(kCcr, offset));
  for (unsigned i = 0; i < size; ++i)
    value |= std::uint32_t{device != nullptr ? device->read() : 0xFFU} << (8 * i);
  if (device != nullptr) device->end();
  window_used();
  return Outcome::Ok;
}

Outcome Octospi::write(std::uint32_t offset, unsigned size, std::uint32_t value) {
  if (!enabled() || mode() != Mode::Mapped || std::uint64_t{offset} + size > device_size())
    return Outcome::BusError;
  state_ = State::Mapped;
  if (NorFlash* device = device_(); device != nullptr) {
    device->begin(command(kWccr, offset));
    for (unsigned i = 0; i < size; ++i) device->write(static_cast<std::uint8_t>(value >> (8 * i)));
    device->end();
  }
  window_used();
  return Outcome::Ok;
}

void Octospi::window_used() {
  if (!test(at(kCr), kTcen)) return;
  idle_since_ = scheduler_.now();
  arm();
}

// --- OCTOSPIM
// -----------------------------------------------------------------------------------------------------------

void OctospiManager::reset(Reset kind) {
  cr_ = 0;
  ports_ = {0x0301'0111, 0x0705'0333};
  if (kind == Reset::PowerOn) port1_.power_on();  // the memory has no reset line from the chip
}

void OctospiManager::serialise(Archive& archive) {
  archive(cr_, ports_);
  port1_.serialise(archive);
}

std::uint32_t OctospiManager::peek(std::uint32_t offset) const {
  switch (offset & ~3U) {
    case 0: return cr_;
    case 4: return ports_[0];
    case 8: return ports_[1];
    default: return 0;
  }
}

std::uint32_t OctospiManager::load(std::uint32_t offset, std::uint32_t, const Access&) {
  return peek(offset);
}

void OctospiManager::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access&) {
  if (offset == 0) assign(cr_, value, lanes & 0x00FF'0001);
  if (offset == 4 || offset == 8) assign(ports_[offset / 4 - 1], value, lanes & 0x0707'0333);
}

NorFlash* OctospiManager::device_of(unsigned index) const {
  const std::uint32_t port = ports_[0];
  const auto taken_from = [&](unsigned enable, unsigned source) {
    return test(port, enable) && bits(port, source, source) == index;
  };
  const bool low_half = !test(port, 17);  // IOLSRC[0]: of the controller's eight lines
  return taken_from(0, 1) && taken_from(8, 9) && taken_from(16, 18) && low_half ? &port1_ : nullptr;
}

}  // namespace microvisor::board
