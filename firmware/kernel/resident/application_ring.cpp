// Every copy is at most two: up to the ring's end, and from its beginning on.
#include "firmware/kernel/resident/application_ring.hpp"

#include "firmware/sections.hpp"

namespace microvisor::firmware::kernel {

MV_FLASH_CODE void ApplicationRing::put_ahead(std::uint32_t ahead, const void* from, std::uint32_t size) {
  const auto [at, first] = span(used_ + ahead, size);
  copy_to_application(address_ + at, from, first);
  if (first != size)
    copy_to_application(address_, static_cast<const std::uint8_t*>(from) + first, size - first);
}

void ApplicationRing::copy_ahead(std::uint32_t ahead, Address from, std::uint32_t size) {
  const auto [at, first] = span(used_ + ahead, size);
  copy_within_application(address_ + at, from, first);
  if (first != size) copy_within_application(address_, from + first, size - first);
}

MV_FLASH_CODE void ApplicationRing::peek(void* to, std::uint32_t ahead, std::uint32_t size) const {
  const auto [at, first] = span(ahead, size);
  copy_from_application(to, address_ + at, first);
  if (first != size) copy_from_application(static_cast<std::uint8_t*>(to) + first, address_, size - first);
}

MV_FLASH_CODE void ApplicationRing::copy_out(Address to, std::uint32_t ahead, std::uint32_t size) const {
  const auto [at, first] = span(ahead, size);
  copy_within_application(to, address_ + at, first);
  if (first != size) copy_within_application(to + first, address_, size - first);
}

}  // namespace microvisor::firmware::kernel
