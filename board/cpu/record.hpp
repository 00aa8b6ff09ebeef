// One decoded instruction, and the calling convention of the functions that execute it.
//
// Execution is direct threading by tail calls: a handler does its work and jumps to the handler of the next
// record, so the state that every instruction needs stays in the argument registers of the host:
//   core    the core; general registers are core.state.r
//   rec     the record being executed; the one of the next instruction stands one or two places on
//   budget  instructions that may still be retired
//   nz, c, v  the condition flags. N is the sign of the 64-bit nz, Z is "its low 32 bits are zero", so that
//   the usual
//             update is one sign extension; c and v are 0 or 1
// A handler must never hand out the address of one of its locals: the compiler could not turn its last call
// into a jump. These files are therefore always compiled with optimisation (see CMakeLists.txt).
#pragma once

#include <array>
#include <cstdint>

#include "board/cpu/core.hpp"

namespace microvisor::board {

struct Record {
  std::uint16_t op = 0;       ///< index of the handler; 0 decodes the instruction first
  std::uint16_t real_op = 0;  ///< inside an IT block: the handler behind the condition
  std::uint32_t imm = 0;      ///< immediate, register list, mask or displacement
  std::uint8_t d = 0;         ///< destination (Rd, Rt, RdLo)
  std::uint8_t n = 0;         ///< first operand or base
  std::uint8_t m = 0;         ///< second operand or index
  std::uint8_t s = 0;         ///< shift amount, third operand, Rt2, RdHi, bit position
  std::uint8_t it = 0;        ///< ITSTATE this record was decoded for; 0 outside an IT block
  std::uint8_t it_next = 0;   ///< ITSTATE after it
  std::uint8_t length = 1;    ///< in halfwords
  std::uint8_t extra = 0;     ///< small operands of rare instructions
};
static_assert(sizeof(Record) == 16);

#define MICROVISOR_HANDLER_ARGS                                                                          \
  [[maybe_unused]] Core &core, [[maybe_unused]] const Record *rec, [[maybe_unused]] std::int64_t budget, \
      [[maybe_unused]] std::int64_t nz, [[maybe_unused]] std::uint32_t c, [[maybe_unused]] std::uint32_t v
#define MICROVISOR_HANDLER_PASS core, rec, budget, nz, c, v

using Handler = void(Core&, const Record*, std::int64_t, std::int64_t, std::uint32_t, std::uint32_t);

inline constexpr std::size_t kMaximumHandlers = 4096;
/// The handlers by index. Entry 0 decodes; the rest are entered before main() by the translators that name
/// them.
extern std::array<Handler*, kMaximumHandlers> handlers;
std::uint16_t register_handler(Handler* handler);

/// The index of a handler.
template <Handler* kHandler>
inline const std::uint16_t handler_index = register_handler(kHandler);

/// Makes `record` an instruction executed by `Operation::run<length>`.
template <class Operation>
void set(Record& record) {
  record.op = record.length == 1 ? handler_index<&Operation::template run<1>>
                                 : handler_index<&Operation::template run<2>>;
}

}  // namespace microvisor::board
