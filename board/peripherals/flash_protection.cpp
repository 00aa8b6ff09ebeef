#include "board/peripherals/flash_protection.hpp"

namespace microvisor::board {

void FlashProtection::update(const OptionBytes& active, const PageBits& secure, const PageBits& privileged,
                             std::uint32_t closed_hide_areas) {
  trustzone_ = active.trustzone();
  for (unsigned bank = 0; bank < 2; ++bank) {
    const PageRange watermark = active.secure_pages(bank);
    const PageRange hide = active.hidden_pages(bank);
    const bool closed = (closed_hide_areas >> bank & 1) != 0;
    for (unsigned page = 0; page < kFlashPagesPerBank; ++page) {
      const bool by_block = (secure[bank][page / 32] >> (page % 32) & 1) != 0;
      unsigned flags = 0;
      if (trustzone_ && (watermark.contains(page) || by_block)) flags |= kSecurePage;
      if ((privileged[bank][page / 32] >> (page % 32) & 1) != 0) flags |= kPrivilegedPage;
      if (trustzone_ && closed && hide.contains(page)) flags |= kHiddenPage;
      if (active.write_protected(bank, page)) flags |= kWriteProtectedPage;
      pages_[bank * kFlashPagesPerBank + page] = static_cast<std::uint8_t>(flags);
    }
  }
}

Violation FlashProtection::check(unsigned page, const Access& access) const {
  const unsigned flags = pages_[page];
  if (trustzone_) {
    const bool secure_page = (flags & kSecurePage) != 0;
    if (secure_page && !access.secure) return Violation::NonSecureToSecure;
    if (!secure_page && access.secure) return Violation::SecureToNonSecureFlash;
    if ((flags & kHiddenPage) != 0) return Violation::Hidden;
  }
  if ((flags & kPrivilegedPage) != 0 && !access.privileged) return Violation::Unprivileged;
  return Violation::None;
}

}  // namespace microvisor::board
