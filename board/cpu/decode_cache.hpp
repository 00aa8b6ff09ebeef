// The decoded pages of one board (decoded_page.hpp).
//
// What makes a record stale is a change of the bytes: the core's own stores into a page with records come
// through here (such pages are kept out of the write translations), others are reported by the bus.
//
// A page is the board's own while it decodes. When nothing has been added for a while it becomes one that
// boards share (shared_code.hpp); to add or take away something, the board makes a copy first, and waits
// longer before it shares again. Where the records of a page lie then changes: functions that answer with
// records or `moved` say so, and what points at the old ones (translations, the interpreter) has to be
// looked up again. The old ones stay readable until page() is called.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "board/cpu/shared_code.hpp"

namespace microvisor::board {

class DecodeCache {
 public:
  DecodeCache();
  /// The records of the page at `physical` (a multiple of kPageBytes) with the bytes `code`, which stay where
  /// they are for as long as it is held. `created` tells that it was not held before.
  const Record* page(std::uint32_t physical, const std::uint8_t* code, bool& created);
  [[nodiscard]] bool contains(std::uint32_t physical) const { return pages_.contains(physical / kPageBytes); }
  /// The bytes at [physical, physical + size) are no longer what was decoded. True: records have moved.
  [[nodiscard]] bool invalidate(std::uint32_t physical, std::uint32_t size);
  /// True when so many pages are held that the caller should clear() before it asks for another.
  [[nodiscard]] bool full() const { return pages_.size() >= kMaximumPages; }
  void clear();

  // Of the page that `records` belong to. The answer is where its records are now.
  /// Decodes what stands at `slot`; null if that cannot be done in the page (is_decodable()).
  [[nodiscard]] const Record* decode(const Record* records, std::uint32_t slot, std::uint8_t it_state);
  /// Has the instruction decoded again when it is reached.
  [[nodiscard]] const Record* forget(const Record* records, std::uint32_t slot);
  /// Has it executed from the single-step buffer each time it is reached, until unmark(). The mark survives
  /// changes of the bytes.
  [[nodiscard]] const Record* mark(const Record* records, std::uint32_t slot);
  /// Takes all marks away.
  void unmark();

  /// Shares what has not changed since the last calls. For moments between two instructions in which there is
  /// time. True: records have moved.
  [[nodiscard]] bool share() { return !unsettled_.empty() && marks_.empty() && share_settled(); }
  /// Pages that only this board has.
  [[nodiscard]] std::size_t own_pages() const;

  /// Instructions executed one at a time: [0] is the instruction, what follows leads on.
  std::array<Record, 3> step{};

 private:
  struct Held {
    [[nodiscard]] const Record* records() const { return own ? own->records.data() : shared->records.data(); }
    SharedCode::Page shared;
    std::unique_ptr<DecodedPage> own;  ///< instead of `shared`
    const std::uint8_t* code = nullptr;
    std::uint32_t patience = 2;  ///< calls of share() without a change before it is shared
    std::uint32_t remaining = 0;
  };
  DecodedPage& own(Held& held, std::uint32_t number);
  bool forget(Held& held, std::uint32_t number, std::uint32_t from, std::uint32_t to);
  bool share_settled();

  static constexpr std::size_t kMaximumPages = 1024;
  std::unordered_map<std::uint32_t, Held> pages_;
  std::vector<Record*> marks_;
  std::vector<std::uint32_t> unsettled_;  ///< numbers of own pages; some may be gone or shared since
  std::vector<Held> retired_;             ///< of which records may still be in use
};

}  // namespace microvisor::board
