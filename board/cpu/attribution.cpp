// Which world an address belongs to, and what the MPU lets the access do: SAU, IDAU, exempt addresses, MPU,
// default map.
//
// Pure functions of the registers. Each step narrows the span [base, limit] within which its answer is the
// same, so that the memory paths may cache it; a region that does not contain the address cuts the span at
// its edge.
//
// Sources: Armv8-M ARM (DDI0553) B8 "SAU" and B5 "MPU", pseudocode SecurityCheck, MPUCheck,
// DefaultPermissions; RM0456 section 3 (IDAU of the STM32U585: bit 28 aliases are Secure, Non-secure
// callable).
#include <algorithm>
#include <array>

#include "board/cpu/exceptions.hpp"

namespace microvisor::board {
namespace {

constexpr std::uint32_t kGranule = 0x1F;
constexpr std::uint32_t kPpbFirst = 0xE000'0000;
constexpr std::uint32_t kPpbLast = 0xE00F'FFFF;

struct Span {
  std::uint32_t base;
  std::uint32_t limit;
};

/// Cuts `span`, which contains `address`, so that it lies wholly inside or wholly outside [first, last].
bool narrow(Span& span, std::uint32_t address, std::uint32_t first, std::uint32_t last) {
  if (first > last) return false;
  if (address < first) {
    span.limit = std::min(span.limit, first - 1);
    return false;
  }
  if (address > last) {
    span.base = std::max(span.base, last + 1);
    return false;
  }
  span.base = std::max(span.base, first);
  span.limit = std::min(span.limit, last);
  return true;
}

// --- IDAU ---------------------------------------------------------------------------------------------

/// The fixed attribution of the chip; what is not listed is Non-secure.
struct CallableRange {
  std::uint32_t first, last;
};
constexpr std::array<CallableRange, 3> kSecureCallable{{
    {0x0C00'0000, 0x0FFF'FFFF},
    {0x3000'0000, 0x3FFF'FFFF},
    {0x5000'0000, 0x5FFF'FFFF},
}};

/// True where the IDAU says Secure, Non-secure callable.
bool idau_callable(std::uint32_t address, Span& span) {
  bool callable = false;
  for (const CallableRange& range : kSecureCallable)
    callable |= narrow(span, address, range.first, range.last);
  return callable;
}

// --- SAU ----------------------------------------------------------------------------------------------

struct SauAnswer {
  bool secure;
  bool callable;
  bool region_valid;
  std::uint8_t region;
};

/// More than one region is Secure and has no number; none is Secure (or Non-secure with ALLNS while
/// disabled).
SauAnswer look_up_sau(const Sau& sau, std::uint32_t address, Span& span) {
  if (!sau.enabled) return {!sau.all_nonsecure, false, false, 0};
  unsigned hits = 0;
  SauAnswer answer{true, false, false, 0};
  for (unsigned index = 0; index < kSauRegions; ++index) {
    const Sau::Region& region = sau.regions[index];
    if ((region.limit & 1) == 0) continue;
    if (!narrow(span, address, region.base & ~kGranule, region.limit | kGranule)) continue;
    ++hits;
    const bool callable = (region.limit & 2) != 0;
    answer = {callable, callable, true, static_cast<std::uint8_t>(index)};
  }
  return hits > 1 ? SauAnswer{true, false, false, 0} : answer;
}

/// Addresses without attribution: the PPB (all of it by this chip's IDAU), and every fetch from 0xE000_0000
/// up.
bool exempt(std::uint32_t address, bool fetch, Span& span) {
  if (narrow(span, address, kPpbFirst, kPpbLast)) return true;
  return fetch && narrow(span, address, kPpbFirst, 0xEFFF'FFFF);
}

// --- MPU ----------------------------------------------------------------------------------------------

/// Permissions of the default memory map (B6.1): all is readable and writable, some is never executed.
struct DefaultRange {
  std::uint32_t first, last;
  bool device;
  bool executable;
};
constexpr std::array<DefaultRange, 7> kDefaultMap{{
    {0x0000'0000, 0x1FFF'FFFF, false, true},  // Code
    {0x2000'0000, 0x3FFF'FFFF, false, true},  // SRAM
    {0x4000'0000, 0x5FFF'FFFF, true, false},  // Peripheral
    {0x6000'0000, 0x9FFF'FFFF, false, true},  // external RAM
    {0xA000'0000, 0xDFFF'FFFF, true, false},  // external device
    {kPpbFirst, kPpbLast, true, false},       // PPB
    {0xE010'0000, 0xFFFF'FFFF, true, false},  // vendor
}};

const DefaultRange& default_range(std::uint32_t address) {
  const auto* found = std::find_if(kDefaultMap.begin(), kDefaultMap.end(),
                                   [address](const DefaultRange& range) { return address <= range.last; });
  return *found;
}

void apply_default_map(ProtectionResult& result, std::uint32_t address, Span& span) {
  const DefaultRange& range = default_range(address);
  narrow(span, address, range.first, range.last);
  result.readable = result.writable = true;
  result.executable = range.executable;
  result.device = range.device;
}

/// Device memory is what MAIR gives an upper nibble of zero.
bool is_device(const Mpu& mpu, std::uint32_t rlar) {
  const unsigned index = (rlar >> 1) & 7;
  const std::uint32_t attributes = (mpu.mair[index / 4] >> (8 * (index % 4))) & 0xFF;
  return (attributes & 0xF0) == 0;
}

void apply_region(ProtectionResult& result, const Mpu& mpu, const Mpu::Region& region, std::uint32_t address,
                  bool privileged) {
  const bool anyone = (region.rbar & 2) != 0;     // AP[1:0] bit 0: unprivileged too
  const bool read_only = (region.rbar & 4) != 0;  // AP bit 1
  result.readable = privileged || anyone;
  result.writable = result.readable && !read_only;
  result.device = is_device(mpu, region.rlar);
  const bool never_executed = (region.rbar & 1) != 0 || result.device || address >= 0xE000'0000;
  result.executable = result.readable && !never_executed;
}

/// Number of enabled regions that contain the address; `hit` is the last of them.
unsigned find_regions(const Mpu& mpu, std::uint32_t address, Span& span, unsigned& hit) {
  unsigned hits = 0;
  for (unsigned index = 0; index < kMpuRegions; ++index) {
    const Mpu::Region& region = mpu.regions[index];
    if ((region.rlar & 1) == 0) continue;
    if (!narrow(span, address, region.rbar & ~kGranule, region.rlar | kGranule)) continue;
    ++hits;
    hit = index;
  }
  return hits;
}

bool mpu_rules(const Core& core, const Mpu& mpu, World world) {
  if ((mpu.control & 1) == 0) return false;
  return (mpu.control & 2) != 0 || !priority_negative(core, world);
}

bool allowed(const ProtectionResult& protection, AccessType type) {
  if (type == AccessType::Fetch) return protection.executable;
  return type == AccessType::Read ? protection.readable : protection.writable;
}

/// The security half of an access check.
Attribution::Fault security_fault(const SecurityResult& security, AccessType type, World world) {
  if (type == AccessType::Fetch) {
    if (world == kNonSecure && security.secure && !security.callable) return Attribution::Fault::SecureFetch;
    if (world == kSecure && !security.secure) return Attribution::Fault::SecureTransition;
    return Attribution::Fault::None;
  }
  return world == kNonSecure && security.secure ? Attribution::Fault::SecureData : Attribution::Fault::None;
}

constexpr bool is_ppb(std::uint32_t address) { return address >= kPpbFirst && address <= kPpbLast; }

/// What every data access to the PPB gets, since it is exempt and outside the MPU: no table has to be asked.
/// A system call makes a dozen of them.
Attribution ppb_answer(World world, bool privileged) {
  return {.bus_secure = world == kSecure,
          .bus_privileged = privileged,
          .device = true,
          .ppb = true,
          .base = kPpbFirst,
          .limit = kPpbLast};
}

/// A fetch by Non-secure code from a callable address is checked by the Secure MPU with the Secure privilege.
World protecting_world(const SecurityResult& security, AccessType type, World world) {
  return type == AccessType::Fetch && security.secure ? kSecure : world;
}

}  // namespace

SecurityResult check_security(const Core& core, std::uint32_t address, bool fetch, World world) {
  SecurityResult result;
  Span span{0, 0xFFFF'FFFF};
  if (exempt(address, fetch, span)) {
    result.exempt = true;
    result.secure = world == kSecure;
  } else if (fetch && narrow(span, address, 0xF000'0000, 0xFFFF'FFFF)) {
    result.secure = true;  // and not callable, whatever SAU and IDAU say
  } else {
    const SauAnswer sau = look_up_sau(core.system->sau, address, span);
    result.secure = sau.secure;
    result.callable = sau.callable;
    result.region_valid = sau.region_valid;
    result.region = sau.region;
    // The IDAU can only take away from "Non-secure", and leaves a callable address; it cannot open a Secure
    // one.
    if (idau_callable(address, span) && !sau.secure) result.secure = result.callable = true;
  }
  result.base = span.base;
  result.limit = span.limit;
  return result;
}

ProtectionResult check_protection(const Core& core, std::uint32_t address, World world, bool privileged,
                                  bool use_mpu) {
  const Mpu& mpu = core.system->mpu[world];
  ProtectionResult result;
  Span span{0, 0xFFFF'FFFF};
  const bool ppb = narrow(span, address, kPpbFirst, kPpbLast);
  if (ppb || !use_mpu || !mpu_rules(core, mpu, world)) {
    apply_default_map(result, address, span);
  } else {
    narrow(span, address, 0xE000'0000, 0xFFFF'FFFF);  // never executed, whatever a region says
    unsigned hit = 0;
    const unsigned hits = find_regions(mpu, address, span, hit);
    if (hits == 1) {
      apply_region(result, mpu, mpu.regions[hit], address, privileged);
      result.region_valid = true;
      result.region = static_cast<std::uint8_t>(hit);
    } else if (hits == 0 && (mpu.control & 4) != 0 && privileged) {
      apply_default_map(result, address, span);
    } else {
      result.overlapping = hits > 1;
      result.device = default_range(address).device;
    }
  }
  result.base = span.base;
  result.limit = span.limit;
  return result;
}

Attribution attribute_as(const Core& core, std::uint32_t address, AccessType type, World world,
                         bool privileged, bool use_mpu) {
  if (is_ppb(address) && type != AccessType::Fetch) return ppb_answer(world, privileged);
  const SecurityResult security = check_security(core, address, type == AccessType::Fetch, world);
  Attribution result;
  result.base = security.base;
  result.limit = security.limit;
  result.nonsecure_callable = security.callable;
  result.ppb = is_ppb(address);
  result.bus_secure = security.secure;
  result.bus_privileged = privileged;
  result.fault = security_fault(security, type, world);
  if (result.fault != Attribution::Fault::None) return result;

  const World mpu_world = protecting_world(security, type, world);
  if (mpu_world != world) {
    privileged = core.state.handler_mode() || !core.state.unprivileged_thread[mpu_world];
    result.bus_privileged = privileged;
  }
  const ProtectionResult protection = check_protection(core, address, mpu_world, privileged, use_mpu);
  result.base = std::max(result.base, protection.base);
  result.limit = std::min(result.limit, protection.limit);
  result.device = protection.device;
  if (!allowed(protection, type)) result.fault = Attribution::Fault::Mpu;
  return result;
}

Attribution attribute(const Core& core, std::uint32_t address, AccessType type, bool privileged) {
  return attribute_as(core, address, type, core.state.world, privileged, true);
}

}  // namespace microvisor::board
