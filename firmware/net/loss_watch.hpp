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
//   everything (as RFC 8985 section 7 does with the youngest). That may have been for nothing: progress after
//   it tells nothing of the next segment, and while the bearer has become slower it takes longer each time;
// - what was repeated for nothing makes a duplicate of its own, which is not taken for another loss.
#pragma once

#include <algorithm>
#include <cstdint>

namespace microvisor::firmware::net {

/// What has been sent and is not acknowledged. Times are of one clock, which may wrap.
struct Flight {
  unsigned segments = 0;
  std::uint32_t begin = 0;       ///< number of its first byte
  std::uint32_t end = 0;         ///< behind its last byte
  std::uint32_t now = 0;         ///< time
  std::uint32_t round_trip = 0;  ///< smoothed
};

/// Each function answers whether the oldest segment is to be sent again. Owned by a connection.
class LossWatch {
 public:
  /// The peer says again, without data, that it has everything before the flight.
  [[nodiscard]] bool duplicate(const Flight& flight) {
    if (doubled_ != 0) {
      --doubled_;
      return false;
    }
    ++duplicates_;
    if (flight.segments < 2) return false;  // nothing is behind it: of something that came twice
    const unsigned enough = has_repeated() ? repeated_with_ : std::min(flight.segments - 1, kEnough);
    return duplicates_ >= enough && repeated(flight, flight.end);
  }

  /// Part of the flight has been acknowledged; this is what is left.
  [[nodiscard]] bool progress(const Flight& flight) {
    const bool recovering = has_repeated() && is_before(flight.begin, recovered_);
    doubled_ = is_before(flight.begin, copied_) ? doubled_ + copies_ : 0;
    if (!has_repeated() && reluctance_ != 0) --reluctance_;
    if (probed_ && flight.now - repeated_at_ < flight.round_trip && reluctance_ < kReluctance) ++reluctance_;
    duplicates_ = repeated_with_ = copies_ = 0;
    probed_ = false;
    return recovering && flight.segments != 0 && repeated(flight, recovered_);
  }

  /// Nothing has been acknowledged for so long; mostly it takes `usual` at the most.
  [[nodiscard]] bool silence(const Flight& flight, std::uint32_t waited, std::uint32_t usual) {
    if (probed_ || waited <= usual << reluctance_) return false;
    probed_ = true;
    return repeated(flight, flight.begin);
  }

  /// lwIP's time-out has come, and each segment goes again. Any number may have arrived before.
  void timed_out(const Flight& flight) {
    doubled_ = kAny;
    copied_ = flight.end;
  }

  /// The oldest segment has been sent again, and nothing is acknowledged since.
  [[nodiscard]] bool has_repeated() const { return repeated_with_ != 0; }

 private:
  static constexpr unsigned kEnough = 3;
  static constexpr unsigned kReluctance = 3;
  static constexpr unsigned kAny = 1000;

  [[nodiscard]] static bool is_before(std::uint32_t a, std::uint32_t b) {
    return static_cast<std::int32_t>(a - b) < 0;
  }

  /// Duplicates of all that is under way behind the repeated one may come yet; and one of the copy, if the
  /// segment was not lost.
  bool repeated(const Flight& flight, std::uint32_t recovered) {
    repeated_with_ = std::max(flight.segments, duplicates_ + 1);
    recovered_ = recovered;
    repeated_at_ = flight.now;
    ++copies_;
    copied_ = flight.end;
    return true;
  }

  unsigned duplicates_ = 0;
  unsigned repeated_with_ = 0;   // so many duplicates tell that the repetition is lost; 0: there was none
  std::uint32_t recovered_ = 0;  // progress up to here is of the same losses
  unsigned copies_ = 0;          // repetitions of the oldest segment
  unsigned doubled_ = 0;         // and of those before it, which may have arrived twice,
  std::uint32_t copied_ = 0;     // as would have been told before progress up to here
  bool probed_ = false;          // because of silence,
  std::uint32_t repeated_at_ = 0;
  unsigned reluctance_ = 0;  // by how much longer it has to be, as a power of two
};

}  // namespace microvisor::firmware::net
