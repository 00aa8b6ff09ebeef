#include "board/bus/chip_map.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace microvisor::board {
namespace {

// Offsets in RCC of the enable registers, and of the reset register with the same bits (RM0456 11.8.20 and
// following).
enum : std::uint16_t {
  kAhb1 = 0x88,
  kAhb2a = 0x8C,
  kAhb2b = 0x90,
  kAhb3 = 0x94,
  kApb1a = 0x9C,
  kApb1b = 0xA0,
  kApb2 = 0xA4,
  kApb3 = 0xA8,
  kAhb1Reset = 0x60,
  kAhb2aReset = 0x64,
  kAhb2bReset = 0x68,
  kAhb3Reset = 0x6C,
  kApb1aReset = 0x74,
  kApb1bReset = 0x78,
  kApb2Reset = 0x7C,
  kApb3Reset = 0x80,
};

// clang-format off
constexpr ChipBlock kBlocks[] = {
    // name, base, size, guard, TZSC/TZIC {instance, register, bit}, RCC enable, RCC reset
    {"FLASH_MEMORY", 0x0800'0000, 0x200000, Guard::Memory, {1, 4, 2}, {}, {}},
    {"SRAM1", 0x2000'0000, 0x30000, Guard::Memory, {1, 4, 24}, {kAhb1, 31}, {}},
    {"SRAM2", 0x2003'0000, 0x10000, Guard::Memory, {1, 4, 26}, {kAhb2a, 30}, {}},
    {"SRAM3", 0x2004'0000, 0x80000, Guard::Memory, {1, 4, 28}, {kAhb2a, 31}, {}},
    {"SRAM4", 0x2800'0000, 0x4000, Guard::Memory, {2, 2, 24}, {kAhb3, 31}, {}},
    {"TIM2", 0x4000'0000, 0x400, Guard::Securable, {1, 1, 0}, {kApb1a, 0}, {kApb1aReset, 0}},
    {"TIM3", 0x4000'0400, 0x400, Guard::Securable, {1, 1, 1}, {kApb1a, 1}, {kApb1aReset, 1}},
    {"TIM4", 0x4000'0800, 0x400, Guard::Securable, {1, 1, 2}, {kApb1a, 2}, {kApb1aReset, 2}},
    {"TIM5", 0x4000'0C00, 0x400, Guard::Securable, {1, 1, 3}, {kApb1a, 3}, {kApb1aReset, 3}},
    {"TIM6", 0x4000'1000, 0x400, Guard::Securable, {1, 1, 4}, {kApb1a, 4}, {kApb1aReset, 4}},
    {"TIM7", 0x4000'1400, 0x400, Guard::Securable, {1, 1, 5}, {kApb1a, 5}, {kApb1aReset, 5}},
    {"WWDG", 0x4000'2C00, 0x400, Guard::Securable, {1, 1, 6}, {kApb1a, 11}, {}},
    {"IWDG", 0x4000'3000, 0x400, Guard::Securable, {1, 1, 7}, {}, {}},
    {"SPI2", 0x4000'3800, 0x400, Guard::Securable, {1, 1, 8}, {kApb1a, 14}, {kApb1aReset, 14}},
    {"USART2", 0x4000'4400, 0x400, Guard::Securable, {1, 1, 9}, {kApb1a, 17}, {kApb1aReset, 17}},
    {"USART3", 0x4000'4800, 0x400, Guard::Securable, {1, 1, 10}, {kApb1a, 18}, {kApb1aReset, 18}},
    {"UART4", 0x4000'4C00, 0x400, Guard::Securable, {1, 1, 11}, {kApb1a, 19}, {kApb1aReset, 19}},
    {"UART5", 0x4000'5000, 0x400, Guard::Securable, {1, 1, 12}, {kApb1a, 20}, {kApb1aReset, 20}},
    {"I2C1", 0x4000'5400, 0x400, Guard::Securable, {1, 1, 13}, {kApb1a, 21}, {kApb1aReset, 21}},
    {"I2C2", 0x4000'5800, 0x400, Guard::Securable, {1, 1, 14}, {kApb1a, 22}, {kApb1aReset, 22}},
    {"CRS", 0x4000'6000, 0x400, Guard::Securable, {1, 1, 15}, {kApb1a, 24}, {kApb1aReset, 24}},
    {"I2C4", 0x4000'8400, 0x400, Guard::Securable, {1, 1, 16}, {kApb1b, 1}, {kApb1bReset, 1}},
    {"LPTIM2", 0x4000'9400, 0x400, Guard::Securable, {1, 1, 17}, {kApb1b, 5}, {kApb1bReset, 5}},
    {"FDCAN1", 0x4000'A400, 0x400, Guard::Securable, {1, 1, 18}, {kApb1b, 9}, {kApb1bReset, 9}},
    {"FDCAN1_RAM", 0x4000'AC00, 0x400, Guard::Securable, {1, 1, 18}, {kApb1b, 9}, {}},
    {"UCPD1", 0x4000'DC00, 0x400, Guard::Securable, {1, 1, 19}, {kApb1b, 23}, {kApb1bReset, 23}},
    {"TIM1", 0x4001'2C00, 0x400, Guard::Securable, {1, 2, 0}, {kApb2, 11}, {kApb2Reset, 11}},
    {"SPI1", 0x4001'3000, 0x400, Guard::Securable, {1, 2, 1}, {kApb2, 12}, {kApb2Reset, 12}},
    {"TIM8", 0x4001'3400, 0x400, Guard::Securable, {1, 2, 2}, {kApb2, 13}, {kApb2Reset, 13}},
    {"USART1", 0x4001'3800, 0x400, Guard::Securable, {1, 2, 3}, {kApb2, 14}, {kApb2Reset, 14}},
    {"TIM15", 0x4001'4000, 0x400, Guard::Securable, {1, 2, 4}, {kApb2, 16}, {kApb2Reset, 16}},
    {"TIM16", 0x4001'4400, 0x400, Guard::Securable, {1, 2, 5}, {kApb2, 17}, {kApb2Reset, 17}},
    {"TIM17", 0x4001'4800, 0x400, Guard::Securable, {1, 2, 6}, {kApb2, 18}, {kApb2Reset, 18}},
    {"SAI1", 0x4001'5400, 0x400, Guard::Securable, {1, 2, 7}, {kApb2, 21}, {kApb2Reset, 21}},
    {"SAI2", 0x4001'5800, 0x400, Guard::Securable, {1, 2, 8}, {kApb2, 22}, {kApb2Reset, 22}},
    {"GPDMA1", 0x4002'0000, 0x1000, Guard::Aware, {1, 4, 0}, {kAhb1, 0}, {kAhb1Reset, 0}},
    {"CORDIC", 0x4002'1000, 0x400, Guard::Securable, {1, 3, 1}, {kAhb1, 1}, {kAhb1Reset, 1}},
    {"FMAC", 0x4002'1400, 0x400, Guard::Securable, {1, 3, 2}, {kAhb1, 2}, {kAhb1Reset, 2}},
    {"FLASH", 0x4002'2000, 0x400, Guard::Aware, {1, 4, 1}, {kAhb1, 8}, {}},
    {"CRC", 0x4002'3000, 0x400, Guard::Securable, {1, 3, 3}, {kAhb1, 12}, {kAhb1Reset, 12}},
    {"TSC", 0x4002'4000, 0x400, Guard::Securable, {1, 3, 4}, {kAhb1, 16}, {kAhb1Reset, 16}},
    {"MDF1", 0x4002'5000, 0x1000, Guard::Securable, {1, 3, 0}, {kAhb1, 3}, {kAhb1Reset, 3}},
    {"RAMCFG", 0x4002'6000, 0x1000, Guard::Securable, {1, 3, 22}, {kAhb1, 17}, {kAhb1Reset, 17}},
    {"DMA2D", 0x4002'B000, 0x1000, Guard::Securable, {1, 3, 5}, {kAhb1, 18}, {kAhb1Reset, 18}},
    {"ICACHE", 0x4003'0400, 0x400, Guard::Securable, {1, 3, 6}, {}, {}},
    {"DCACHE1", 0x4003'1400, 0x400, Guard::Securable, {1, 3, 7}, {kAhb1, 30}, {}},
    {"GTZC1_TZSC", 0x4003'2400, 0x400, Guard::Aware, {1, 4, 14}, {kAhb1, 24}, {}},
    {"GTZC1_TZIC", 0x4003'2800, 0x400, Guard::Aware, {1, 4, 15}, {kAhb1, 24}, {}},
    {"GTZC1_MPCBB1", 0x4003'2C00, 0x400, Guard::Aware, {1, 4, 25}, {kAhb1, 24}, {}},
    {"GTZC1_MPCBB2", 0x4003'3000, 0x400, Guard::Aware, {1, 4, 27}, {kAhb1, 24}, {}},
    {"GTZC1_MPCBB3", 0x4003'3400, 0x400, Guard::Aware, {1, 4, 29}, {kAhb1, 24}, {}},
    {"BKPSRAM", 0x4003'6400, 0x800, Guard::Memory, {1, 4, 18}, {kAhb1, 28}, {}},
    {"GPIOA", 0x4202'0000, 0x400, Guard::Aware, {}, {kAhb2a, 0}, {kAhb2aReset, 0}},
    {"GPIOB", 0x4202'0400, 0x400, Guard::Aware, {}, {kAhb2a, 1}, {kAhb2aReset, 1}},
    {"GPIOC", 0x4202'0800, 0x400, Guard::Aware, {}, {kAhb2a, 2}, {kAhb2aReset, 2}},
    {"GPIOD", 0x4202'0C00, 0x400, Guard::Aware, {}, {kAhb2a, 3}, {kAhb2aReset, 3}},
    {"GPIOE", 0x4202'1000, 0x400, Guard::Aware, {}, {kAhb2a, 4}, {kAhb2aReset, 4}},
    {"GPIOF", 0x4202'1400, 0x400, Guard::Aware, {}, {kAhb2a, 5}, {kAhb2aReset, 5}},
    {"GPIOG", 0x4202'1800, 0x400, Guard::Aware, {}, {kAhb2a, 6}, {kAhb2aReset, 6}},
    {"GPIOH", 0x4202'1C00, 0x400, Guard::Aware, {}, {kAhb2a, 7}, {kAhb2aReset, 7}},
    {"GPIOI", 0x4202'2000, 0x400, Guard::Aware, {}, {kAhb2a, 8}, {kAhb2aReset, 8}},
    {"ADC1", 0x4202'8000, 0x400, Guard::Securable, {1, 3, 8}, {kAhb2a, 10}, {kAhb2aReset, 10}},
    {"DCMI", 0x4202'C000, 0x400, Guard::Securable, {1, 3, 9}, {kAhb2a, 12}, {kAhb2aReset, 12}},
    {"PSSI", 0x4202'C400, 0x400, Guard::Securable, {1, 3, 9}, {kAhb2a, 12}, {kAhb2aReset, 12}},
    {"OTG_FS", 0x4204'0000, 0x40000, Guard::Securable, {1, 3, 10}, {kAhb2a, 14}, {kAhb2aReset, 14}},
    {"AES", 0x420C'0000, 0x400, Guard::Securable, {1, 3, 11}, {kAhb2a, 16}, {kAhb2aReset, 16}},
    {"HASH", 0x420C'0400, 0x400, Guard::Securable, {1, 3, 12}, {kAhb2a, 17}, {kAhb2aReset, 17}},
    {"RNG", 0x420C'0800, 0x400, Guard::Securable, {1, 3, 13}, {kAhb2a, 18}, {kAhb2aReset, 18}},
    {"SAES", 0x420C'0C00, 0x400, Guard::Securable, {1, 3, 15}, {kAhb2a, 20}, {kAhb2aReset, 20}},
    {"PKA", 0x420C'2000, 0x2000, Guard::Securable, {1, 3, 14}, {kAhb2a, 19}, {kAhb2aReset, 19}},
    {"OCTOSPIM", 0x420C'4000, 0x400, Guard::Securable, {1, 3, 16}, {kAhb2a, 21}, {kAhb2aReset, 21}},
    {"OTFDEC1", 0x420C'5000, 0x400, Guard::Aware, {1, 4, 3}, {kAhb2a, 23}, {kAhb2aReset, 23}},
    {"OTFDEC2", 0x420C'5400, 0x400, Guard::Aware, {1, 4, 4}, {kAhb2a, 24}, {kAhb2aReset, 24}},
    {"SDMMC1", 0x420C'8000, 0x400, Guard::Securable, {1, 3, 17}, {kAhb2a, 27}, {kAhb2aReset, 27}},
    {"DLYBSD1", 0x420C'8400, 0x400, Guard::None, {}, {kAhb2a, 27}, {}},
    {"DLYBSD2", 0x420C'8800, 0x400, Guard::None, {}, {kAhb2a, 28}, {}},
    {"SDMMC2", 0x420C'8C00, 0x400, Guard::Securable, {1, 3, 18}, {kAhb2a, 28}, {kAhb2aReset, 28}},
    {"DLYBOS1", 0x420C'F000, 0x400, Guard::None, {}, {kAhb2b, 4}, {}},
    {"DLYBOS2", 0x420C'F400, 0x400, Guard::None, {}, {kAhb2b, 8}, {}},
    {"FMC", 0x420D'0400, 0x400, Guard::Securable, {1, 3, 19}, {kAhb2b, 0}, {kAhb2bReset, 0}},
    {"OCTOSPI1", 0x420D'1400, 0x400, Guard::Securable, {1, 3, 20}, {kAhb2b, 4}, {kAhb2bReset, 4}},
    {"OCTOSPI2", 0x420D'2400, 0x400, Guard::Securable, {1, 3, 21}, {kAhb2b, 8}, {kAhb2bReset, 8}},
    {"SYSCFG", 0x4600'0400, 0x400, Guard::Aware, {2, 2, 0}, {kApb3, 1}, {kApb3Reset, 1}},
    {"SPI3", 0x4600'2000, 0x400, Guard::Securable, {2, 1, 0}, {kApb3, 5}, {kApb3Reset, 5}},
    {"LPUART1", 0x4600'2400, 0x400, Guard::Securable, {2, 1, 1}, {kApb3, 6}, {kApb3Reset, 6}},
    {"I2C3", 0x4600'2800, 0x400, Guard::Securable, {2, 1, 2}, {kApb3, 7}, {kApb3Reset, 7}},
    {"LPTIM1", 0x4600'4400, 0x400, Guard::Securable, {2, 1, 3}, {kApb3, 11}, {kApb3Reset, 11}},
    {"LPTIM3", 0x4600'4800, 0x400, Guard::Securable, {2, 1, 4}, {kApb3, 12}, {kApb3Reset, 12}},
    {"LPTIM4", 0x4600'4C00, 0x400, Guard::Securable, {2, 1, 5}, {kApb3, 13}, {kApb3Reset, 13}},
    {"OPAMP", 0x4600'5000, 0x400, Guard::Securable, {2, 1, 6}, {kApb3, 14}, {kApb3Reset, 14}},
    {"COMP", 0x4600'5400, 0x400, Guard::Securable, {2, 1, 7}, {kApb3, 15}, {kApb3Reset, 15}},
    {"VREFBUF", 0x4600'7400, 0x400, Guard::Securable, {2, 1, 9}, {kApb3, 20}, {kApb3Reset, 20}},
    {"RTC", 0x4600'7800, 0x400, Guard::Aware, {2, 2, 1}, {kApb3, 21}, {}},
    {"TAMP", 0x4600'7C00, 0x400, Guard::Aware, {2, 2, 2}, {kApb3, 21}, {}},
    {"LPGPIO1", 0x4602'0000, 0x400, Guard::None, {}, {kAhb3, 0}, {kAhb3Reset, 0}},
    {"PWR", 0x4602'0800, 0x400, Guard::Aware, {2, 2, 3}, {kAhb3, 2}, {}},
    {"RCC", 0x4602'0C00, 0x400, Guard::Aware, {2, 2, 4}, {}, {}},
    {"ADC4", 0x4602'1000, 0x400, Guard::Securable, {2, 1, 8}, {kAhb3, 5}, {kAhb3Reset, 5}},
    {"DAC1", 0x4602'1800, 0x400, Guard::Securable, {2, 1, 11}, {kAhb3, 6}, {kAhb3Reset, 6}},
    {"EXTI", 0x4602'2000, 0x400, Guard::Aware, {2, 2, 6}, {}, {}},
    {"GTZC2_TZSC", 0x4602'3000, 0x400, Guard::Aware, {2, 2, 14}, {kAhb3, 12}, {}},
    {"GTZC2_TZIC", 0x4602'3400, 0x400, Guard::Aware, {2, 2, 15}, {kAhb3, 12}, {}},
    {"GTZC2_MPCBB4", 0x4602'3800, 0x400, Guard::Aware, {2, 2, 25}, {kAhb3, 12}, {}},
    {"ADF1", 0x4602'4000, 0x1000, Guard::Securable, {2, 1, 12}, {kAhb3, 10}, {kAhb3Reset, 10}},
    {"LPDMA1", 0x4602'5000, 0x1000, Guard::Aware, {2, 2, 5}, {kAhb3, 9}, {kAhb3Reset, 9}},
    {"FMC_BANK1", 0x6000'0000, 0x10000000, Guard::Memory, {1, 4, 17}, {}, {}},
    {"OCTOSPI2_MEMORY", 0x7000'0000, 0x10000000, Guard::Memory, {1, 4, 19}, {}, {}},
    {"FMC_BANK3", 0x8000'0000, 0x10000000, Guard::Memory, {1, 4, 17}, {}, {}},
    {"OCTOSPI1_MEMORY", 0x9000'0000, 0x10000000, Guard::Memory, {1, 4, 16}, {}, {}},
    {"DBGMCU", 0xE004'4000, 0x1000, Guard::None, {}, {}, {}},
};
// clang-format on

// The peripheral space in granules of 1 KiB: index into kBlocks, kNoBlock for a hole.
constexpr std::uint32_t kPeripheralSpace = 0x4000'0000;
constexpr std::size_t kGranules = 0x0700'0000 >> 10;
constexpr std::uint8_t kNoBlock = 0xFF;
static_assert(std::size(kBlocks) < kNoBlock);

std::vector<std::uint8_t> make_granules() {
  std::vector<std::uint8_t> granules(kGranules, kNoBlock);
  for (std::size_t index = 0; index < std::size(kBlocks); ++index) {
    const ChipBlock& block = kBlocks[index];
    if (block.base < kPeripheralSpace || block.base >= kPeripheralSpace + (kGranules << 10)) continue;
    const std::size_t first = (block.base - kPeripheralSpace) >> 10;
    std::fill_n(granules.begin() + static_cast<std::ptrdiff_t>(first), (block.size + 0x3FF) >> 10,
                static_cast<std::uint8_t>(index));
  }
  return granules;
}

}  // namespace

std::span<const ChipBlock> chip_blocks() { return kBlocks; }

const ChipBlock* block_at(std::uint32_t address) {
  static const std::vector<std::uint8_t> granules = make_granules();
  if (const std::size_t granule = (address - kPeripheralSpace) >> 10; granule < kGranules) {
    return granules[granule] == kNoBlock ? nullptr : &kBlocks[granules[granule]];
  }
  const auto* after = std::ranges::upper_bound(kBlocks, address, {}, &ChipBlock::base);
  if (after == std::begin(kBlocks)) return nullptr;
  const ChipBlock& block = *(after - 1);
  return address - block.base < block.size ? &block : nullptr;
}

const ChipBlock* block_with_base(std::uint32_t base) {
  const ChipBlock* block = block_at(base);
  return block != nullptr && block->base == base ? block : nullptr;
}

}  // namespace microvisor::board
