// The instructions of the Security Extension: SG, BXNS, BLXNS and the TT family.
//
// A change of world is always a change of the stack in use (StackSwitch), and leaves no Secure FP context
// active in the Non-secure state (SFPA = 0).
//
// Source: Armv8-M ARM (DDI0553) B3.15 to B3.17; C2.4 SG, BXNS, BLXNS, TT; pseudocode BLXNS, TTResp.
#include <array>
#include <cstring>

#include "board/cpu/exceptions.hpp"
#include "board/cpu/memory.hpp"
#include "board/cpu/psr.hpp"

namespace microvisor::board {
namespace {

void change_world(Core& core, World world) {
  {
    const StackSwitch stack(core.state);
    core.state.world = world;
  }
  core.state.secure_fp_active = false;
}

void branch_to_nonsecure(Core& core, std::uint32_t target) {
  change_world(core, kNonSecure);
  core.note_nonsecure();
  core.state.thumb = true;
  core.state.r[15] = target & ~std::uint32_t{1};
  if (core.tracer != nullptr) core.tracer->world_entered(kNonSecure, core.state.r[15]);
}

/// One of the two words that BLXNS pushes: an ordinary Secure store. False: the fault is recorded.
bool push_word(Core& core, std::uint32_t address, std::uint32_t value) {
  switch (frame_write(core, address, kSecure, core.state.privileged(), value)) {
    case FrameAccess::Ok: return true;
    case FrameAccess::BusError: record_bus_fault(core, AccessType::Write, address); return false;
    case FrameAccess::MpuFault:
      record_access_fault(core, Attribution::Fault::Mpu, AccessType::Write, address);
      return false;
    case FrameAccess::SecureFault:
      record_access_fault(core, Attribution::Fault::SecureData, AccessType::Write, address);
      return false;
  }
  return false;
}

/// The frame of BLXNS, at once where the memory is known. False: the fault is recorded.
bool push_call_frame(Core& core, std::uint32_t frame, const std::array<std::uint32_t, 2>& words) {
  if (std::uint8_t* host = writable_frame(core, frame, sizeof words, kSecure, core.state.privileged())) {
    std::memcpy(host, words.data(), sizeof words);
    return true;
  }
  return push_word(core, frame, words[0]) && push_word(core, frame + 4, words[1]);
}

/// Whether an SG at `address` is one by which Non-secure code enters; it need not be asked of one that has
/// been entered before.
bool lies_in_secure_memory(Core& core, std::uint32_t address) {
  const TlbBank& bank = bank_of(core, kNonSecure, core.state.privileged());
  if (bank.gateways[gateway_slot(address)].address == address) return true;
  const SecurityResult here = check_security(core, address, true, kNonSecure);
  return here.secure && !here.exempt;
}

constexpr std::uint32_t flag(bool value, unsigned position) {
  return static_cast<std::uint32_t>(value) << position;
}

}  // namespace

void execute_secure_gateway(Core& core, std::uint32_t next) {
  CoreState& state = core.state;
  if (state.world == kNonSecure && lies_in_secure_memory(core, state.r[15])) {
    change_world(core, kSecure);
    if (core.tracer != nullptr) core.tracer->world_entered(kSecure, state.r[15]);
    state.r[14] &= ~std::uint32_t{1};
    state.it = 0;
  }
  state.r[15] = next;
}

void execute_branch_nonsecure(Core& core, std::uint32_t target) {
  switch (branch_magic(core, target)) {
    case MagicBranch::Ordinary: return branch_to_nonsecure(core, target);
    case MagicBranch::Done: return;
    case MagicBranch::Refused: return take_fault(core, core.state.r[15]);
  }
}

void execute_call_nonsecure(Core& core, std::uint32_t target, std::uint32_t next) {
  CoreState& state = core.state;
  if ((target & 1) != 0) {  // stays Secure: an ordinary BLX
    state.r[14] = next | 1;
    state.r[15] = target & ~std::uint32_t{1};
    state.thumb = true;
    return;
  }
  const std::uint32_t frame = state.r[13] - 8;
  if (frame < stack_limit(core)) {
    record_usage_fault(core, UsageFault::StackOverflow);
    return take_fault(core, state.r[15]);
  }
  const std::uint32_t partial_psr = state.ipsr | (state.secure_fp_active ? kPsrSfpa : 0);
  if (!push_call_frame(core, frame, {next | 1, partial_psr})) return take_fault(core, state.r[15]);
  state.r[13] = frame;
  state.r[14] = kFncReturn | 1;
  if (state.handler_mode()) state.ipsr = 1;  // Non-secure code must not learn which Secure handler called
  branch_to_nonsecure(core, target);
}

std::uint32_t test_target(const Core& core, std::uint32_t address, unsigned variant) {
  const CoreState& state = core.state;
  const bool unprivileged_asked = (variant & 1) != 0;
  const bool nonsecure_view = (variant & 2) != 0;
  const World world = nonsecure_view ? kNonSecure : state.world;
  const bool privileged = !unprivileged_asked && (state.handler_mode() || !state.unprivileged_thread[world]);

  std::uint32_t response = 0;
  bool readable = false;
  bool writable = false;
  if (state.privileged() || nonsecure_view) {
    const ProtectionResult protection = check_protection(core, address, world, privileged, true);
    readable = protection.readable;
    writable = protection.writable;
    if (protection.region_valid) response |= protection.region | flag(true, 16);
    response |= flag(readable, 18) | flag(writable, 19);
  }
  if (state.world == kSecure) {
    const SecurityResult security = check_security(core, address, false, kSecure);
    if (security.region_valid) response |= static_cast<std::uint32_t>(security.region) << 8 | flag(true, 17);
    response |= flag(readable && !security.secure, 20) | flag(writable && !security.secure, 21);
    response |= flag(security.secure, 22);
  }
  return response;
}

}  // namespace microvisor::board
