#include "board/peripherals/gtzc_mpcbb.hpp"

#include <utility>

#include "board/peripherals/register_lanes.hpp"

namespace microvisor::board {
namespace {

enum Register : std::uint32_t { kCr = 0x000, kCfgLockr1 = 0x010, kSecCfgr0 = 0x100, kPrivCfgr0 = 0x200 };

constexpr std::uint32_t kGlobalLock = 1U << 0;
constexpr std::uint32_t kInvertState = 1U << 30;        // INVSECSTATE: acts on the SRAM's clock bits only
constexpr std::uint32_t kSecureDataAllowed = 1U << 31;  // SRWILADIS

}  // namespace

Mpcbb::Mpcbb(unsigned index, unsigned super_blocks, Hooks hooks)
    : name_((index < 3 ? "GTZC1_MPCBB" : "GTZC2_MPCBB") + std::to_string(index + 1)),
      super_blocks_(super_blocks),
      hooks_(std::move(hooks)) {
  Mpcbb::reset(Reset::PowerOn);
}

Outcome Mpcbb::read(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t& value) {
  value = 0;
  const std::uint32_t word = offset & ~3U;
  if (word < kSecCfgr0 && !access.secure) {
    hooks_.report();
    return Outcome::Ok;
  }
  if (word >= kSecCfgr0 || access.privileged) value = read_lane(peek(word), offset, size);
  return Outcome::Ok;
}

Outcome Mpcbb::write(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t value) {
  const std::uint32_t word = offset & ~3U;
  if (!access.secure && word < kPrivCfgr0) {
    hooks_.report();
    return Outcome::Ok;
  }
  if (!access.privileged) return Outcome::Ok;
  write_word(word, access, write_lane(peek(word), offset, size, value));
  hooks_.changed();
  return Outcome::Ok;
}

void Mpcbb::write_word(std::uint32_t offset, const Access& access, std::uint32_t value) {
  if (offset == kCr) {
    if ((control_ & kGlobalLock) == 0) control_ = value & (kGlobalLock | kInvertState | kSecureDataAllowed);
    return;
  }
  if (offset == kCfgLockr1) {
    const std::uint32_t existing = super_blocks_ == 32 ? ~0U : (1U << super_blocks_) - 1;
    locks_ |= value & existing;
    return;
  }
  const std::uint32_t index = (offset & 0xFF) / 4;
  if (offset < kSecCfgr0 || index >= super_blocks_ || (locks_ >> index & 1) != 0) return;
  if (offset >= kSecCfgr0 && offset < kPrivCfgr0) {
    secure_[index] = value;
  } else if (offset >= kPrivCfgr0 && offset < kPrivCfgr0 + 0x100) {
    // The non-secure world decides for its own blocks only.
    const std::uint32_t mask = access.secure ? ~0U : ~secure_[index];
    privileged_[index] = (privileged_[index] & ~mask) | (value & mask);
  }
}

std::uint32_t Mpcbb::peek(std::uint32_t offset) const {
  if (offset == kCr) return control_;
  if (offset == kCfgLockr1) return locks_;
  const std::uint32_t index = (offset & 0xFF) / 4;
  if (index >= super_blocks_) return 0;
  if (offset >= kSecCfgr0 && offset < kSecCfgr0 + 0x100) return secure_[index];
  if (offset >= kPrivCfgr0 && offset < kPrivCfgr0 + 0x100) return privileged_[index];
  return 0;
}

Violation Mpcbb::check(std::uint32_t offset, const Access& access) const {
  const unsigned block = attributes(offset / kBlock);
  const bool secure_block = (block & 1) != 0;
  if (secure_block && !access.secure) return Violation::NonSecureToSecure;
  if (!secure_block && access.secure && (access.fetch || (control_ & kSecureDataAllowed) == 0)) {
    return Violation::SecureToNonSecureSram;
  }
  if ((block & 2) != 0 && !access.privileged) return Violation::Unprivileged;
  return Violation::None;
}

Mpcbb::Stretch Mpcbb::alike(std::uint32_t offset) const {
  const std::uint32_t block = offset / kBlock;
  const unsigned wanted = attributes(block);
  const std::uint32_t secure_word = (wanted & 1) != 0 ? ~0U : 0U;
  const std::uint32_t privileged_word = (wanted & 2) != 0 ? ~0U : 0U;
  const auto uniform = [&](std::uint32_t word) {
    return secure_[word] == secure_word && privileged_[word] == privileged_word;
  };
  const std::uint32_t blocks = super_blocks_ * 32;
  std::uint32_t first = block;
  while (first > 0) {
    if (first % 32 == 0 && uniform(first / 32 - 1)) {
      first -= 32;
    } else if (attributes(first - 1) == wanted) {
      --first;
    } else {
      break;
    }
  }
  std::uint32_t end = block + 1;
  while (end < blocks) {
    if (end % 32 == 0 && uniform(end / 32)) {
      end += 32;
    } else if (attributes(end) == wanted) {
      ++end;
    } else {
      break;
    }
  }
  return {first * kBlock, end * kBlock};
}

void Mpcbb::reset(Reset) {
  control_ = 0;
  locks_ = 0;
  secure_.fill(~0U);
  privileged_.fill(~0U);
  hooks_.changed();
}

void Mpcbb::serialise(Archive& archive) {
  archive(control_, locks_, secure_, privileged_);
  if (archive.loading()) hooks_.changed();
}

}  // namespace microvisor::board
