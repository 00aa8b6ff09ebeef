// What a page of code decodes to.
//
// A page is 1 KiB of code and a record for every halfword of it, decoded when it is first executed. The
// records depend on the bytes of the page and on nothing else: not on the address at which it is seen, not on
// its neighbours. So both aliases of a page share them, and so may boards (shared_code.hpp).
//
// Inside an IT block an instruction means something else (flags, condition), so its record carries the
// ITSTATE it was decoded for. A record decoded for the block may only be reached through the IT instruction
// in the same page; whoever comes another way (a branch into a block, a return from an exception) is executed
// from the single-step buffer.
#pragma once

#include <array>
#include <cstdint>

#include "board/cpu/record.hpp"

namespace microvisor::board {

inline constexpr std::uint32_t kPageBytes = 1024;
inline constexpr std::uint32_t kPageSlots = kPageBytes / 2;
/// Longest IT block: four instructions of two halfwords.
inline constexpr std::uint32_t kLongestItBlock = 8;

struct DecodedPage {
  /// Nothing decoded yet. `number` is the physical address by kPageBytes.
  explicit DecodedPage(std::uint32_t number);
  /// One record a halfword, and one behind them that leads to the next page; its operand is the page's
  /// number.
  std::array<Record, kPageSlots + 1> records;
};

/// The number of the page that these records are of.
inline std::uint32_t page_number(const Record* records) { return records[kPageSlots].imm; }

/// True if the instruction at `slot` can be decoded there for `it_state`; `code` are the bytes of the page.
/// Otherwise (it straddles the page, it lies in the IT block of another instruction that was not executed, or
/// it is a BKPT in a block) it is to be executed from the single-step buffer.
bool is_decodable(const Record* records, const std::uint8_t* code, std::uint32_t slot, std::uint8_t it_state);
/// Decodes it.
void decode_slot(Record* records, const std::uint8_t* code, std::uint32_t slot, std::uint8_t it_state);

/// What is in the record does not hold any more. Marks stay (DecodeCache::mark()).
void forget(Record& record);
bool is_marked(const Record& record);

/// True if all that is decoded in `other` is so in `page`; both of the same bytes.
bool covers(const DecodedPage& page, const DecodedPage& other);
/// Adds to `page` what only `other` has; both are of the bytes `code`.
void merge(DecodedPage& page, const DecodedPage& other, const std::uint8_t* code);

}  // namespace microvisor::board
