#include "board/peripherals/dma_channel.hpp"

#include <algorithm>
#include <cstring>

#include "board/peripherals/register_block.hpp"

namespace microvisor::board {
namespace {

// CxCR
constexpr unsigned kEn = 0, kReset = 1, kSusp = 2, kLsm = 16;
// CxSR, CxFCR, and the enables in CxCR: the same positions
constexpr unsigned kTcf = 8, kHtf = 9, kDtef = 10, kUlef = 11, kUsef = 12, kSuspf = 13, kTof = 14;
constexpr std::uint32_t kFlags = field(14, 8);
// CxTR1
constexpr unsigned kSinc = 3, kSbx = 13, kSsec = 15, kDinc = 19, kDbx = 26, kDhx = 27, kDsec = 31;
// CxTR2
constexpr unsigned kSwreq = 9, kDreq = 10, kBreq = 11;
// CxBR1
constexpr unsigned kSdec = 28, kDdec = 29, kBrsdec = 30, kBrddec = 31;
constexpr std::uint32_t kCounts = field(26, 16) | field(15, 0);
// CxLLR
constexpr unsigned kUb1 = 29;
constexpr std::uint32_t kUpdates = field(31, 25) | bit(16);

/// Registers of a linked-list item in memory, in their order, with the CxLLR bit that says whether they are
/// there.
struct ItemWord {
  std::uint32_t offset;
  unsigned update;
};
constexpr ItemWord kItem[] = {
    {DmaChannel::kTr1, 31}, {DmaChannel::kTr2, 30}, {DmaChannel::kBr1, kUb1}, {DmaChannel::kSar, 28},
    {DmaChannel::kDar, 27}, {DmaChannel::kTr3, 26}, {DmaChannel::kBr2, 25},   {DmaChannel::kLlr, 16},
};

constexpr std::uint32_t moved_by(std::uint32_t address, std::uint32_t offset, bool down) {
  return down ? address - offset : address + offset;
}

constexpr std::uint32_t swap_bytes_of_halves(std::uint32_t value) {
  return (value & 0x00FF'00FF) << 8 | (value >> 8 & 0x00FF'00FF);
}

/// One source beat in the width of the destination: padded, extended or cut (RM0456 table 141).
constexpr std::uint32_t resized(std::uint32_t value, unsigned from, unsigned to, bool second_mode) {
  if (to > from) {
    const unsigned gap = 32 - 8 * from;
    return second_mode ? static_cast<std::uint32_t>(static_cast<std::int32_t>(value << gap) >> gap) : value;
  }
  return second_mode ? value >> 8 * (from - to) : value;
}

}  // namespace

// --- fields
// ---------------------------------------------------------------------------------------------------------

unsigned DmaChannel::source_width() const { return 1U << bits(tr1_, 1, 0); }
unsigned DmaChannel::destination_width() const { return 1U << bits(tr1_, 17, 16); }
unsigned DmaChannel::source_beats() const { return bits(tr1_, 9, 4) + 1; }
unsigned DmaChannel::destination_beats() const { return bits(tr1_, 25, 20) + 1; }
bool DmaChannel::packing() const { return test(tr1_, 12) || source_width() == destination_width(); }
bool DmaChannel::by_software() const { return test(tr2_, kSwreq); }
bool DmaChannel::destination_requests() const { return test(tr2_, kDreq) && !by_software(); }
unsigned DmaChannel::request_number() const { return bits(tr2_, 6, 0); }
bool DmaChannel::trigger_enabled() const { return bits(tr2_, 25, 24) % 3 != 0; }
bool DmaChannel::trigger_on_rising() const { return bits(tr2_, 25, 24) == 1; }
unsigned DmaChannel::trigger_number() const { return bits(tr2_, 21, 16); }
unsigned DmaChannel::trigger_mode() const { return bits(tr2_, 15, 14); }
unsigned DmaChannel::complete_mode() const { return bits(tr2_, 31, 30); }
unsigned DmaChannel::priority() const { return bits(cr_, 23, 22); }
std::uint32_t DmaChannel::block_bytes() const { return bits(br1_, 15, 0); }
std::uint32_t DmaChannel::repeats() const { return bits(br1_, 26, 16); }
bool DmaChannel::last_item() const { return llr_ == 0; }

// --- registers
// ------------------------------------------------------------------------------------------------------

std::uint32_t& DmaChannel::word(std::uint32_t offset) {
  switch (offset) {
    case kLbar: return lbar_;
    case kTr1: return tr1_;
    case kTr2: return tr2_;
    case kBr1: return br1_;
    case kSar: return sar_;
    case kDar: return dar_;
    case kTr3: return tr3_;
    case kBr2: return br2_;
    default: return llr_;
  }
}

std::uint32_t DmaChannel::writable(std::uint32_t offset) const {
  const bool wide = abilities_.two_dimensional;
  switch (offset) {
    case kLbar: return 0xFFFF'0000;
    case kTr1: return abilities_.bursts ? 0xCFFB'FBFB : 0x800B'880B;
    case kTr2: return abilities_.bursts ? 0xC33F'CE7F : 0xC31F'CA1F;
    case kBr1: return wide ? 0xF7FF'FFFF : 0xFFFF;
    case kSar:
    case kDar: return ~0U;
    case kTr3: return wide ? 0x1FFF'1FFF : 0;
    case kBr2: return wide ? ~0U : 0;
    case kLlr: return wide ? 0xFE01'FFFC : 0xF801'FFFC;
    default: return 0;
  }
}

std::uint32_t DmaChannel::peek(std::uint32_t offset) const {
  switch (offset) {
    case kLbar: return lbar_;
    case kSr: {
      const std::uint32_t level = abilities_.bursts ? fifo_level_ / destination_width() << 16 : 0;
      return flags_ | (active() ? 0 : 1) | (level & field(23, 16));
    }
    case kCr: return cr_ | (enabled_ ? bit(kEn) : 0) | (suspended_ ? bit(kSusp) : 0);
    case kTr1: return tr1_;
    case kTr2: return tr2_;
    case kBr1: return br1_;
    case kSar: return sar_;
    case kDar: return dar_;
    case kTr3: return tr3_;
    case kBr2: return br2_;
    case kLlr: return llr_;
    default: return 0;
  }
}

void DmaChannel::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, bool secure_channel) {
  switch (offset) {
    case kFcr: flags_ &= ~(value & lanes & kFlags); return;
    case kCr: store_control(value, lanes); return;
    default: store_configuration(offset, value, lanes, secure_channel);
  }
}

/// While the channel is enabled its configuration is read-only (RM0456 17.8.10 and following).
void DmaChannel::store_configuration(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes,
                                     bool secure) {
  std::uint32_t mask = lanes & writable(offset);
  if (offset == kTr1 && !secure) mask &= ~(bit(kSsec) | bit(kDsec));
  if (enabled_ || mask == 0) return;
  assign(word(offset), value, mask);
  if (offset == kBr1) programmed_block_ = br1_ & kCounts;
}

void DmaChannel::store_control(std::uint32_t value, std::uint32_t lanes) {
  std::uint32_t mask = lanes & kFlags;
  if (!enabled_) mask |= lanes & (abilities_.bursts ? 0x00C3'0000 : 0x00C1'0000);
  assign(cr_, value, mask);
  if (test(value, kReset)) return stop();
  if ((lanes & 0xFF) == 0) return;
  suspended_ = test(value, kSusp);
  // Also on a channel that has just ended: software that aborts it must not wait for ever.
  if (suspended_) flags_ |= bit(kSuspf);
  if (test(value, kEn) && !enabled_) enable();
}

void DmaChannel::lose_security() { tr1_ &= ~(bit(kSsec) | bit(kDsec)); }

void DmaChannel::reset() {
  lbar_ = flags_ = cr_ = tr1_ = tr2_ = br1_ = sar_ = dar_ = tr3_ = br2_ = llr_ = programmed_block_ = 0;
  stop();
}

void DmaChannel::serialise(Archive& archive) {
  archive(lbar_, flags_, cr_, tr1_, tr2_, br1_, sar_, dar_, tr3_, br2_, llr_, enabled_, suspended_, pulses_,
          block_requested_, link_due_, void_item_, burst_open_, burst_read_, to_write_, programmed_block_,
          moved_, source_beat_, destination_beat_, hits_, fifo_, fifo_level_);
}

bool DmaChannel::interrupt() const { return (flags_ & cr_ & kFlags) != 0; }

// --- from enable to end
// ---------------------------------------------------------------------------------------------

void DmaChannel::enable() {
  if (!valid_settings()) return fail(kUsef);
  enabled_ = true;
  hits_ = 0;
  start_item();
}

void DmaChannel::stop() {
  enabled_ = suspended_ = link_due_ = void_item_ = false;
  hits_ = pulses_ = 0;
  start_block();
}

void DmaChannel::fail(unsigned flag) {
  stop();
  flags_ |= bit(flag);
}

void DmaChannel::start_item() {
  link_due_ = false;
  void_item_ = block_bytes() == 0;
  start_block();
}

void DmaChannel::start_block() {
  moved_ = source_beat_ = destination_beat_ = fifo_level_ = to_write_ = 0;
  burst_open_ = burst_read_ = block_requested_ = false;
}

/// The causes of a user setting error (RM0456 17.4.16).
bool DmaChannel::valid_settings() const {
  if (bits(tr1_, 1, 0) == 3 || bits(tr1_, 17, 16) == 3) return false;
  return block_bytes() == 0 ? test(llr_, kUb1) : aligned();
}

bool DmaChannel::aligned() const {
  const std::uint32_t source = source_width() - 1;
  const std::uint32_t destination = destination_width() - 1;
  const bool packs = test(tr1_, 12) && source != destination;
  if ((block_bytes() & source) != 0 || (packs && (block_bytes() & destination) != 0)) return false;
  const std::uint32_t source_bits = sar_ | bits(tr3_, 12, 0) | bits(br2_, 15, 0);
  const std::uint32_t destination_bits = dar_ | bits(tr3_, 28, 16) | bits(br2_, 31, 16);
  return (source_bits & source) == 0 && (destination_bits & destination) == 0;
}

// --- what it waits for
// ----------------------------------------------------------------------------------------------

/// One hit grants what TRIGM names, a second one is remembered for the next, a third is lost
/// (RM0456 17.4.12).
void DmaChannel::trigger_hit() {
  if (!enabled_ || !trigger_enabled()) return;
  if (hits_ < 2) {
    ++hits_;
  } else {
    flags_ |= bit(kTof);
  }
}

void DmaChannel::pulse(unsigned count) {
  if (enabled_) pulses_ = std::max(pulses_, count);
}

bool DmaChannel::granted() const { return !trigger_enabled() || hits_ > 0; }

void DmaChannel::consume_grant() {
  if (hits_ > 0) --hits_;
}

DmaChannel::Work DmaChannel::work(bool requested) const {
  if (!active()) return Work::None;
  const bool by_link = trigger_mode() == 2;
  if (link_due_ || void_item_) return !by_link || granted() ? Work::Link : Work::None;
  if (burst_open_) return Work::Burst;
  const bool wanted = by_software() || requested || pulses_ != 0 || block_requested_;
  return wanted && (by_link || granted()) ? Work::Burst : Work::None;
}

unsigned DmaChannel::cycles(Work work) const {
  if (work == Work::Link) {
    return 2 * static_cast<unsigned>(
                   std::ranges::count_if(kItem, [this](const ItemWord& w) { return test(llr_, w.update); }));
  }
  const unsigned beats = std::min(source_beats(), block_bytes() / source_width());
  const unsigned bytes = beats * (packing() ? source_width() : destination_width()) + fifo_level_;
  unsigned written = bytes / destination_width();
  if (destination_requests()) written = std::min(written, destination_beats());
  const unsigned bursts = (written + destination_beats() - 1) / destination_beats();
  return (beats != 0 ? beats + 1 : 0) + written + bursts;
}

// --- moving data
// ----------------------------------------------------------------------------------------------------

/// A source burst is read for a source that asks or for software; for a destination that asks, as many as its
/// burst needs. A source burst that has begun is read to its end.
bool DmaChannel::burst_wants_read() const {
  if (block_bytes() == 0) return false;
  if (source_beat_ != 0) return true;
  if (destination_requests()) return fifo_level_ < to_write_ * destination_width();
  return !burst_read_;
}

Outcome DmaChannel::transfer_burst(Bus& bus, bool secure, bool privileged, Events& events) {
  if (!burst_open_) {
    burst_open_ = true;
    burst_read_ = false;
    to_write_ = destination_requests() ? destination_beats() : kFifoBytes;
    block_requested_ = test(tr2_, kBreq) && !by_software();
    if (pulses_ != 0) --pulses_;
  }
  const Access from{
      .secure = secure && test(tr1_, kSsec), .privileged = privileged, .master = abilities_.master};
  const Access to{
      .secure = secure && test(tr1_, kDsec), .privileged = privileged, .master = abilities_.master};
  while (burst_wants_read()) {
    if (const Outcome outcome = read_beat(bus, from); outcome != Outcome::Ok) return outcome;
  }
  // A channel may write to its own control register, and that may be its end.
  while (enabled_ && to_write_ != 0 && fifo_level_ >= destination_width()) {
    if (const Outcome outcome = write_beat(bus, to); outcome != Outcome::Ok) return outcome;
  }
  if (!enabled_) return Outcome::Ok;
  burst_open_ = false;
  if (trigger_mode() == 3) consume_grant();
  if (block_bytes() == 0 && fifo_level_ == 0) end_of_block(events);
  return Outcome::Ok;
}

Outcome DmaChannel::read_beat(Bus& bus, const Access& access) {
  const unsigned width = source_width();
  std::uint32_t value = 0;
  const Outcome outcome = bus.read(sar_, width, access, value);
  if (outcome == Outcome::BusError) fail(kDtef);
  if (outcome != Outcome::Ok) return outcome;
  if (width == 4 && test(tr1_, kSbx))
    value = (value & 0xFF00'00FF) | (value & 0xFF00) << 8 | (value >> 8 & 0xFF00);
  const unsigned kept = packing() ? width : destination_width();
  if (!packing()) value = resized(value, width, kept, test(tr1_, 11));
  std::memcpy(fifo_.data() + fifo_level_, &value, kept);
  fifo_level_ += kept;
  br1_ -= width;
  if (test(tr1_, kSinc)) sar_ += width;
  if (++source_beat_ == source_beats()) sar_ = moved_by(sar_, bits(tr3_, 12, 0), test(br1_, kSdec));
  if (source_beat_ == source_beats() || block_bytes() == 0) {
    source_beat_ = 0;
    burst_read_ = true;
  }
  return Outcome::Ok;
}

Outcome DmaChannel::write_beat(Bus& bus, const Access& access) {
  const unsigned width = destination_width();
  std::uint32_t value = 0;
  std::memcpy(&value, fifo_.data(), width);
  if (width > 1 && test(tr1_, kDbx)) value = swap_bytes_of_halves(value);
  if (width == 4 && test(tr1_, kDhx)) value = value << 16 | value >> 16;
  const Outcome outcome = bus.write(dar_, width, access, value);
  if (outcome == Outcome::BusError) fail(kDtef);
  if (outcome != Outcome::Ok || !enabled_) return outcome;
  std::copy(fifo_.begin() + width, fifo_.begin() + fifo_level_, fifo_.begin());
  fifo_level_ -= width;
  --to_write_;
  moved_ += packing() ? width : source_width();
  if (test(tr1_, kDinc)) dar_ += width;
  if (++destination_beat_ == destination_beats()) {
    destination_beat_ = 0;
    dar_ = moved_by(dar_, bits(tr3_, 28, 16), test(br1_, kDdec));
  }
  note_half();
  return Outcome::Ok;
}

/// Half of a block has reached the destination, where TCEM counts by blocks.
void DmaChannel::note_half() {
  const unsigned mode = complete_mode();
  const bool repeated =
      mode == 1 ? abilities_.two_dimensional : mode != 0 && bits(programmed_block_, 26, 16) != 0;
  if (repeated || (mode == 3 && !last_item())) return;
  const std::uint32_t half = (bits(programmed_block_, 15, 0) + 1) / 2;
  const unsigned step = packing() ? destination_width() : source_width();
  if (moved_ >= half && moved_ - step < half) flags_ |= bit(kHtf);
}

void DmaChannel::end_of_block(Events& events) {
  const unsigned mode = complete_mode();
  const bool by_block = mode == 0 || (mode == 1 && !abilities_.two_dimensional);
  sar_ = moved_by(sar_, bits(br2_, 15, 0), test(br1_, kBrsdec));
  dar_ = moved_by(dar_, bits(br2_, 31, 16), test(br1_, kBrddec));
  const std::uint32_t programmed = bits(programmed_block_, 26, 16);
  const std::uint32_t done = programmed - repeats() + 1;
  const bool counts_blocks = mode == 1 ? abilities_.two_dimensional : mode != 0 && programmed != 0;
  if (counts_blocks && !(mode == 3 && !last_item()) && done == (programmed + 2) / 2) flags_ |= bit(kHtf);
  if (by_block) {
    flags_ |= bit(kTcf);
    events.completed = true;
  }
  if (trigger_mode() == 0 || (trigger_mode() == 1 && !abilities_.two_dimensional)) consume_grant();
  start_block();
  if (repeats() == 0) return end_of_item(events);
  br1_ = (br1_ & ~kCounts) | (repeats() - 1) << 16 | bits(programmed_block_, 15, 0);
}

void DmaChannel::end_of_item(Events& events) {
  if (trigger_mode() == 1 && abilities_.two_dimensional) consume_grant();
  const bool ends = last_item();
  const bool endless = !ends && (llr_ & kUpdates) == 0;
  if (ends || (complete_mode() == 1 && abilities_.two_dimensional) || (endless && complete_mode() == 2)) {
    flags_ |= bit(kTcf);
    events.completed = true;
  }
  if (endless) br1_ = (br1_ & ~kCounts) | programmed_block_;
  if (ends || (endless && test(cr_, kLsm))) {
    stop();
    events.ended = true;
  } else {
    link_due_ = !endless;
  }
}

void DmaChannel::take_item(std::span<const std::uint32_t> loaded, bool secure) {
  const std::uint32_t updates = llr_;
  for (std::size_t index = 0; index < std::size(kItem); ++index) {
    if (!test(updates, kItem[index].update)) continue;
    std::uint32_t mask = writable(kItem[index].offset);
    if (kItem[index].offset == kTr1 && !secure) mask &= ~(bit(kSsec) | bit(kDsec));
    assign(word(kItem[index].offset), loaded[index], mask);
  }
  if (test(updates, kUb1)) {
    programmed_block_ = br1_ & kCounts;
  } else {
    br1_ = (br1_ & ~kCounts) | programmed_block_;
  }
}

Outcome DmaChannel::load_link(Bus& bus, bool secure, bool privileged, Events& events) {
  const Access access{.secure = secure, .privileged = privileged, .master = abilities_.master};
  std::array<std::uint32_t, std::size(kItem)> loaded{};
  std::uint32_t address = (lbar_ & 0xFFFF'0000) + (llr_ & 0xFFFC);
  for (std::size_t index = 0; index < std::size(kItem); ++index) {
    if (!test(llr_, kItem[index].update)) continue;
    const Outcome outcome = bus.read(address, 4, access, loaded[index]);
    if (outcome == Outcome::BusError) fail(kUlef);
    if (outcome != Outcome::Ok) return outcome;
    address += 4;
  }
  const std::uint32_t before = tr2_;
  take_item(loaded, secure);
  if (bits(before, 15, 14) == 2) consume_grant();
  constexpr std::uint32_t kTriggerBits = field(25, 24) | field(21, 16);
  if (((before ^ tr2_) & kTriggerBits) != 0) hits_ = 0;
  // A list goes on until an item without data or a setting that cannot be.
  if (block_bytes() == 0 || !valid_settings()) {
    fail(kUsef);
    return Outcome::Ok;
  }
  if (bits(before, 31, 30) == 2) {
    flags_ |= bit(kTcf);
    events.completed = true;
  }
  if (test(cr_, kLsm)) {
    stop();
    events.ended = true;
  } else {
    start_item();
  }
  return Outcome::Ok;
}

}  // namespace microvisor::board
