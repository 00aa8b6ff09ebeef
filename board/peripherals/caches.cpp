#include "board/peripherals/caches.hpp"

#include <utility>

#include "board/peripherals/register_lanes.hpp"

namespace microvisor::board {
namespace {

enum Register : std::uint32_t {
  kCr = 0x00,
  kSr = 0x04,
  kIer = 0x08,
  kFcr = 0x0C,
  kCrr0 = 0x20,  // ICACHE
  kCrr3 = 0x2C,
  kCmdStart = 0x28,  // DCACHE
  kCmdEnd = 0x2C,
};

// CR
constexpr std::uint32_t kEnable = 1U << 0;
constexpr std::uint32_t kInvalidate = 1U << 1;
constexpr std::uint32_t kIcacheStored = 0x0003'0005;  // EN, WAYSEL, monitor enables
constexpr std::uint32_t kDcacheStored = 0x8033'0701;  // EN, CACHECMD, monitor enables, HBURST
constexpr std::uint32_t kStartCommand = 1U << 11;
// SR, and the same positions in IER and FCR
constexpr std::uint32_t kBusyEnd = 1U << 1;
constexpr std::uint32_t kError = 1U << 2;
constexpr std::uint32_t kCommandEnd = 1U << 4;
// CRRx
constexpr std::uint32_t kRegionEnable = 1U << 15;
constexpr std::uint32_t kRegionReset = 0x200;
constexpr std::uint32_t kRegionBits = 0x97FF'8EFF;

}  // namespace

Icache::Icache(InterruptLine line, std::function<void()> mapping_changed)
    : line_(line), mapping_changed_(std::move(mapping_changed)) {}

Outcome Icache::read(std::uint32_t offset, unsigned size, const Access&, std::uint32_t& value) {
  value = read_lane(peek(offset & ~3U), offset, size);
  return Outcome::Ok;
}

std::uint32_t Icache::peek(std::uint32_t offset) const {
  switch (offset & ~3U) {
    case kCr: return control_;
    case kSr: return status_;
    case kIer: return enable_;
    default: break;
  }
  return offset >= kCrr0 && offset <= kCrr3 + 3 ? regions_[(offset - kCrr0) / 4] : 0;
}

Outcome Icache::write(std::uint32_t offset, unsigned size, const Access&, std::uint32_t value) {
  const std::uint32_t word = offset & ~3U;
  value = write_lane(word == kFcr ? 0 : peek(word), offset, size, value);
  switch (word) {
    case kCr:
      control_ = value & kIcacheStored;
      if ((value & kInvalidate) != 0) status_ |= kBusyEnd;
      break;
    case kIer: enable_ = value & (kBusyEnd | kError); break;
    case kFcr: status_ &= ~(value & (kBusyEnd | kError)); break;
    default:
      // A region can be set while the cache is off only (RM0456 8.4.7).
      if (word >= kCrr0 && word <= kCrr3 && (control_ & kEnable) == 0)
        regions_[(word - kCrr0) / 4] = value & kRegionBits;
      break;
  }
  update();
  return Outcome::Ok;
}

void Icache::update() {
  line_.set((status_ & enable_) != 0);
  const bool before = std::exchange(remaps_, false);
  for (const std::uint32_t region : regions_) {
    if ((region & kRegionEnable) != 0 && (control_ & kEnable) != 0) remaps_ = true;
  }
  if (before || remaps_) mapping_changed_();
}

std::optional<std::uint32_t> Icache::remap(std::uint32_t address) const {
  if (!remaps_) return std::nullopt;
  for (const std::uint32_t region : regions_) {
    if ((region & kRegionEnable) == 0) continue;
    // RSIZE 1 is 2 MiB ... 7 is 128 MiB; both ends are aligned to the size (RM0456 8.4.7).
    const std::uint32_t size = 0x10'0000U << (region >> 9 & 7);
    const std::uint32_t base = ((region & 0xFF) << 21) & ~(size - 1);
    if (address - base >= size) continue;
    const std::uint32_t target = (region >> 16 & 0x7FF) << 21;
    return (target & ~(size - 1)) | (address & (size - 1));
  }
  return std::nullopt;
}

void Icache::reset(Reset) {
  control_ = 4;        // WAYSEL
  status_ = kBusyEnd;  // the invalidation after reset is over
  enable_ = 0;
  regions_.fill(kRegionReset);
  update();
}

void Icache::serialise(Archive& archive) {
  archive(control_, status_, enable_, regions_);
  if (archive.loading()) update();
}

Dcache::Dcache(InterruptLine line) : line_(line) {}

Outcome Dcache::read(std::uint32_t offset, unsigned size, const Access&, std::uint32_t& value) {
  value = read_lane(peek(offset & ~3U), offset, size);
  return Outcome::Ok;
}

std::uint32_t Dcache::peek(std::uint32_t offset) const {
  switch (offset & ~3U) {
    case kCr: return control_;
    case kSr: return status_;
    case kIer: return enable_;
    case kCmdStart: return command_start_;
    case kCmdEnd: return command_end_;
    default: return 0;
  }
}

Outcome Dcache::write(std::uint32_t offset, unsigned size, const Access&, std::uint32_t value) {
  const std::uint32_t word = offset & ~3U;
  value = write_lane(word == kFcr ? 0 : peek(word), offset, size, value);
  switch (word) {
    case kCr: write_control(value); break;
    case kIer: enable_ = value & (kBusyEnd | kError | kCommandEnd); break;
    case kFcr: status_ &= ~(value & (kBusyEnd | kError | kCommandEnd)); break;
    case kCmdStart: command_start_ = value & ~0xFU; break;
    case kCmdEnd: command_end_ = value & ~0xFU; break;
    default: break;
  }
  update();
  return Outcome::Ok;
}

void Dcache::write_control(std::uint32_t value) {
  control_ = value & kDcacheStored;
  if ((value & kInvalidate) != 0) status_ |= kBusyEnd;
  if ((value & kStartCommand) != 0) status_ |= kCommandEnd;
}

void Dcache::update() const { line_.set((status_ & enable_) != 0); }

void Dcache::reset(Reset) {
  control_ = 0;
  status_ = kBusyEnd;
  enable_ = 0;
  command_start_ = 0;
  command_end_ = 0;
  update();
}

void Dcache::serialise(Archive& archive) {
  archive(control_, status_, enable_, command_start_, command_end_);
  if (archive.loading()) update();
}

}  // namespace microvisor::board
