#include "board/peripherals/pka.hpp"

#include <algorithm>
#include <utility>

#include "board/bus/event_archive.hpp"
#include "board/peripherals/rng.hpp"

namespace microvisor::board {
namespace {

enum Offset : std::uint32_t { kCr = 0x00, kSr = 0x04, kClrfr = 0x08 };
constexpr unsigned kLine = 97;
constexpr unsigned kEnable = 0, kStart = 1;
constexpr std::uint32_t kMode = field(13, 8);
constexpr std::uint32_t kDone = bit(17), kRamError = bit(19), kAddressError = bit(20),
                        kOperationError = bit(21);
constexpr std::uint32_t kFlags = kDone | kRamError | kAddressError | kOperationError;
/// AHB clocks to erase the RAM, a limb of 64 bits each, and RNG clocks for a block of random numbers
/// (RM0456 53.3.3, 48.3.5).
constexpr std::uint64_t kEraseClocks = PkaRam::kWords / 2, kSeedClocks = 412;

constexpr bool in_ram(std::uint32_t offset) { return offset >= PkaRam::kStart && offset < PkaRam::kEnd; }

}  // namespace

Pka::Pka(Scheduler& scheduler, Clocks& clocks, InterruptSink& interrupts, Hooks hooks)
    : scheduler_(scheduler),
      clocks_(clocks),
      line_{&interrupts, kLine},
      hooks_(std::move(hooks)),
      operation_done_(scheduler, [this] { finish(); }),
      ready_event_(scheduler, [this] { ready_ = true; }) {
  clocks_.on_change([this] { get_ready(); });
}

void Pka::reset(Reset) {
  cr_ = flags_ = 0;
  ready_event_.cancel();
  ready_ = false;
  erase();
}

void Pka::erase() {
  operation_done_.cancel();
  ram_.erase();
  update();
}

void Pka::serialise(Archive& archive) {
  archive(cr_, flags_, ready_, ram_.words());
  serialise_event(archive, operation_done_);
  serialise_event(archive, ready_event_);
  if (archive.loading()) update();
}

std::uint32_t Pka::status() const { return (ready_ ? bit(0) : 0) | (busy() ? bit(16) : 0) | flags_; }

std::uint32_t Pka::peek(std::uint32_t offset) const {
  offset &= ~3U;
  if (in_ram(offset)) return busy() ? 0 : ram_.word(offset);
  switch (offset) {
    case kCr: return cr_;
    case kSr: return status();
    default: return 0;
  }
}

std::uint32_t Pka::load(std::uint32_t offset, std::uint32_t, const Access&) {
  if (in_ram(offset)) {
    if (busy()) flags_ |= kRamError;
  } else if (offset > kClrfr) {
    flags_ |= kAddressError;
  }
  update();
  return peek(offset);
}

void Pka::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access&) {
  if (in_ram(offset)) {
    if (busy()) {
      flags_ |= kRamError;
    } else {
      ram_.set_word(offset, value);
    }
  } else if (offset == kCr) {
    store_control(value, lanes);
  } else if (offset == kClrfr) {
    flags_ &= ~value;
  } else if (offset != kSr) {
    flags_ |= kAddressError;
  }
  update();
}

void Pka::store_control(std::uint32_t value, std::uint32_t lanes) {
  assign(cr_, value, lanes & (kFlags | bit(kEnable)));  // the interrupt enables stand where the flags do
  if (!test(cr_, kEnable)) operation_done_.cancel();
  get_ready();
  if (busy()) return;
  if (test(cr_, kEnable) && pka_operation(bits(value, 13, 8)) == nullptr) {
    flags_ |= kOperationError;
    return;
  }
  assign(cr_, value, lanes & kMode);
  if (test(value & lanes, kStart) && ready_) start();
}

void Pka::get_ready() {
  const bool possible = test(cr_, kEnable) && clocks_.enabled(kBase) && hooks_.random_alive();
  if (!test(cr_, kEnable)) ready_ = false;
  if (!possible) return ready_event_.cancel();
  if (ready_ || ready_event_.armed()) return;
  ready_event_.after(kEraseClocks * period_of(clocks_.hclk()) +
                     kSeedClocks * kTicksPerSecond / clocks_.kernel_clock(Rng::kBase));
}

void Pka::start() {
  const PkaOperation* operation = pka_operation(bits(cr_, 13, 8));
  operation_done_.after(operation->clocks(ram_) * period_of(clocks_.hclk()));
}

void Pka::finish() {
  switch (pka_operation(bits(cr_, 13, 8))->run(ram_)) {
    case PkaOperation::Result::Done: flags_ |= kDone; break;
    case PkaOperation::Result::BadParameters: flags_ |= kOperationError; break;
    case PkaOperation::Result::Fault:
      flags_ |= kDone;
      if (hooks_.fault) hooks_.fault();
      break;
  }
  update();
}

void Pka::update() { line_.set((flags_ & cr_ & kFlags) != 0); }

}  // namespace microvisor::board
