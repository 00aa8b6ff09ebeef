// A fault to inject: what goes wrong, and when. One value, one line of text for people and for replays.
//
//   instruction:N          the power is cut after N instructions
//   flash:N:MOMENT         at the N-th operation of the internal flash: before, torn (under way), after
//   nor:N:MOMENT           the same, operations of the NOR chip counted
//   memory:N:MOMENT        the same, operations of both counted together
//   random:SEED[:LIMIT]    after a number of instructions drawn from 1 to LIMIT
//   skip:N                 the N-th instruction is not executed
//   invert:N               the N-th conditional branch goes the other way
//
// Instructions, operations and branches are counted from the first power-on of the board object, from 1.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "board/memory/board_error.hpp"
#include "board/memory/memory_supply.hpp"

namespace microvisor::board {

/// LIMIT of a random cut if none is given: more than a boot, less than a second of the board's time at its
/// highest clock.
inline constexpr std::uint64_t kRandomCutLimit = 100'000'000;

struct Fault {
  enum class Kind : std::uint8_t { CutAtInstruction, CutAtOperation, SkipInstruction, InvertBranch };
  /// Whose operations are counted.
  enum class Counted : std::uint8_t { Flash, Nor, Both };

  Kind kind = Kind::CutAtInstruction;
  std::uint64_t number = 0;
  Counted counted = Counted::Both;                   ///< CutAtOperation
  OperationMoment moment = OperationMoment::Before;  ///< CutAtOperation

  [[nodiscard]] bool cuts_power() const {
    return kind == Kind::CutAtInstruction || kind == Kind::CutAtOperation;
  }
  friend bool operator==(const Fault&, const Fault&) = default;
};

/// Any of the forms above. BadFault with a line that names `text`.
[[nodiscard]] tl::expected<Fault, BoardError> parse_fault(std::string_view text);
/// The text that parse_fault() reads as this fault; a random cut has become the one that was drawn.
[[nodiscard]] std::string to_string(const Fault& fault);

}  // namespace microvisor::board
