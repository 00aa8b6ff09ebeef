#include "board/peripherals/aes.hpp"

namespace microvisor::board {
namespace {

constexpr unsigned kLine = 93;
constexpr std::uint32_t kOwnBits = field(14, 13) | bit(16) | field(23, 20);

/// Clocks for a block of 128 bits (RM0456 tables 476 and 477): short key, long key.
struct Latency {
  std::uint64_t clocks[2];
};
constexpr Latency kBlock{51, 75}, kPrepareKey{59, 82};
constexpr Latency kGcm[] = {{64, 88}, {35, 35}, {51, 75}, {59, 75}};    // by GCMPH
constexpr Latency kCcm[] = {{63, 87}, {55, 79}, {114, 162}, {58, 82}};  // likewise
/// A transfer over the key bus: one word a clock.
constexpr Latency kTransfer{4, 8};

}  // namespace

Aes::Aes(Scheduler& scheduler, Clocks& clocks, InterruptSink& interrupts, KeyBus& key_bus)
    : AesEngine(scheduler, clocks, {&interrupts, kLine}, kCommonBits | kOwnBits), key_bus_(key_bus) {}

std::uint64_t Aes::clocks_of(Work work) const {
  const unsigned size = long_key() ? 1 : 0;
  if (work == Work::LoadKey) return kTransfer.clocks[size];
  if (work == Work::PrepareKey) return kPrepareKey.clocks[size];
  const auto phase_index = static_cast<unsigned>(phase());
  switch (chaining()) {
    case Chaining::Gcm: return kGcm[phase_index].clocks[size];
    case Chaining::Ccm: return kCcm[phase_index].clocks[size];
    default: return kBlock.clocks[size];
  }
}

void Aes::control_changed(std::uint32_t, const Access&) {
  if (key_mode() == KeyMode::Shared && !key_valid_ && !busy()) begin(Work::LoadKey);
}

}  // namespace microvisor::board
