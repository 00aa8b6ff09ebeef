#include "board/bus/register_file.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "board/bus/chip_map.hpp"

namespace microvisor::board {
namespace {

// Registers that are not zero after reset, per kind of block (register reset values of RM0456).
struct ResetValue {
  std::uint32_t offset;
  std::uint32_t value;
};

struct BlockResetValues {
  std::uint32_t base;
  std::span<const ResetValue> values;
};

constexpr ResetValue kI2cAndLptim[] = {{0x18, 0x1}};
constexpr ResetValue kSai[] = {{0x4, 0x40}, {0xC, 0x7}, {0x18, 0x8}, {0x24, 0x40}, {0x2C, 0x7}, {0x38, 0x8}};
constexpr ResetValue kSpi[] = {{0x8, 0x7'0007}, {0x14, 0x1002}, {0x40, 0x107}};
constexpr ResetValue kTim[] = {{0x2C, 0xFFFF}, {0x60, 0x1}, {0x64, 0x1}};
constexpr ResetValue kTim2[] = {{0x2C, 0xFFFF'FFFF}};
constexpr ResetValue kTim15[] = {{0x2C, 0xFFFF}, {0x64, 0x1}};
constexpr ResetValue kTim16[] = {{0x2C, 0xFFFF}, {0x60, 0x1}, {0x64, 0x1}, {0x3DC, 0x1}, {0x3E0, 0x1}};
constexpr ResetValue kTim6[] = {{0x2C, 0xFFFF}};
constexpr ResetValue kWwdg[] = {{0x0, 0x7F}, {0x4, 0x7F}};
constexpr ResetValue kLpuart[] = {{0x1C, 0x80'00C0}, {0x30, 0x8000'0000}};
constexpr ResetValue kVrefbuf[] = {{0x0, 0x2}};
constexpr ResetValue kTsc[] = {{0x10, 0xFFFF'FFFF}};
constexpr ResetValue kFdcan[] = {{0x0, 0x3214'1218},  {0x4, 0x8765'4321},  {0xC, 0xA33},   {0x18, 0x1},
                                 {0x1C, 0x600'0A03},  {0x28, 0xFFFF'0000}, {0x2C, 0xFFFF}, {0x44, 0x707},
                                 {0x84, 0x1FFF'FFFF}, {0xC4, 0x3}};
constexpr ResetValue kCrc[] = {{0x0, 0xFFFF'FFFF}, {0x10, 0xFFFF'FFFF}, {0x14, 0x4C1'1DB7}};
constexpr ResetValue kCrs[] = {{0x0, 0x4000}, {0x4, 0x2022'BB7F}};
constexpr ResetValue kUart[] = {{0x1C, 0xC0}, {0x30, 0x8000'0000}};
constexpr ResetValue kHash[] = {{0x24, 0x1}};
constexpr ResetValue kMdf[] = {{0x80, 0x1F00},  {0x100, 0x1F00}, {0x180, 0x1F00},
                               {0x200, 0x1F00}, {0x280, 0x1F00}, {0x300, 0x1F00}};
constexpr ResetValue kAdf[] = {{0x80, 0x1F00}};
constexpr ResetValue kAdc[] = {
    {0x8, 0x2000'0000}, {0xC, 0x8000'0000}, {0xAC, 0x1FF'FFFF}, {0xB4, 0x1FF'FFFF}, {0xBC, 0x1FF'FFFF}};
constexpr ResetValue kAdc4[] = {{0x20, 0xFFF'0000}, {0x24, 0xFFF'0000}, {0x2C, 0xFFF'0000}};
constexpr ResetValue kFmc[] = {
    {0x0, 0x30DB},       {0x4, 0xFFF'FFFF},   {0x8, 0x30D2},       {0xC, 0xFFF'FFFF},
    {0x10, 0x30D2},      {0x14, 0xFFF'FFFF},  {0x18, 0x30D2},      {0x1C, 0xFFF'FFFF},
    {0x80, 0x18},        {0x84, 0x40},        {0x88, 0xFCFC'FCFC}, {0x8C, 0xFCFC'FCFC},
    {0x104, 0xFFF'FFFF}, {0x10C, 0xFFF'FFFF}, {0x114, 0xFFF'FFFF}, {0x11C, 0xFFF'FFFF}};
constexpr ResetValue kFmac[] = {{0x14, 0x1}};
constexpr ResetValue kCordic[] = {{0x0, 0x50}};
constexpr ResetValue kDac[] = {{0x48, 0x1'0001}, {0x4C, 0x1'0001}};
constexpr ResetValue kSaes[] = {{0x100, 0x8}};
constexpr ResetValue kOtgFs[] = {
    {0x0, 0x1'0000},     {0xC, 0x1440},       {0x10, 0x8000'0000}, {0x14, 0x400'0020},  {0x24, 0x200},
    {0x28, 0x200'0200},  {0x2C, 0x8'0200},    {0x3C, 0x3000},      {0x100, 0x200'0400}, {0x104, 0x200'0400},
    {0x108, 0x200'0600}, {0x10C, 0x200'0800}, {0x110, 0x200'0A00}, {0x114, 0x200'0C00}, {0x404, 0xEA60},
    {0x408, 0x3FFF},     {0x410, 0x8'0100},   {0x800, 0x220'0000}, {0x804, 0x2},        {0x808, 0x10},
    {0x828, 0x17D7},     {0x82C, 0x5B8},      {0x908, 0x80},       {0x918, 0x200},      {0x928, 0x80},
    {0x938, 0x200},      {0x948, 0x80},       {0x958, 0x200},      {0x968, 0x80},       {0x978, 0x200},
    {0x988, 0x80},       {0x998, 0x200},      {0x9A8, 0x80},       {0x9B8, 0x200},      {0xB00, 0x8000},
    {0xB08, 0x80},       {0xB28, 0x80},       {0xB48, 0x80},       {0xB68, 0x80},       {0xB88, 0x80},
    {0xBA8, 0x80},       {0xE00, 0x200B'8000}};
constexpr ResetValue kPssi[] = {{0x0, 0x4000'0000}, {0x28, 0xC000'0000}};
constexpr ResetValue kOtfdec[] = {{0x28, 0xFFF}, {0x58, 0xFFF}, {0x88, 0xFFF}, {0x8C, 0xFFF}};

constexpr BlockResetValues kTable[] = {
    {0x4000'0000, kTim2},         // TIM2
    {0x4000'0400, kTim2},         // TIM3
    {0x4000'0800, kTim2},         // TIM4
    {0x4000'0C00, kTim2},         // TIM5
    {0x4000'1000, kTim6},         // TIM6
    {0x4000'1400, kTim6},         // TIM7
    {0x4000'2C00, kWwdg},         // WWDG
    {0x4000'3800, kSpi},          // SPI2
    {0x4000'4400, kUart},         // USART2
    {0x4000'4800, kUart},         // USART3
    {0x4000'4C00, kUart},         // UART4
    {0x4000'5000, kUart},         // UART5
    {0x4000'5400, kI2cAndLptim},  // I2C1
    {0x4000'5800, kI2cAndLptim},  // I2C2
    {0x4000'6000, kCrs},          // CRS
    {0x4000'8400, kI2cAndLptim},  // I2C4
    {0x4000'9400, kI2cAndLptim},  // LPTIM2
    {0x4000'A400, kFdcan},        // FDCAN1
    {0x4000'AC00, kFdcan},        // FDCAN1_RAM
    {0x4001'2C00, kTim},          // TIM1
    {0x4001'3000, kSpi},          // SPI1
    {0x4001'3400, kTim},          // TIM8
    {0x4001'3800, kUart},         // USART1
    {0x4001'4000, kTim15},        // TIM15
    {0x4001'4400, kTim16},        // TIM16
    {0x4001'4800, kTim16},        // TIM17
    {0x4001'5400, kSai},          // SAI1
    {0x4001'5800, kSai},          // SAI2
    {0x4002'1000, kCordic},       // CORDIC
    {0x4002'1400, kFmac},         // FMAC
    {0x4002'3000, kCrc},          // CRC
    {0x4002'4000, kTsc},          // TSC
    {0x4002'5000, kMdf},          // MDF1
    {0x4202'8000, kAdc},          // ADC1
    {0x4202'C400, kPssi},         // PSSI
    {0x4204'0000, kOtgFs},        // OTG_FS
    {0x420C'0400, kHash},         // HASH
    {0x420C'0C00, kSaes},         // SAES
    {0x420C'5000, kOtfdec},       // OTFDEC1
    {0x420C'5400, kOtfdec},       // OTFDEC2
    {0x420D'0400, kFmc},          // FMC
    {0x4600'2000, kSpi},          // SPI3
    {0x4600'2400, kLpuart},       // LPUART1
    {0x4600'2800, kI2cAndLptim},  // I2C3
    {0x4600'4400, kI2cAndLptim},  // LPTIM1
    {0x4600'4800, kI2cAndLptim},  // LPTIM3
    {0x4600'4C00, kI2cAndLptim},  // LPTIM4
    {0x4600'7400, kVrefbuf},      // VREFBUF
    {0x4602'1000, kAdc4},         // ADC4
    {0x4602'1800, kDac},          // DAC1
    {0x4602'4000, kAdf},          // ADF1
};

std::span<const ResetValue> reset_values(std::uint32_t base) {
  const auto* entry = std::ranges::lower_bound(kTable, base, {}, &BlockResetValues::base);
  if (entry == std::end(kTable) || entry->base != base) return {};
  return entry->values;
}

}  // namespace

RegisterFile::RegisterFile(const ChipBlock& block, std::function<void(std::string_view)> first_touch)
    : block_(block), first_touch_(std::move(first_touch)) {
  load_reset_values();
}

Outcome RegisterFile::read(std::uint32_t offset, unsigned size, const Access&, std::uint32_t& value) {
  touch();
  const std::uint32_t lane = (offset & 3U) * 8;
  value = peek(offset) >> lane;
  if (size < 4) value &= (1U << (size * 8)) - 1;
  return Outcome::Ok;
}

Outcome RegisterFile::write(std::uint32_t offset, unsigned size, const Access&, std::uint32_t value) {
  touch();
  const std::uint32_t lane = (offset & 3U) * 8;
  const std::uint32_t mask = size == 4 ? ~0U : ((1U << (size * 8)) - 1) << lane;
  std::uint32_t& word = words_[offset & ~3U];
  word = (word & ~mask) | ((value << lane) & mask);
  return Outcome::Ok;
}

std::uint32_t RegisterFile::peek(std::uint32_t offset) const {
  const auto found = words_.find(offset & ~3U);
  return found == words_.end() ? 0 : found->second;
}

void RegisterFile::reset(Reset) { load_reset_values(); }

void RegisterFile::serialise(Archive& archive) {
  auto count = static_cast<std::uint32_t>(words_.size());
  archive(count);
  if (archive.loading()) {
    words_.clear();
    for (std::uint32_t entry = 0; entry < count; ++entry) {
      std::uint32_t offset = 0;
      std::uint32_t value = 0;
      archive(offset, value);
      words_[offset] = value;
    }
    return;
  }
  for (auto& [key, word] : words_) {
    std::uint32_t offset = key;
    archive(offset, word);
  }
}

std::string_view RegisterFile::block_name() const { return block_.name; }

void RegisterFile::touch() {
  if (!first_touch_) return;
  std::exchange(first_touch_, nullptr)(block_.name);
}

void RegisterFile::load_reset_values() {
  words_.clear();
  for (const ResetValue& entry : reset_values(block_.base)) words_[entry.offset] = entry.value;
}

}  // namespace microvisor::board
