#include "board/peripherals/pka_operations.hpp"

namespace microvisor::board {

Number PkaRam::number(std::uint32_t offset, unsigned bits) const {
  const std::span<const std::uint32_t> words(words_);
  return Number(words.subspan((offset - kStart) / 4, (bits + 31) / 32)).low_bits(bits);
}

void PkaRam::set_number(std::uint32_t offset, const Number& number, unsigned words) {
  number.copy_to(std::span(words_).subspan((offset - kStart) / 4, words));
}

void PkaRam::set_value(std::uint32_t offset, std::uint32_t value) {
  set_word(offset, value);
  set_word(offset + 4, 0);
}

const PkaOperation* pka_operation(unsigned mode) {
  for (const auto& table : {pka_arithmetic(), pka_curves()}) {
    for (const PkaOperation& operation : table) {
      if (operation.mode == mode) return &operation;
    }
  }
  return nullptr;
}

std::uint64_t pka_clocks(std::span<const PkaTime> table, unsigned bits) {
  PkaTime low{0, 0};
  PkaTime high = table.front();
  for (const PkaTime& point : table.subspan(1)) {
    if (bits <= high.bits) break;
    low = high;
    high = point;
  }
  return low.clocks + (high.clocks - low.clocks) * (bits - low.bits) / (high.bits - low.bits);
}

}  // namespace microvisor::board
