// What AES and SAES have in common: registers, the flow of blocks, key registers and flags, and the chaining
// modes (RM0456 chapters 49 and 50).
//
// A block goes through three phases: four words in, computation, four words out. Touching DINR or DOUTR in
// the wrong one sets WRERR or RDERR. Clearing EN ends the phase but leaves key, vectors and the state of GCM
// and CCM alone, so that a chain can be continued. What the two blocks differ in (where keys come from, which
// modes there are, how long it takes) stands in aes.cpp and saes.cpp.
//
// Lives on the board's thread, owned by the board.
#pragma once

#include <optional>

#include "board/bus/clocks.hpp"
#include "board/bus/dma_request.hpp"
#include "board/bus/scheduler.hpp"
#include "board/peripherals/aes_cipher.hpp"
#include "board/peripherals/register_block.hpp"

namespace microvisor::board {

/// Accessed in whole words only (RM0456 49.1, 50.1).
class AesEngine : public WordRegisterBlock {
 public:
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  /// Requests for a word of input and of output.
  [[nodiscard]] DmaRequest& dma_in() { return dma_in_; }
  [[nodiscard]] DmaRequest& dma_out() { return dma_out_; }
  /// A tamper event erases keys (RM0456 64.3.8).
  void erase_key();

 protected:
  enum Offset : std::uint32_t {
    kCr = 0x00,
    kSr = 0x04,
    kDinr = 0x08,
    kDoutr = 0x0C,
    kKeyLow = 0x10,  // KEYR0 to 3
    kIv = 0x20,
    kKeyHigh = 0x30,  // KEYR4 to 7
    kSuspend = 0x40,
    kSuspendEnd = 0x60,
    kIer = 0x300,
    kIsr = 0x304,
    kIcr = 0x308,
  };
  // Bits of CR.
  static constexpr unsigned kEnable = 0, kDmaIn = 11, kDmaOut = 12, kChaining2 = 16, kKeySize = 18,
                            kSoftReset = 31;
  static constexpr std::uint32_t kCommonBits =
      bit(kEnable) | field(6, 1) | bit(kDmaIn) | bit(kDmaOut) | bit(kKeySize) | field(25, 24);
  // Bits of ISR, IER and ICR.
  static constexpr std::uint32_t kComplete = bit(0), kAccessError = bit(1), kKeyError = bit(2),
                                 kRandomError = bit(3);
  enum class Mode : std::uint8_t { Encrypt = 0, PrepareKey = 1, Decrypt = 2 };
  enum class Chaining : std::uint8_t { Ecb = 0, Cbc = 1, Ctr = 2, Gcm = 3, Ccm = 4 };
  enum class KeyMode : std::uint8_t { Normal = 0, Wrapped = 1, Shared = 2 };
  /// GCMPH.
  enum class Phase : std::uint8_t { Init = 0, Header = 1, Payload = 2, Final = 3 };
  enum class Work : std::uint8_t { None, PrepareKey, Init, Header, Payload, Final, LoadKey };

  AesEngine(Scheduler& scheduler, Clocks& clocks, InterruptLine line, std::uint32_t control_bits);

  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;

  // What AES and SAES do in their own way.
  /// Clocks of clock_hertz() that `work` takes in the current mode.
  [[nodiscard]] virtual std::uint64_t clocks_of(Work work) const = 0;
  [[nodiscard]] virtual std::uint32_t clock_hertz() const = 0;
  /// Whether the block can be enabled in the mode that CR now selects.
  [[nodiscard]] virtual bool can_start() const { return true; }
  /// Bits of CR have changed from `before`; keys that come from elsewhere are fetched here.
  virtual void control_changed(std::uint32_t before, const Access& access) = 0;
  /// The key that begin(Work::LoadKey) has been called for; nothing if that failed.
  virtual std::optional<AesKey> loaded_key() = 0;
  /// The result of a block in place of output: nothing if it goes to DOUTR as usual.
  virtual bool divert_output(const AesBlock&) { return false; }
  [[nodiscard]] virtual bool key_registers_open() const { return true; }
  [[nodiscard]] virtual bool busy_elsewhere() const { return false; }

  [[nodiscard]] Mode mode() const { return static_cast<Mode>(bits(cr_, 4, 3)); }
  [[nodiscard]] Chaining chaining() const {
    return static_cast<Chaining>(bits(cr_, 6, 5) | (test(cr_, kChaining2) ? 4U : 0));
  }
  [[nodiscard]] KeyMode key_mode() const { return static_cast<KeyMode>(bits(cr_, 25, 24)); }
  [[nodiscard]] Phase phase() const { return static_cast<Phase>(bits(cr_, 14, 13)); }
  [[nodiscard]] bool long_key() const { return test(cr_, kKeySize); }
  [[nodiscard]] bool enabled() const { return test(cr_, kEnable); }
  [[nodiscard]] bool authenticated() const {
    return chaining() == Chaining::Gcm || chaining() == Chaining::Ccm;
  }
  [[nodiscard]] bool busy() const { return work_ != Work::None || busy_elsewhere(); }

  void begin(Work work);
  /// A clock may have come or gone.
  void clock_changed();
  void set_key(const AesKey& key);
  void invalidate_key();
  void raise(std::uint32_t flags);
  void update();

  Scheduler& scheduler_;
  Clocks& clocks_;
  std::uint32_t cr_ = 0;
  AesKey key_;
  bool key_valid_ = false;

 private:
  enum class Transfer : std::uint8_t { Input, Output };

  void store_control(std::uint32_t value, std::uint32_t lanes, const Access& access);
  void software_reset();
  void enable();
  void disable();
  void store_key(unsigned index, std::uint32_t value);
  void store_input(std::uint32_t value);
  std::uint32_t load_output();
  [[nodiscard]] std::uint32_t status() const;

  void finish_work();
  void process_block();
  void process_basic(const AesBlock& input);
  void process_payload(const AesBlock& input);
  void start_authentication();
  void finish_authentication();
  void authenticate(const AesBlock& block);
  void give(const AesBlock& block);
  /// Takes the bytes of the last block that NPBLB says are not part of the message out of it.
  [[nodiscard]] AesBlock trimmed(AesBlock block) const;
  [[nodiscard]] AesBlock vector() const;
  void set_vector(const AesBlock& block);
  void step_counter(unsigned bytes);

  InterruptLine line_;
  DmaRequest dma_in_;
  DmaRequest dma_out_;
  const std::uint32_t control_bits_;
  AesCipher cipher_;

  std::uint32_t ier_ = 0, flags_ = 0;
  bool read_error_ = false, write_error_ = false;
  std::array<std::uint32_t, 4> iv_{};
  int next_key_ = -1;  ///< the key register that continues the sequence; -1: none has begun
  int key_step_ = 0;   ///< +1 or -1

  Transfer transfer_ = Transfer::Input;
  unsigned words_ = 0;  ///< of the block, in or still to come out
  std::array<std::uint32_t, 4> block_{};
  Work work_ = Work::None;
  AesBlock mac_{};       ///< GHASH or CBC-MAC so far
  AesBlock hash_key_{};  ///< H of GCM
  Scheduler::Event work_done_;
};

}  // namespace microvisor::board
