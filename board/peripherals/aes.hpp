// AES: ECB, CBC, CTR, GCM and CCM with keys of 128 or 256 bits (RM0456 chapter 49). A key comes from the key
// registers or, with KMOD = shared, over the key bus from SAES.
//
// Lives on the board's thread, owned by the board.
#pragma once

#include "board/peripherals/aes_engine.hpp"

namespace microvisor::board {

/// The bus between the key registers of SAES and those of AES (RM0456 50.4.10).
class KeyBus {
 public:
  virtual ~KeyBus() = default;
  /// The key that SAES shares, if it has the wanted size; otherwise both blocks have a key error.
  virtual std::optional<AesKey> shared_key(bool long_key) = 0;
};

class Aes final : public AesEngine {
 public:
  static constexpr std::uint32_t kBase = 0x420C'0000;

  Aes(Scheduler& scheduler, Clocks& clocks, InterruptSink& interrupts, KeyBus& key_bus);

  [[nodiscard]] std::string_view name() const override { return "AES"; }

 protected:
  [[nodiscard]] std::uint64_t clocks_of(Work work) const override;
  [[nodiscard]] std::uint32_t clock_hertz() const override { return clocks_.hclk(); }
  void control_changed(std::uint32_t before, const Access& access) override;
  std::optional<AesKey> loaded_key() override { return key_bus_.shared_key(long_key()); }

 private:
  KeyBus& key_bus_;
};

}  // namespace microvisor::board
