// The architectural state of the core: Armv8-M Mainline with the Security Extension.
//
// Everything that instructions and exceptions share is here, as plain data; the rules are in the functions of
// this folder. Banked registers are arrays indexed by World. The stack pointer in use lives in r[13]; the
// other three live in `stack`; exceptions and CONTROL move them.
#pragma once

#include <array>
#include <cstdint>

namespace microvisor::board {

enum World : std::uint8_t { kNonSecure = 0, kSecure = 1 };
enum StackKind : std::uint8_t { kMain = 0, kProcess = 1 };

struct CoreState {
  /// R0-R12, SP (the current one), LR, and the address of the instruction being executed (not the value R15
  /// reads as).
  std::array<std::uint32_t, 16> r{};

  // APSR, one flag a member; bool is 0 or 1.
  bool n = false, z = false, c = false, v = false, q = false;
  std::uint8_t ge = 0;
  // EPSR and IPSR.
  std::uint8_t it = 0;     ///< ITSTATE; 0 outside an IT block
  bool thumb = true;       ///< EPSR.T
  std::uint16_t ipsr = 0;  ///< 0 in Thread mode

  World world = kSecure;

  // Banked by World. stack[world][kind] is stale for the stack in use.
  std::array<std::array<std::uint32_t, 2>, 2> stack{};
  std::array<std::array<std::uint32_t, 2>, 2> stack_limit{};
  std::array<bool, 2> unprivileged_thread{};  ///< CONTROL.nPRIV
  std::array<bool, 2> process_stack{};        ///< CONTROL.SPSEL
  bool fp_active = false;                     ///< CONTROL.FPCA (not banked)
  bool secure_fp_active = false;              ///< CONTROL.SFPA
  std::array<bool, 2> primask{};
  std::array<bool, 2> faultmask{};
  std::array<std::uint8_t, 2> basepri{};

  std::array<std::uint32_t, 32> s{};  ///< S0-S31
  std::uint32_t fpscr = 0;

  bool exclusive = false;  ///< local monitor; the granule is all of memory
  bool event = false;      ///< WFE event register
  bool asleep = false;     ///< in WFI or WFE
  bool locked_up = false;

  [[nodiscard]] bool handler_mode() const { return ipsr != 0; }
  [[nodiscard]] bool privileged() const { return handler_mode() || !unprivileged_thread[world]; }
  /// The stack in use: in Handler mode always the main one.
  [[nodiscard]] StackKind stack_kind() const {
    return !handler_mode() && process_stack[world] ? kProcess : kMain;
  }
  /// Any of the four stack pointers, wherever it lives at the moment.
  [[nodiscard]] std::uint32_t& stack_pointer(World which, StackKind kind) {
    return world == which && stack_kind() == kind ? r[13] : stack[which][kind];
  }
  [[nodiscard]] std::uint32_t stack_pointer(World which, StackKind kind) const {
    return world == which && stack_kind() == kind ? r[13] : stack[which][kind];
  }
};

}  // namespace microvisor::board
