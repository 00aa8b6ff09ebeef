#include "board/peripherals/crs.hpp"

#include <utility>

#include "board/bus/event_archive.hpp"

namespace microvisor::board {
namespace {

enum Offset : std::uint32_t { kCr = 0x00, kCfgr = 0x04, kIsr = 0x08, kIcr = 0x0C };
constexpr unsigned kLine = 74;
constexpr unsigned kCounterEnable = 5, kAutoTrim = 6, kSoftwareSync = 7;
constexpr std::uint32_t kSyncOk = bit(0), kExpectedSync = bit(3);
constexpr std::uint32_t kErrorFlags = field(10, 8);
constexpr std::uint32_t kCrReset = 0x4000, kCfgrReset = 0x2022'BB7F;
constexpr std::uint32_t kSourceLse = 1;
constexpr std::uint64_t kHsi48Hertz = 48'000'000;

}  // namespace

Crs::Crs(Scheduler& scheduler, InterruptSink& interrupts, std::function<bool()> lse_runs)
    : scheduler_(scheduler),
      line_{&interrupts, kLine},
      lse_runs_(std::move(lse_runs)),
      cr_(kCrReset),
      cfgr_(kCfgrReset),
      event_(scheduler, [this] {
        sync();
        arm();
        update();
      }) {}

void Crs::reset(Reset) {
  cr_ = kCrReset;
  cfgr_ = kCfgrReset;
  isr_ = 0;
  event_.cancel();
  update();
}

void Crs::serialise(Archive& archive) {
  archive(cr_, cfgr_, isr_, synchronised_);
  serialise_event(archive, event_);
  if (archive.loading()) update();
}

/// One measurement: RELOAD + 1 periods of HSI48, which is what the source's period is meant to be.
Time Crs::period() const {
  const bool works = test(cr_, kCounterEnable) && bits(cfgr_, 29, 28) == kSourceLse && lse_runs_();
  return works ? (Time{bits(cfgr_, 15, 0)} + 1) * kTicksPerSecond / kHsi48Hertz : kNever;
}

void Crs::sync() {
  const Time one = period();
  if (one == kNever || scheduler_.now() - synchronised_ < one) return;
  synchronised_ += (scheduler_.now() - synchronised_) / one * one;
  isr_ |= kSyncOk | kExpectedSync;
}

void Crs::arm() {
  const bool listens = (cr_ & ~isr_ & (kSyncOk | kExpectedSync)) != 0;  // enables stand where the flags do
  const Time one = period();
  if (!listens || one == kNever) {
    event_.cancel();
  } else {
    event_.at(synchronised_ + one);
  }
}

std::uint32_t Crs::peek(std::uint32_t offset) const {
  switch (offset & ~3U) {
    case kCr: return cr_;
    case kCfgr: return cfgr_;
    case kIsr: return isr_;
    default: return 0;
  }
}

std::uint32_t Crs::load(std::uint32_t offset, std::uint32_t, const Access&) {
  sync();
  return peek(offset);
}

void Crs::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access&) {
  sync();
  switch (offset) {
    case kCr: {
      const bool was_on = test(cr_, kCounterEnable);
      const std::uint32_t trim =
          test(cr_, kAutoTrim) ? 0 : field(14, 8);  // read-only while trimming by itself
      assign(cr_, value, lanes & (0x6F | trim));
      if (!was_on) synchronised_ = scheduler_.now();
      if (test(value & lanes, kSoftwareSync) && test(cr_, kCounterEnable)) isr_ |= kSyncOk;
      break;
    }
    case kCfgr:
      if (!test(cr_, kCounterEnable)) assign(cfgr_, value, lanes & 0xB7FF'FFFF);
      break;
    case kIcr:
      isr_ &= ~(value & lanes & 0xF);
      if (test(value, 2)) isr_ &= ~kErrorFlags;
      break;
    default: break;
  }
  arm();
  update();
}

void Crs::update() { line_.set((isr_ & cr_ & 0xF) != 0); }

}  // namespace microvisor::board
