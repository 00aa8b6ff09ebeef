// Whether the oldest segment on its way is lost, by what the peer acknowledges and what it does not.
//
// lwIP takes three duplicate acknowledgements in a row for a loss (RFC 5681 section 3.2), begins to count
// anew when data comes between them, and never looks again at what it has repeated. A device that says a line
// a second has no three segments behind a lost one, and on a slow bearer the time-out is of seconds. So here
// - fewer are enough while less is on its way (RFC 5827 section 3);
// - a duplicate beyond those of the segments that were under way when the lost one was repeated is of a later
//   one: the repetition is lost too, for bearers keep order;
// - progress short of what was under way at a repetition means that the next segment is lost too (RFC 6582);
// - where nothing comes at all, the oldest segment is sent once more before the time-out, which repeats
//   everything (as RFC 8985 section 7 does with the youngest). That may have been for nothing, so progress
//   after it tells nothing of the next segment.
#pragma once

#include <algorithm>
#include <cstdint>

namespace microvisor::firmware::net {

/// What has been sent and is not acknowledged.
struct Flight {
  unsigned segments;
  std::uint32_t begin;  ///< number of its first byte
  std::uint32_t end;    ///< behind its last byte
};

/// Each function answers whether the oldest segment is to be sent again. Owned by a connection.
class LossWatch {
 public:
  /// The peer says again, without data, that it has everything before the flight.
  [[nodiscard]] bool duplicate(const Flight& flight) {
    ++duplicates_;
    if (flight.segments < 2) return false;  // nothing is behind it: of something that came twice
    const unsigned enough = repeated_with_ != 0 ? repeated_with_ : std::min(flight.segments - 1, kEnough);
    return duplicates_ >= enough && repeated(flight);
  }

  /// Part of the flight has been acknowledged; this is what is left.
  [[nodiscard]] bool progress(const Flight& flight) {
    const bool recovering = has_repeated() && static_cast<std::int32_t>(end_ - flight.begin) > 0;
    const std::uint32_t end = end_;
    *this = {};
    if (!recovering || flight.segments == 0) return false;
    static_cast<void>(repeated(flight));
    end_ = end;
    return true;
  }

  /// Nothing has been acknowledged for longer than it mostly takes.
  [[nodiscard]] bool silence(const Flight& flight) {
    if (probed_) return false;
    probed_ = true;
    return repeated({.segments = flight.segments, .begin = flight.begin, .end = flight.begin});
  }

  /// The oldest segment has been sent again, and nothing is acknowledged since.
  [[nodiscard]] bool has_repeated() const { return repeated_with_ != 0; }

 private:
  static constexpr unsigned kEnough = 3;

  /// Duplicates of all that is under way behind the repeated one may come yet.
  bool repeated(const Flight& flight) {
    repeated_with_ = std::max(flight.segments, duplicates_ + 1);
    end_ = flight.end;
    return true;
  }

  unsigned duplicates_ = 0;
  unsigned repeated_with_ = 0;  // so many duplicates tell that the repetition is lost; 0: there was none
  std::uint32_t end_ = 0;       // of the flight at the last repetition
  bool probed_ = false;
};

}  // namespace microvisor::firmware::net
