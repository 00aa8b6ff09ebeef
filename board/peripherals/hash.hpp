// HASH: MD5, SHA-1, SHA-224 and SHA-256, plain or as HMAC (RM0456 chapter 51).
//
// Words go into a buffer of sixteen; one more starts the processing of a block, DCAL pads what is left. With
// HMAC three messages follow each other, each closed by DCAL: key, text, key. A block takes the clocks of the
// core; words written meanwhile wait in the buffer instead of on the bus.
//
// The context registers hold, in a coding of this model: fill level, number of blocks, chaining value and
// buffer (CSR0 to 26), then step and inner digest of an HMAC (CSR38 to 46). As on the chip, 0 to 37 are
// enough for a plain hash.
//
// Lives on the board's thread, owned by the board.
#pragma once

#include "board/bus/clocks.hpp"
#include "board/bus/dma_request.hpp"
#include "board/bus/scheduler.hpp"
#include "board/peripherals/hash_function.hpp"
#include "board/peripherals/register_block.hpp"

namespace microvisor::board {

class Hash final : public RegisterBlock {
 public:
  static constexpr std::uint32_t kBase = 0x420C'0400;

  Hash(Scheduler& scheduler, Clocks& clocks, InterruptSink& interrupts);

  [[nodiscard]] std::string_view name() const override { return "HASH"; }
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  /// HASH_IN: asks for a word of the message.
  [[nodiscard]] DmaRequest& dma_in() { return dma_in_; }
  /// The DMA controller has written the last word of its transfer. Without MDMAT this closes the message.
  void dma_transfer_complete();

 protected:
  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;

 private:
  static constexpr unsigned kBufferWords = kHashBlock / 4;
  enum class Step : std::uint32_t { Plain, InnerKey, Text, OuterKey };

  [[nodiscard]] bool busy() const { return busy_.armed(); }
  [[nodiscard]] std::uint32_t status() const;
  [[nodiscard]] std::uint32_t context(unsigned index) const;
  void set_context(unsigned index, std::uint32_t value);

  void initialise();
  void push(std::uint32_t word);
  void close_message();
  /// What has been fed, padded (FIPS 180-4 section 5.1), and the digest of it.
  [[nodiscard]] ChainingValue finish();
  /// Starts over with the block of the key, XORed with `pad` (RFC 2104 section 2).
  void start_with_key(std::uint32_t pad);
  void clear_message();
  void take(const HashBlock& block);
  void store_buffer(HashBlock& block) const;
  void mask_last_word();
  void work_for(std::uint64_t blocks);
  void done();
  void update();

  Scheduler& scheduler_;
  Clocks& clocks_;
  InterruptLine line_;
  DmaRequest dma_in_;

  std::uint32_t cr_ = 0, str_ = 0, imr_ = 0;
  bool input_ready_ = true;  ///< DINIS
  bool complete_ = false;    ///< DCIS
  bool completing_ = false;  ///< DCIS follows when the core has finished
  bool initialised_ = false;
  ChainingValue digest_{};

  // The message, under the settings that INIT has taken over.
  HashFunction function_ = HashFunction::Sha1;
  bool long_key_ = false;
  Step step_ = Step::Plain;
  std::uint32_t fill_ = 0;    ///< words in the buffer
  std::uint32_t blocks_ = 0;  ///< taken since the message began; wraps after 256 GiB
  ChainingValue value_{};
  std::array<std::uint32_t, kBufferWords> buffer_{};
  ChainingValue inner_digest_{};
  Scheduler::Event busy_;
};

}  // namespace microvisor::board
