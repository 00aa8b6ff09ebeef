// Ranges: firmware/layout.hpp and RM0456 section 2.3 (memory map); the core's own at 0xE000'E000 has its
// Non-secure view for Secure software 0x2'0000 above (Armv8-M Architecture Reference Manual, B8).
#include "firmware/kernel/debugged_memory.hpp"

#include <algorithm>
#include <cstring>

#include "firmware/kernel/board_table.hpp"
#include "firmware/kernel/resident/faults.hpp"
#include "firmware/kernel/resident/peripheral_access.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/layout.hpp"

namespace microvisor::firmware::kernel {

using debugger::Access;

namespace {

struct Range {
  std::uint32_t first;
  std::uint32_t size;
  bool writable;
  [[nodiscard]] bool contains(std::uint32_t address) const { return address - first < size; }
  [[nodiscard]] std::uint32_t behind(std::uint32_t address) const { return size - (address - first); }
};

/// Memory without holes.
constexpr std::array kPlain{
    Range{kApplicationFlash, kApplicationFlashSize, false},
    Range{kApplicationRam, kApplicationRamSize, true},
    Range{kApplicationRam4, kApplicationRam4Size, true},
};
/// Package, unique id, calibration, flash size (RM0456, device electronic signature); what lies between may
/// be a bus fault.
constexpr Range kEngineeringData{0x0BFA'0500, 0x300, false};
constexpr Range kPeripherals{0x4000'0000, 0x1000'0000, true};
constexpr std::array kCore{
    Range{0xE000'E010, 0x10, true},   // SysTick
    Range{0xE000'E100, 0x3F0, true},  // NVIC
    Range{0xE000'ED00, 0xC8, true},   // SCB, MPU
    Range{0xE000'EF34, 0x14, true},   // floating point
};
constexpr std::uint32_t kNonSecureView = 0x2'0000;

const ReservedPeripheral* reserved_at(std::uint32_t address) {
  for (const ReservedPeripheral& p : kReservedPeripherals) {
    if (address - p.address < p.size) return &p;
  }
  return nullptr;
}

/// BKPSRAM lies among the peripherals.
bool in_reserved_memory(std::uint32_t address) {
  return std::any_of(kReservedMemories.begin(), kReservedMemories.end(),
                     [&](const ReservedMemory& m) { return address - m.address < m.size; });
}

/// What stands at one address: where to access it, or that it is none of the debugger's.
struct Place {
  bool allowed = false;
  bool writable = false;
  const RegisterRule* rule = nullptr;  // to be read as mvPeriphPeek32 does
  std::uint32_t address = 0;           // of the access
};

Place place_of_peripheral(std::uint32_t address) {
  if (const RegisterRule* rule = find_register_rule(address & ~3u))
    return {.allowed = true, .writable = false, .rule = rule, .address = address};
  if (in_reserved_memory(address)) return {};
  const ReservedPeripheral* reserved = reserved_at(address);
  const bool readable =
      reserved == nullptr || (reserved->guard == Guard::OwnBits && reserved->on_touch == OnTouch::Ignored);
  return {.allowed = readable, .writable = reserved == nullptr, .rule = nullptr, .address = address};
}

Place place_of(std::uint32_t address) {
  for (const Range& range : kPlain) {
    if (range.contains(address)) return {true, range.writable, nullptr, address};
  }
  if (kEngineeringData.contains(address)) return {true, false, nullptr, address};
  if (kPeripherals.contains(address)) return place_of_peripheral(address);
  for (const Range& range : kCore) {
    if (range.contains(address)) return {true, range.writable, nullptr, address + kNonSecureView};
  }
  return {};
}

std::uint32_t width_for(std::uint32_t address, std::size_t size, std::uint8_t wanted) {
  if (wanted != 0) return wanted;
  if (address % 4 == 0 && size % 4 == 0) return 4;
  return address % 2 == 0 && size % 2 == 0 ? 2 : 1;
}

/// The end lies in the same range as the start if every access does; each is asked about.
bool all_allowed(std::uint32_t address, std::size_t size, std::uint32_t width, bool write) {
  if ((width != 1 && width != 2 && width != 4) || address % width != 0 || size % width != 0) return false;
  for (std::size_t at = 0; at < size; at += width) {
    const std::uint32_t here = address + static_cast<std::uint32_t>(at);
    if (here < address) return false;
    const Place place = place_of(here);
    if (!place.allowed || (write && !place.writable)) return false;
  }
  return true;
}

/// True: bus fault.
bool read_one(std::uint32_t address, std::uint32_t width, std::uint32_t& value) {
  const Place place = place_of(address);
  if (place.rule != nullptr) {
    value = (read_reserved_register(place.rule->address) & place.rule->readable) >> 8 * (address % 4);
    return false;
  }
  return access_expecting_bus_fault(place.address, width, false, value);
}

}  // namespace

std::uint32_t plain_memory_at(std::uint32_t address, std::uint32_t size) {
  for (const Range& range : kPlain) {
    if (range.contains(address)) return range.behind(address) < size ? range.behind(address) : size;
  }
  return 0;
}

Access read_application(std::uint32_t address, std::span<std::uint8_t> to, std::uint8_t wanted) {
  if (wanted == 0 && !to.empty() &&
      plain_memory_at(address, static_cast<std::uint32_t>(to.size())) == to.size()) {
    std::memcpy(to.data(), reinterpret_cast<const void*>(address), to.size());
    return Access::Done;
  }
  const std::uint32_t width = width_for(address, to.size(), wanted);
  if (!all_allowed(address, to.size(), width, false)) return Access::Refused;
  for (std::size_t at = 0; at < to.size(); at += width) {
    std::uint32_t value = 0;
    if (read_one(address + static_cast<std::uint32_t>(at), width, value)) return Access::BusFault;
    std::memcpy(to.data() + at, &value, width);
  }
  return Access::Done;
}

Access write_application(std::uint32_t address, std::span<const std::uint8_t> from, std::uint8_t wanted) {
  const std::uint32_t width = width_for(address, from.size(), wanted);
  if (!all_allowed(address, from.size(), width, true)) return Access::Refused;
  for (std::size_t at = 0; at < from.size(); at += width) {
    std::uint32_t value = 0;
    std::memcpy(&value, from.data() + at, width);
    const std::uint32_t here = place_of(address + static_cast<std::uint32_t>(at)).address;
    if (access_expecting_bus_fault(here, width, true, value)) return Access::BusFault;
  }
  return Access::Done;
}

}  // namespace microvisor::firmware::kernel
