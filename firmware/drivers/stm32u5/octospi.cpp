// Commands of the MX25LM51245G in SPI mode (data sheet, command set table) on OCTOSPI1 in indirect mode.
//
// When a command starts is the controller's peculiarity (RM0456 section 28.4.7): without address at the write
// of IR, with address at the write of AR, and a transfer towards the chip at the first write of DR.
#include "firmware/drivers/stm32u5/octospi.hpp"

#include <array>
#include <bit>
#include <cstring>

#include "firmware/drivers/stm32u5/barrier.hpp"
#include "firmware/drivers/stm32u5/rcc.hpp"

namespace microvisor::firmware::stm32u5 {

namespace {

enum : std::uint8_t {
  kReadArray4 = 0x13,  // no dummy cycles, up to 66 MHz
  kPageProgram4 = 0x12,
  kSectorErase4 = 0x21,
  kWriteEnable = 0x06,
  kReadStatus = 0x05,
  kReadSecurity = 0x2B,
  kReadIdentification = 0x9F,
};
constexpr std::uint8_t kWriteInProgress = 1u << 0;
constexpr std::uint8_t kWriteEnabled = 1u << 1;
constexpr std::uint8_t kProgramFailed = 1u << 5;
constexpr std::uint8_t kEraseFailed = 1u << 6;
constexpr std::uint8_t kManufacturerMacronix = 0xC2;

constexpr std::uint32_t kPrescaler = 3;      // 160 MHz / 4
constexpr std::uint32_t kFifoWords = 4;      // threshold: one word
constexpr unsigned kMaximumPolls = 200'000;  // of the controller: more than any transfer here takes
// The chip: a block erase takes at most 2 s. Each poll reads the status register over the bus, which alone
// takes a microsecond.
constexpr std::uint32_t kMaximumBusyMicroseconds = 4'000'000;

/// The data register, accessed with the width that says how many bytes move.
volatile std::uint8_t& data_byte() {
  return *reinterpret_cast<volatile std::uint8_t*>(Octospi::kBase + 0x50);
}

}  // namespace

bool NorFlash::start() {
  rcc().ahb2enr1 = rcc().ahb2enr1 | Rcc::kAhb2OctospiManager;
  rcc().ahb2enr2 = rcc().ahb2enr2 | Rcc::kAhb2Octospi1;
  (void)rcc().ahb2enr2;
  Octospi& spi = octospi1();
  spi.cr = 0;
  constexpr std::uint32_t kAddressBits = std::countr_zero(kNorSize);
  spi.dcr1 = ((kAddressBits - 1) << Octospi::kDeviceSizeShift) | Octospi::kMacronix |
             (1u << Octospi::kChipSelectHighShift);
  spi.dcr2 = kPrescaler;
  spi.cr = Octospi::kEnable | ((kFifoWords - 1) << Octospi::kFifoThresholdShift);
  // A reset of the microcontroller does not reset the chip: it may still be erasing.
  std::array<std::uint8_t, 3> id{};
  if (!wait_ready() || !read_register(kReadIdentification, id)) return false;
  identification_ = std::uint32_t{id[0]} << 16 | std::uint32_t{id[1]} << 8 | id[2];
  return id[0] == kManufacturerMacronix;
}

bool NorFlash::wait_flag(std::uint32_t flags) {
  for (unsigned i = 0; i < kMaximumPolls; ++i) {
    const std::uint32_t status = octospi1().sr;
    if ((status & Octospi::kTransferError) != 0) return false;
    if ((status & flags) != 0) return true;
  }
  return false;
}

void NorFlash::begin(std::uint8_t instruction, bool with_address, std::uint32_t address, Data data,
                     std::uint32_t length) {
  Octospi& spi = octospi1();
  spi.fcr = Octospi::kTransferComplete | Octospi::kTransferError;
  const std::uint32_t base = Octospi::kEnable | ((kFifoWords - 1) << Octospi::kFifoThresholdShift);
  spi.cr = base | (data == Data::Read ? Octospi::kModeRead : Octospi::kModeWrite);
  if (data != Data::None) spi.dlr = length - 1;
  spi.tcr = 0;
  spi.ccr = Octospi::kInstructionOneLine |
            (with_address ? Octospi::kAddressOneLine | Octospi::kAddress32 : 0u) |
            (data != Data::None ? Octospi::kDataOneLine : 0u);
  spi.ir = instruction;
  if (with_address) spi.ar = address;
}

bool NorFlash::finish() {
  const bool done = wait_flag(Octospi::kTransferComplete);
  Octospi& spi = octospi1();
  spi.fcr = Octospi::kTransferComplete | Octospi::kTransferError;
  if (!done) {
    spi.cr = spi.cr | Octospi::kAbort;
    for (unsigned i = 0; i < kMaximumPolls && (spi.sr & Octospi::kBusy) != 0; ++i) {
    }
    spi.fcr = Octospi::kTransferComplete | Octospi::kTransferError;
    return false;
  }
  for (unsigned i = 0; i < kMaximumPolls; ++i) {
    if ((spi.sr & Octospi::kBusy) == 0) return true;
  }
  return false;
}

bool NorFlash::receive(std::span<std::uint8_t> out) {
  std::size_t at = 0;
  while (out.size() - at >= sizeof(std::uint32_t)) {
    if (!wait_flag(Octospi::kFifoThreshold)) return false;
    const std::uint32_t word = octospi1().dr;
    std::memcpy(out.data() + at, &word, sizeof word);
    at += sizeof word;
  }
  while (at < out.size()) {
    if (!wait_flag(Octospi::kFifoThreshold | Octospi::kTransferComplete)) return false;
    out[at++] = data_byte();
  }
  return true;
}

bool NorFlash::send(std::span<const std::uint8_t> data) {
  std::size_t at = 0;
  while (at < data.size()) {
    if (!wait_flag(Octospi::kFifoThreshold)) return false;
    if (data.size() - at >= sizeof(std::uint32_t)) {
      std::uint32_t word = 0;
      std::memcpy(&word, data.data() + at, sizeof word);
      octospi1().dr = word;
      at += sizeof word;
    } else {
      data_byte() = data[at++];
    }
  }
  return true;
}

bool NorFlash::command(std::uint8_t instruction) {
  begin(instruction, false, 0, Data::None, 0);
  return finish();
}

bool NorFlash::read_register(std::uint8_t instruction, std::span<std::uint8_t> out) {
  begin(instruction, false, 0, Data::Read, static_cast<std::uint32_t>(out.size()));
  const bool got = receive(out);
  return finish() && got;
}

bool NorFlash::wait_ready() {
  for (std::uint32_t waited = 0; waited < kMaximumBusyMicroseconds; ++waited) {
    std::array<std::uint8_t, 1> status{};
    if (!read_register(kReadStatus, status)) return false;
    if ((status[0] & kWriteInProgress) == 0) return true;
    if (pause_ != nullptr) waited += pause_();
  }
  return false;
}

bool NorFlash::write_enable() {
  std::array<std::uint8_t, 1> status{};
  return command(kWriteEnable) && read_register(kReadStatus, status) && (status[0] & kWriteEnabled) != 0;
}

bool NorFlash::read(std::uint32_t offset, std::span<std::uint8_t> out) {
  if (out.empty()) return true;
  begin(kReadArray4, true, offset, Data::Read, static_cast<std::uint32_t>(out.size()));
  const bool got = receive(out);
  return finish() && got;
}

bool NorFlash::program(std::uint32_t offset, std::span<const std::uint8_t> data) {
  if (data.empty()) return true;
  if (data.size() > storage::kNorPageSize - offset % storage::kNorPageSize) return false;
  if (!write_enable()) return false;
  begin(kPageProgram4, true, offset, Data::Write, static_cast<std::uint32_t>(data.size()));
  const bool sent = send(data);
  if (!finish() || !sent || !wait_ready()) return false;
  std::array<std::uint8_t, 1> security{};
  return read_register(kReadSecurity, security) && (security[0] & kProgramFailed) == 0;
}

bool NorFlash::erase(std::uint8_t instruction, std::uint32_t offset) {
  if (!write_enable()) return false;
  begin(instruction, true, offset, Data::None, 0);
  if (!finish() || !wait_ready()) return false;
  std::array<std::uint8_t, 1> security{};
  return read_register(kReadSecurity, security) && (security[0] & kEraseFailed) == 0;
}

bool NorFlash::erase_sector(std::uint32_t offset) { return erase(kSectorErase4, offset); }

}  // namespace microvisor::firmware::stm32u5
