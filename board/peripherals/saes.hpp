// SAES: AES in ECB and CBC with keys that no software sees (RM0456 chapter 50).
//
// A key comes from the key registers, from the chip (DHUK), from the backup registers (BHK: software reads
// them once, in order, and SAES listens), or from the XOR of the last two. In the wrapped and shared modes a
// decrypted key goes into the key registers instead of DOUTR; a shared one can then be fetched by AES. Random
// numbers for the masking of the core are fetched after a reset of the block: until the RNG has a clock, BUSY
// stays.
//
// Lives on the board's thread, owned by the board.
#pragma once

#include <functional>
#include <span>

#include "board/peripherals/aes.hpp"

namespace microvisor::board {

class Saes final : public AesEngine, public KeyBus {
 public:
  static constexpr std::uint32_t kBase = 0x420C'0C00;
  static constexpr unsigned kBootKeyWords = 8;

  struct Hooks {
    /// The RNG has a clock and gives numbers.
    std::function<bool()> random_alive;
    /// TZSC says that the block is secure.
    std::function<bool()> block_secure;
    /// The chip's root key in its present state of life: what every DHUK is derived from.
    std::function<std::array<std::uint8_t, 32>()> root_key;
  };

  Saes(Scheduler& scheduler, Clocks& clocks, InterruptSink& interrupts, Hooks hooks);

  /// DHUK of a chip with this root key, for who is outside of the chip and knows all of it (a test). It
  /// differs with everything that RM0456 50.4.9 and 50.4.10 name: security of the block, privilege of its
  /// user, and in CR (`control`) KMOD, KSHAREID, KEYSEL, CHMOD and KEYSIZE. How the chip derives it is not
  /// published; here it is a SHA-256.
  [[nodiscard]] static AesKey chip_key(std::span<const std::uint8_t, 32> root, bool block_secure,
                                       bool privileged, std::uint32_t control);

  [[nodiscard]] std::string_view name() const override { return "SAES"; }
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  std::optional<AesKey> shared_key(bool wanted_long) override;
  /// Secure software has read TAMP_BKP`index`R: the way in which a boot hardware key is transferred.
  void boot_key_read(unsigned index, std::uint32_t value);

 protected:
  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;
  [[nodiscard]] std::uint64_t clocks_of(Work work) const override;
  [[nodiscard]] std::uint32_t clock_hertz() const override;
  [[nodiscard]] bool can_start() const override;
  void control_changed(std::uint32_t before, const Access& access) override;
  std::optional<AesKey> loaded_key() override;
  bool divert_output(const AesBlock& block) override;
  [[nodiscard]] bool key_registers_open() const override { return source() == Source::Registers; }
  [[nodiscard]] bool busy_elsewhere() const override { return !seeded_ || listening_; }

 private:
  /// KEYSEL; three values are reserved.
  enum class Source : std::uint8_t { Registers = 0, Chip = 1, Boot = 2, Both = 4, Test = 7 };

  [[nodiscard]] Source source() const { return static_cast<Source>(bits(cr_, 30, 28)); }
  [[nodiscard]] bool uses_boot_key() const { return source() == Source::Boot || source() == Source::Both; }
  /// Has the key erased if another security context than that of its owner touches the block.
  void guard(const Access& access);
  void seed();
  void select_key(const Access& access);
  [[nodiscard]] AesKey derived_key() const;

  Hooks hooks_;
  std::uint32_t dpacfgr_ = 0x8;
  bool seeded_ = false;
  bool listening_ = false;     ///< to reads of the boot key
  bool owner_secure_ = false;  ///< who has loaded the key
  bool owner_privileged_ = false;
  unsigned heard_ = 0;
  bool upwards_ = true;
  AesKey boot_key_;
  unsigned unwrapped_words_ = 0;
  AesKey unwrapped_;
  Scheduler::Event seed_fetched_;
};

}  // namespace microvisor::board
