// Who may touch which page of the flash (RM0456 sections 3.6.1, 7.5 and 7.6).
//
// A page is secure inside the watermark of its bank or by its SECBB bit, privileged by its PRIVBB bit, and
// hidden in an HDP area that has been closed. All of it is folded into one byte a page, recomputed whenever a
// source changes. Pages are numbered physically: bank 1 is 0 to 127, bank 2 is 128 to 255.
#pragma once

#include <array>
#include <cstdint>

#include "board/bus/illegal_access.hpp"
#include "board/bus/peripheral.hpp"
#include "board/memory/flash_cells.hpp"

namespace microvisor::board {

class FlashProtection {
 public:
  /// Block-based bits as the registers hold them: 4 words of 32 pages a bank.
  using PageBits = std::array<std::array<std::uint32_t, 4>, 2>;

  void update(const OptionBytes& active, const PageBits& secure, const PageBits& privileged,
              std::uint32_t closed_hide_areas);

  /// Judges an access to a page; security before hiding before privilege.
  [[nodiscard]] Violation check(unsigned page, const Access& access) const;
  [[nodiscard]] bool secure(unsigned page) const { return (pages_[page] & kSecurePage) != 0; }
  [[nodiscard]] bool hidden(unsigned page) const { return (pages_[page] & kHiddenPage) != 0; }
  [[nodiscard]] bool write_protected(unsigned page) const {
    return (pages_[page] & kWriteProtectedPage) != 0;
  }
  /// Same answer to every access: used to join pages into spans.
  [[nodiscard]] bool alike(unsigned page, unsigned other) const {
    return ((pages_[page] ^ pages_[other]) & ~kWriteProtectedPage) == 0;
  }

 private:
  enum : std::uint8_t { kSecurePage = 1, kPrivilegedPage = 2, kHiddenPage = 4, kWriteProtectedPage = 8 };
  bool trustzone_ = true;
  std::array<std::uint8_t, 2 * kFlashPagesPerBank> pages_{};
};

}  // namespace microvisor::board
