#include "board/peripherals/dma.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "board/bus/event_archive.hpp"

namespace microvisor::board {
namespace {

enum Offset : std::uint32_t {
  kSeccfgr = 0x00,
  kPrivcfgr = 0x04,
  kRcfglockr = 0x08,
  kMisr = 0x0C,
  kSmisr = 0x10,
  kChannels = 0x50,
};

/// The lowest member of `set` above `last`, or else its lowest.
unsigned next_after(std::uint32_t set, unsigned last) {
  const std::uint32_t above = set & ~((2U << last) - 1);
  return static_cast<unsigned>(std::countr_zero(above != 0 ? above : set));
}

}  // namespace

constexpr Dma::Shape Dma::kGpdma1{
    "GPDMA1",   0x4002'0000,  Master::Gpdma, 16, 12, {29, 80}, DmaTrigger::Gpdma0Complete,
    gpdma_line, gpdma_trigger};
constexpr Dma::Shape Dma::kLpdma1{
    "LPDMA1",   0x4602'5000,  Master::Lpdma, 4, 4, {114, 0}, DmaTrigger::Lpdma0Complete,
    lpdma_line, lpdma_trigger};

Dma::Dma(const Shape& shape, Scheduler& scheduler, Clocks& clocks, Bus& bus, InterruptSink& interrupts,
         DmaSignals& signals, std::function<void()> report_illegal_access)
    : shape_(shape),
      clocks_(clocks),
      bus_(bus),
      interrupts_(interrupts),
      signals_(signals),
      report_illegal_access_(std::move(report_illegal_access)),
      done_(scheduler, [this] { perform(); }) {
  for (unsigned number = 0; number < shape.channels; ++number) {
    channels_.emplace_back(DmaAbilities{.master = shape.master,
                                        .bursts = shape.master == Master::Gpdma,
                                        .two_dimensional = number >= shape.linear_channels});
  }
  signals_.attach(this);
  clocks_.on_change([this] { consider(); });
}

// --- registers
// ---------------------------------------------------------------------------------------------------------

void Dma::reset(Reset) {
  done_.cancel();
  for (DmaChannel& channel : channels_) channel.reset();
  secure_ = privileged_ = locked_ = 0;
  last_ = {};
  last_queue_ = 0;
  update_lines();
}

void Dma::serialise(Archive& archive) {
  for (DmaChannel& channel : channels_) channel.serialise(archive);
  archive(secure_, privileged_, locked_, granted_, last_, last_queue_);
  serialise_event(archive, done_);
  if (archive.loading()) update_lines();
}

std::uint32_t Dma::open_channels(const Access& access) const {
  return all() & (access.secure ? ~0U : ~secure_) & (access.privileged ? ~0U : ~privileged_);
}

bool Dma::channel_open(unsigned number, const Access& access) const {
  if (!access.secure && test(secure_, number)) {
    report_illegal_access_();
    return false;
  }
  return access.privileged || !test(privileged_, number);
}

std::uint32_t Dma::masked_interrupts() const {
  std::uint32_t raised = 0;
  for (unsigned number = 0; number < shape_.channels; ++number) {
    if (channels_[number].interrupt()) raised |= bit(number);
  }
  return raised;
}

std::uint32_t Dma::peek(std::uint32_t offset) const {
  offset &= ~3U;
  switch (offset) {
    case kSeccfgr: return secure_;
    case kPrivcfgr: return privileged_;
    case kRcfglockr: return locked_;
    case kMisr: return masked_interrupts() & ~secure_;
    case kSmisr: return masked_interrupts() & secure_;
    default: break;
  }
  const std::uint32_t number = (offset - kChannels) / DmaChannel::kEnd;
  if (offset < kChannels || number >= shape_.channels) return 0;
  return channels_[number].peek((offset - kChannels) % DmaChannel::kEnd);
}

std::uint32_t Dma::load(std::uint32_t offset, std::uint32_t, const Access& access) {
  if (offset < kMisr) return peek(offset);
  if (offset < kChannels) {
    if (offset == kSmisr && !access.secure) report_illegal_access_();
    return peek(offset) & open_channels(access);
  }
  const std::uint32_t number = (offset - kChannels) / DmaChannel::kEnd;
  return number < shape_.channels && channel_open(number, access) ? peek(offset) : 0;
}

void Dma::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) {
  if (offset < kChannels) {
    store_global(offset, value, lanes, access);
  } else {
    const std::uint32_t number = (offset - kChannels) / DmaChannel::kEnd;
    if (number >= shape_.channels || !channel_open(number, access)) return;
    channels_[number].store((offset - kChannels) % DmaChannel::kEnd, value, lanes, test(secure_, number));
  }
  update_lines();
  consider();
}

/// SECCFGR and the locks are for secure privileged code; privileged code of either world decides of the
/// privilege of its own channels (RM0456 17.8.1 to 17.8.3).
void Dma::store_global(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) {
  const std::uint32_t mask = lanes & all() & ~locked_;
  if (offset == kPrivcfgr) {
    if (access.privileged) assign(privileged_, value, mask & (access.secure ? ~0U : ~secure_));
    return;
  }
  if (offset != kSeccfgr && offset != kRcfglockr) return;
  if (!access.secure) return report_illegal_access_();
  if (!access.privileged) return;
  if (offset == kRcfglockr) {
    locked_ |= value & all();
    return;
  }
  assign(secure_, value, mask);
  for (unsigned number = 0; number < shape_.channels; ++number) {
    if (!test(secure_, number)) channels_[number].lose_security();
  }
}

void Dma::update_lines() {
  for (unsigned number = 0; number < shape_.channels; ++number) {
    interrupts_.set_line(shape_.interrupts[number / 8] + number % 8, channels_[number].interrupt());
  }
}

// --- what calls for work
// -----------------------------------------------------------------------------------------------

bool Dma::selects(const DmaChannel& channel, DmaLine line) const {
  return channel.active() && !channel.by_software() && shape_.line(channel.request_number()) == line;
}

void Dma::request_raised(DmaLine line) {
  if (std::ranges::any_of(channels_, [&](const DmaChannel& channel) { return selects(channel, line); })) {
    consider();
  }
}

void Dma::request_pulsed(DmaLine line, unsigned count) {
  for (DmaChannel& channel : channels_) {
    if (selects(channel, line)) channel.pulse(count);
  }
  consider();
}

void Dma::trigger_edge(DmaTrigger trigger, bool rising) {
  bool heard = false;
  for (DmaChannel& channel : channels_) {
    if (!channel.trigger_enabled() || channel.trigger_on_rising() != rising) continue;
    if (shape_.trigger(channel.trigger_number()) != trigger) continue;
    channel.trigger_hit();
    heard = true;
  }
  if (!heard) return;
  update_lines();
  consider();
}

DmaChannel::Work Dma::work_of(const DmaChannel& channel) const {
  if (!channel.active()) return DmaChannel::Work::None;
  const auto line = channel.by_software() ? std::nullopt : shape_.line(channel.request_number());
  return channel.work(line && signals_.requested(*line));
}

bool Dma::has_work() const {
  return std::ranges::any_of(channels_,
                             [&](const DmaChannel& c) { return work_of(c) != DmaChannel::Work::None; });
}

// --- the bus
// ------------------------------------------------------------------------------------------------------------

std::optional<unsigned> Dma::arbitrate() {
  std::array<std::uint32_t, 4> ready{};  // by priority
  for (unsigned number = 0; number < shape_.channels; ++number) {
    if (work_of(channels_[number]) != DmaChannel::Work::None)
      ready[channels_[number].priority()] |= bit(number);
  }
  if (ready[3] != 0) return last_[3] = next_after(ready[3], last_[3]);
  // Queue n has the requests of priority n and above; the queues take turns.
  ready[1] |= ready[2];
  ready[0] |= ready[1];
  for (unsigned step = 1; step <= 3; ++step) {
    const unsigned queue = (last_queue_ + step) % 3;
    if (ready[queue] == 0) continue;
    last_queue_ = queue;
    return last_[queue] = next_after(ready[queue], last_[queue]);
  }
  return std::nullopt;
}

void Dma::consider() {
  if (performing_ || done_.armed()) return;
  const std::uint32_t hertz = clocks_.bus_clock(shape_.base);
  if (hertz == 0) return;
  const auto next = arbitrate();
  if (!next) return;
  granted_ = *next;
  done_.after(channels_[granted_].cycles(work_of(channels_[granted_])) * period_of(hertz));
}

void Dma::perform() {
  DmaChannel& channel = channels_[granted_];
  const DmaChannel::Work work = work_of(channel);
  if (clocks_.bus_clock(shape_.base) == 0 || work == DmaChannel::Work::None) return consider();
  const auto line = channel.by_software() ? std::nullopt : shape_.line(channel.request_number());
  const bool secure = test(secure_, granted_);
  const bool privileged = test(privileged_, granted_);
  DmaChannel::Events events;
  performing_ = true;
  const Outcome outcome = work == DmaChannel::Work::Link
                              ? channel.load_link(bus_, secure, privileged, events)
                              : channel.transfer_burst(bus_, secure, privileged, events);
  performing_ = false;
  if (outcome == Outcome::Stall) return done_.at(bus_.stalled_until());
  if (events.ended && line) signals_.transfer_ended(*line);
  if (events.completed) signals_.strobe(numbered(shape_.complete, granted_));
  update_lines();
  consider();
}

}  // namespace microvisor::board
