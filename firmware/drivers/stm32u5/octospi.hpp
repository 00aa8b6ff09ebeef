// OCTOSPI1 in indirect mode (RM0456 section 28) with the octal NOR flash behind it (MX25LM51245G class),
// driven over one line (SPI 1-1-1), four-byte addresses.
//
// Polled: at 40 MHz a 256-byte page passes in 50 us, and while the chip itself is busy (programming, erasing)
// its status register is polled, with a pause between polls. Octal mode and the memory-mapped window come
// with OTFDEC.
#pragma once

#include <cstddef>
#include <cstdint>

#include "firmware/layout.hpp"
#include "firmware/storage/flash.hpp"

namespace microvisor::firmware::stm32u5 {

struct Octospi {
  volatile std::uint32_t cr;  // 0x000
  std::uint32_t reserved0;
  volatile std::uint32_t dcr1;  // 0x008
  volatile std::uint32_t dcr2;
  volatile std::uint32_t dcr3;
  volatile std::uint32_t dcr4;
  std::uint32_t reserved1[2];
  volatile std::uint32_t sr;  // 0x020
  volatile std::uint32_t fcr;
  std::uint32_t reserved2[6];
  volatile std::uint32_t dlr;  // 0x040
  std::uint32_t reserved3;
  volatile std::uint32_t ar;  // 0x048
  std::uint32_t reserved4;
  volatile std::uint32_t dr;  // 0x050
  std::uint32_t reserved5[43];
  volatile std::uint32_t ccr;  // 0x100
  std::uint32_t reserved6;
  volatile std::uint32_t tcr;  // 0x108
  std::uint32_t reserved7;
  volatile std::uint32_t ir;  // 0x110

  static constexpr std::uint32_t kBase = 0x520D'1400;

  // CR
  static constexpr std::uint32_t kEnable = 1u << 0;
  static constexpr std::uint32_t kAbort = 1u << 1;
  static constexpr unsigned kFifoThresholdShift = 8;
  static constexpr std::uint32_t kModeWrite = 0u << 28;
  static constexpr std::uint32_t kModeRead = 1u << 28;
  // DCR1
  static constexpr unsigned kDeviceSizeShift = 16;
  static constexpr unsigned kMemoryTypeShift = 24;
  static constexpr std::uint32_t kMacronix = 1u << kMemoryTypeShift;
  static constexpr unsigned kChipSelectHighShift = 8;
  // SR, FCR
  static constexpr std::uint32_t kTransferError = 1u << 0;
  static constexpr std::uint32_t kTransferComplete = 1u << 1;
  static constexpr std::uint32_t kFifoThreshold = 1u << 2;
  static constexpr std::uint32_t kBusy = 1u << 5;
  static constexpr unsigned kFifoLevelShift = 8;
  static constexpr std::uint32_t kFifoLevelMask = 0x3F;
  // CCR
  static constexpr std::uint32_t kInstructionOneLine = 1u << 0;
  static constexpr std::uint32_t kAddressOneLine = 1u << 8;
  static constexpr std::uint32_t kAddress32 = 3u << 12;
  static constexpr std::uint32_t kDataOneLine = 1u << 24;
};
static_assert(offsetof(Octospi, sr) == 0x20 && offsetof(Octospi, dlr) == 0x40 &&
              offsetof(Octospi, ar) == 0x48);
static_assert(offsetof(Octospi, dr) == 0x50 && offsetof(Octospi, ccr) == 0x100 &&
              offsetof(Octospi, ir) == 0x110);

inline Octospi& octospi1() { return *reinterpret_cast<Octospi*>(Octospi::kBase); }

class NorFlash final : public storage::Nor {
 public:
  /// Called between polls of a busy chip: sleeps, or lets others run. Returns how long that took at least, in
  /// microseconds.
  using Pause = std::uint32_t (*)();
  explicit NorFlash(Pause pause = nullptr) : pause_(pause) {}

  /// Clocks, controller, and the chip's identity. False: no answer, or a chip too small. The pins must be set
  /// up before.
  [[nodiscard]] bool start();
  /// Manufacturer, type and density, as the chip told at start(): 0x00C2'853A for an MX25LM51245G.
  [[nodiscard]] std::uint32_t identification() const { return identification_; }

  [[nodiscard]] bool read(std::uint32_t offset, std::span<std::uint8_t> out) override;
  [[nodiscard]] bool program(std::uint32_t offset, std::span<const std::uint8_t> data) override;
  [[nodiscard]] bool erase_sector(std::uint32_t offset) override;
  [[nodiscard]] std::uint32_t size() const override { return kNorSize; }

 private:
  enum class Data : std::uint8_t { None, Read, Write };
  void begin(std::uint8_t instruction, bool with_address, std::uint32_t address, Data data,
             std::uint32_t length);
  [[nodiscard]] bool finish();
  [[nodiscard]] bool receive(std::span<std::uint8_t> out);
  [[nodiscard]] bool send(std::span<const std::uint8_t> data);
  [[nodiscard]] bool command(std::uint8_t instruction);
  [[nodiscard]] bool read_register(std::uint8_t instruction, std::span<std::uint8_t> out);
  [[nodiscard]] bool write_enable();
  [[nodiscard]] bool wait_ready();
  [[nodiscard]] bool erase(std::uint8_t instruction, std::uint32_t offset);
  /// Polls SR until one of `flags` is set; false on a transfer error or when nothing happens.
  [[nodiscard]] bool wait_flag(std::uint32_t flags);

  Pause pause_;
  std::uint32_t identification_ = 0;
};

}  // namespace microvisor::firmware::stm32u5
