// Decoded instructions, by physical page.
//
// A page is 1 KiB of code and a record for every halfword of it, decoded when it is first executed. Records
// say nothing about the address at which the page is seen, so both aliases share them. What makes a record
// stale is a change of the bytes: the core's own stores into a page with records come through here (such
// pages are kept out of the write translations), others are reported by the bus.
//
// Inside an IT block an instruction means something else (flags, condition), so its record carries the
// ITSTATE it was decoded for. A record decoded for the block may only be reached through the IT instruction
// in the same page; whoever comes another way (a branch into a block, a return from an exception) is executed
// from the single-step buffer.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "board/cpu/record.hpp"

namespace microvisor::board {

inline constexpr std::uint32_t kPageBytes = 1024;
inline constexpr std::uint32_t kPageSlots = kPageBytes / 2;
/// Longest IT block: four instructions of two halfwords.
inline constexpr std::uint32_t kLongestItBlock = 8;

struct DecodedPage {
  /// One record a halfword, and one behind them that leads to the next page.
  std::array<Record, kPageSlots + 1> records;
};

class DecodeCache {
 public:
  DecodeCache();
  /// The page at `physical` (a multiple of kPageBytes), made empty if it was not there. `created` tells
  /// which.
  DecodedPage& page(std::uint32_t physical, bool& created);
  [[nodiscard]] bool contains(std::uint32_t physical) const { return pages_.contains(physical / kPageBytes); }
  /// The bytes at [physical, physical + size) are no longer what was decoded.
  void invalidate(std::uint32_t physical, std::uint32_t size);
  /// True when so many pages are held that the caller should clear() before it asks for another.
  [[nodiscard]] bool full() const { return pages_.size() >= kMaximumPages; }
  void clear() {
    pages_.clear();
    marks_.clear();
  }

  /// Has `record`, of a page held here, executed from the single-step buffer each time it is reached, until
  /// unmark(). The mark survives changes of the bytes.
  void mark(Record& record);
  /// Takes all marks away.
  void unmark();

  /// Instructions executed one at a time: [0] is the instruction, what follows leads on.
  std::array<Record, 3> step{};

 private:
  static constexpr std::size_t kMaximumPages = 1024;
  std::unordered_map<std::uint32_t, std::unique_ptr<DecodedPage>> pages_;
  std::vector<Record*> marks_;
};

/// Decodes what stands at `slot` of a page into its record; `code` are the bytes of the page. False if the
/// instruction cannot be cached there (it straddles the page, or it lies in the IT block of another
/// instruction that was not executed): it is then to be executed from the single-step buffer.
bool decode_slot(Record* records, const std::uint8_t* code, std::uint32_t slot, std::uint8_t it_state);

}  // namespace microvisor::board
