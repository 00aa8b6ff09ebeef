#include "board/peripherals/gtzc.hpp"

#include <utility>

namespace microvisor::board {
namespace {

constexpr unsigned kInterrupt = 8;
// Sizes of SRAM1 to SRAM4 in super-blocks of 16 KiB (the SVD lists 32 for all).
constexpr unsigned kSuperBlocks[] = {12, 4, 32, 1};
constexpr std::uint32_t kMpcbbBases[] = {kMpcbb1, kMpcbb2, kMpcbb3, kMpcbb4};
constexpr std::uint32_t kTzscBases[] = {kTzsc1, kTzsc2};
constexpr std::uint32_t kTzicBases[] = {kTzic1, kTzic2};

}  // namespace

Gtzc::Gtzc(InterruptSink& interrupts) {
  const auto update_line = [this, &interrupts] {
    interrupts.set_line(kInterrupt, tzic_[0]->pending() || tzic_[1]->pending());
  };
  for (unsigned index = 0; index < 2; ++index) tzic_[index] = std::make_unique<Tzic>(index + 1, update_line);
  for (unsigned index = 0; index < 2; ++index) {
    tzsc_[index] = std::make_unique<Tzsc>(
        index + 1, Tzsc::Hooks{.changed = [this] { changed(); },
                               .report = [this, index] { report_illegal_access(kTzscBases[index]); }});
  }
  for (unsigned index = 0; index < 4; ++index) {
    mpcbb_[index] = std::make_unique<Mpcbb>(
        index, kSuperBlocks[index],
        Mpcbb::Hooks{.changed = [this] { changed(); },
                     .report = [this, index] { report_illegal_access(kMpcbbBases[index]); }});
  }
}

bool Gtzc::secure(std::uint32_t peripheral_base) const {
  const ChipBlock* block = block_with_base(peripheral_base);
  if (block == nullptr || block->guard != Guard::Securable) return false;
  return tzsc_[block->flag.instance - 1]->secure(block->flag);
}

bool Gtzc::privileged(std::uint32_t peripheral_base) const {
  const ChipBlock* block = block_with_base(peripheral_base);
  if (block == nullptr || block->guard != Guard::Securable) return false;
  return tzsc_[block->flag.instance - 1]->privileged(block->flag);
}

void Gtzc::report_illegal_access(std::uint32_t peripheral_base) {
  if (const ChipBlock* block = block_with_base(peripheral_base); block != nullptr) report(block->flag);
}

void Gtzc::report(GtzcBit flag) {
  if (flag.exists()) tzic_[flag.instance - 1]->latch(flag.reg, flag.bit);
}

void Gtzc::on_change(std::function<void()> listener) { listeners_.push_back(std::move(listener)); }

void Gtzc::changed() const {
  for (const auto& listener : listeners_) listener();
}

std::vector<Gtzc::Placed> Gtzc::blocks() {
  std::vector<Placed> placed;
  for (unsigned index = 0; index < 2; ++index) {
    placed.push_back({kTzscBases[index], tzsc_[index].get()});
    placed.push_back({kTzicBases[index], tzic_[index].get()});
  }
  for (unsigned index = 0; index < 4; ++index) placed.push_back({kMpcbbBases[index], mpcbb_[index].get()});
  return placed;
}

}  // namespace microvisor::board
