// FLASH: the embedded flash's controller (RM0456 section 7), and the driver that the storage interface sees.
//
// Secure pages go through SECCR, non-secure ones through NSCR. Non-secure pages (the application's bank) must
// be addressed by their non-secure alias with the SAU open for it: the secure alias reads zero and programs
// nothing (RM0456 table 68).
#pragma once

#include <cstddef>
#include <cstdint>

#include "firmware/storage/flash.hpp"

namespace microvisor::firmware::stm32u5 {

struct FlashController {
  volatile std::uint32_t acr;  // 0x00
  std::uint32_t reserved0;
  volatile std::uint32_t nskeyr;  // 0x08
  volatile std::uint32_t seckeyr;
  volatile std::uint32_t optkeyr;
  std::uint32_t reserved1;
  volatile std::uint32_t pdkey1r;
  volatile std::uint32_t pdkey2r;
  volatile std::uint32_t nssr;  // 0x20
  volatile std::uint32_t secsr;
  volatile std::uint32_t nscr;
  volatile std::uint32_t seccr;
  volatile std::uint32_t eccr;  // 0x30
  volatile std::uint32_t opsr;
  std::uint32_t reserved2[2];
  volatile std::uint32_t optr;  // 0x40
  volatile std::uint32_t nsbootadd0r;
  volatile std::uint32_t nsbootadd1r;
  volatile std::uint32_t secbootadd0r;
  volatile std::uint32_t secwm1r1;  // 0x50
  volatile std::uint32_t secwm1r2;
  volatile std::uint32_t wrp1ar;
  volatile std::uint32_t wrp1br;
  volatile std::uint32_t secwm2r1;  // 0x60
  volatile std::uint32_t secwm2r2;
  volatile std::uint32_t wrp2ar;
  volatile std::uint32_t wrp2br;
  std::uint32_t reserved3[20];
  volatile std::uint32_t sechdpcr;  // 0xC0
  volatile std::uint32_t privcfgr;

  static constexpr std::uint32_t kBase = 0x5002'2000;

  static constexpr std::uint32_t kLatencyMask = 0xF;  // ACR
  static constexpr std::uint32_t kPrefetch = 1u << 8;
  static constexpr std::uint32_t kKey1 = 0x4567'0123;
  static constexpr std::uint32_t kKey2 = 0xCDEF'89AB;
  // CR, both controllers
  static constexpr std::uint32_t kProgram = 1u << 0;
  static constexpr std::uint32_t kPageErase = 1u << 1;
  static constexpr unsigned kPageShift = 3;
  static constexpr std::uint32_t kPageMask = 0x7Fu << kPageShift;
  static constexpr std::uint32_t kBank2 = 1u << 11;
  static constexpr std::uint32_t kBurst = 1u << 14;
  static constexpr std::uint32_t kStart = 1u << 16;
  static constexpr std::uint32_t kEndInterrupts = 3u << 24;  // EOPIE, ERRIE: one of them at each end
  static constexpr std::uint32_t kLock = 1u << 31;
  // SR, both controllers: error flags are cleared by writing one.
  static constexpr std::uint32_t kErrors = 0x20FA;  // OPERR, PROGERR, WRPERR, PGAERR, SIZERR, PGSERR, OPTWERR
  static constexpr std::uint32_t kEndOfOperation = 1u << 0;
  static constexpr std::uint32_t kBusy = 1u << 16;
  static constexpr std::uint32_t kWaitingForData = 1u << 17;
  // ECCR
  static constexpr std::uint32_t kEccCorrected = 1u << 30;
  static constexpr std::uint32_t kEccDetected = 1u << 31;
  // SECHDPCR
  static constexpr std::uint32_t kHideBank2 = 1u << 1;
};
static_assert(offsetof(FlashController, nskeyr) == 0x08 && offsetof(FlashController, nssr) == 0x20);
static_assert(offsetof(FlashController, eccr) == 0x30 && offsetof(FlashController, optr) == 0x40);
static_assert(offsetof(FlashController, secwm2r1) == 0x60 && offsetof(FlashController, sechdpcr) == 0xC0);

inline FlashController& flash_controller() {
  return *reinterpret_cast<FlashController*>(FlashController::kBase);
}

/// To be called first by every image's NMI handler. True: the NMI came from a double ECC error under a
/// probing read, which reports it; the handler just returns. False: not ours, or code or data that must be
/// readable has decayed.
[[nodiscard]] bool handle_flash_nmi();

/// Reads flash that may have decayed or been torn by a power cut. False: some row has a double ECC error, and
/// nothing in `out` counts. The only way to read rows that are not known to be good: elsewhere such an error
/// is fatal.
[[nodiscard]] bool probe_flash(std::uint32_t address, std::span<std::uint8_t> out);

/// The internal flash of the boot stages, which never write.
class ReadOnlyFlash final : public storage::Flash {
 public:
  [[nodiscard]] storage::FlashStatus read_row(std::uint32_t address, storage::Row& row) override {
    return probe_flash(address, row) ? storage::FlashStatus::Ok : storage::FlashStatus::Unreadable;
  }
  [[nodiscard]] storage::FlashStatus program_row(std::uint32_t, const storage::Row&) override {
    return storage::FlashStatus::Failed;
  }
  [[nodiscard]] storage::FlashStatus program_burst(std::uint32_t,
                                                   std::span<const std::uint8_t, 128>) override {
    return storage::FlashStatus::Failed;
  }
  [[nodiscard]] storage::FlashStatus erase_page(std::uint32_t) override {
    return storage::FlashStatus::Failed;
  }
};

/// Which controller rules an address, and the address's bits in its control register.
struct FlashTarget {
  volatile std::uint32_t* key;
  volatile std::uint32_t* control;
  volatile std::uint32_t* status;
  std::uint32_t page_bits;
  std::uint8_t line;  // of its interrupt
  bool bank2;
};

/// The internal flash for vault and update. One object, used from one context at a time.
class InternalFlash final : public storage::Flash {
 public:
  /// `hook` is called after each operation on bank 1, during which the core sleeps. It is not called for bank
  /// 2: there every fetch stalls anyway, and code in RAM waits, so that interrupts are served. Without a hook
  /// nobody is to be served, and the core sleeps then too.
  using YieldHook = void (*)();
  explicit InternalFlash(YieldHook hook = nullptr) : yield_(hook) {}

  [[nodiscard]] storage::FlashStatus read_row(std::uint32_t address, storage::Row& row) override;
  [[nodiscard]] storage::FlashStatus read(std::uint32_t address, std::span<std::uint8_t> out) override;
  [[nodiscard]] storage::FlashStatus program_row(std::uint32_t address, const storage::Row& row) override;
  [[nodiscard]] storage::FlashStatus program_burst(std::uint32_t address,
                                                   std::span<const std::uint8_t, 128> data) override;
  [[nodiscard]] storage::FlashStatus erase_page(std::uint32_t address) override;
  [[nodiscard]] std::span<const std::uint8_t> in_place(std::uint32_t address, std::uint32_t size) override {
    return {reinterpret_cast<const std::uint8_t*>(address), size};
  }

 private:
  [[nodiscard]] storage::FlashStatus program(std::uint32_t address, const std::uint8_t* data,
                                             std::uint32_t words, std::uint32_t mode);
  [[nodiscard]] storage::FlashStatus finish(const FlashTarget& target, std::uint32_t status);
  void before_read();
  [[nodiscard]] bool sleeps(const FlashTarget& target) const { return !target.bank2 || yield_ == nullptr; }

  YieldHook yield_;
  bool cache_stale_ = false;  // flash was written since the instruction cache was emptied
};

}  // namespace microvisor::firmware::stm32u5
