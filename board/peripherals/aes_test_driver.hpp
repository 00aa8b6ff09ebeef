// The register sequences of the vendor's AES driver, for the tests of AES and SAES.
#pragma once

#include <algorithm>

#include "board/peripherals/aes_engine.hpp"
#include "board/peripherals/hex.hpp"
#include "board/peripherals/test_bench.hpp"

namespace microvisor::board::testing {

class AesDriver {
 public:
  static constexpr std::uint32_t kCr = 0x00, kSr = 0x04, kDinr = 0x08, kDoutr = 0x0C, kKey = 0x10, kIv = 0x20,
                                 kKeyHigh = 0x30, kSuspend = 0x40, kIer = 0x300, kIsr = 0x304, kIcr = 0x308;
  static constexpr std::uint32_t kEn = bit(0), kByteSwap = 2U << 1, kDerive = 1U << 3, kDecrypt = 2U << 3,
                                 kCbc = 1U << 5, kCtr = 2U << 5, kGcm = 3U << 5, kCcm = bit(16),
                                 kDmaIn = bit(11), kDmaOut = bit(12), kLongKey = bit(18), kWrapped = 1U << 24,
                                 kShared = 2U << 24, kReset = bit(31);
  static constexpr std::uint32_t kHeader = 1U << 13, kPayload = 2U << 13, kFinal = 3U << 13,
                                 kPhases = 3U << 13;
  static constexpr std::uint32_t kCcf = bit(0), kRderr = bit(1), kWrerr = bit(2), kBusy = bit(3),
                                 kKeyValid = bit(7);
  static constexpr std::uint32_t kRwe = bit(1), kKeyError = bit(2);

  AesDriver(AesEngine& block, Scheduler& scheduler) : block_(block), scheduler_(scheduler) {}

  std::uint32_t get(std::uint32_t offset) { return read(block_, offset, access); }
  void put(std::uint32_t offset, std::uint32_t value) { write(block_, offset, value, access); }
  void change(std::uint32_t mask, std::uint32_t value) { put(kCr, (get(kCr) & ~mask) | value); }

  /// Big-endian words, the most significant into the highest register first.
  void set_key(std::string_view hex) {
    const Bytes key = from_hex(hex);
    for (std::size_t i = 0; i < key.size(); i += 4) {
      const std::size_t index = (key.size() - i) / 4 - 1;
      put(index < 4 ? kKey + 4 * index : kKeyHigh + 4 * (index - 4), reverse(word_at(key, i)));
    }
  }
  void set_iv(std::string_view hex) {
    const Bytes iv = from_hex(hex);
    for (std::size_t i = 0; i < 16; i += 4) put(kIv + 12 - i, reverse(word_at(iv, i)));
  }
  std::string iv() {
    Bytes bytes;
    for (std::size_t i = 0; i < 16; i += 4) append_big_endian(bytes, get(kIv + 12 - i));
    return to_hex(bytes);
  }

  /// Waits for CCF and clears it. False if time passes without it.
  bool complete() {
    for (int i = 0; i < 10'000 && (get(kSr) & kCcf) == 0; ++i) run_for(scheduler_, kTicksPerMicrosecond / 10);
    const bool done = (get(kSr) & kCcf) != 0;
    put(kIcr, get(kIcr) | kCcf);
    return done;
  }
  void put_block(const Bytes& data, std::size_t at) {
    for (std::size_t i = 0; i < 16; i += 4) put(kDinr, word_at(data, at + i));
  }
  void get_block(Bytes& data) {
    for (int i = 0; i < 4; ++i) append_word(data, get(kDoutr));
  }
  /// Whole blocks through the block, which is enabled.
  std::string process(std::string_view hex) {
    const Bytes in = from_hex(hex);
    Bytes out;
    for (std::size_t at = 0; at < in.size(); at += 16) {
      put_block(in, at);
      if (!complete()) return "no CCF";
      get_block(out);
    }
    out.resize(in.size());
    return to_hex(out);
  }
  /// Mode 2: the key made ready for decryption in ECB or CBC.
  bool prepare_key() {
    change(3U << 3, kDerive);
    change(0, kEn);
    const bool done = complete();
    change(3U << 3, kDecrypt);
    return done && (get(kCr) & kEn) == 0;
  }

  Access access = kSecure;

 private:
  static std::uint32_t reverse(std::uint32_t word) {
    return word << 24 | (word & 0xFF00) << 8 | (word >> 8 & 0xFF00) | word >> 24;
  }
  AesEngine& block_;
  Scheduler& scheduler_;
};

}  // namespace microvisor::board::testing
