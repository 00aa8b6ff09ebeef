// See alignment.hpp.
#include "protocol/transfer/alignment.hpp"

#include <divsufsort.h>

#include <algorithm>

#include "protocol/transfer/thumb.hpp"

namespace microvisor::protocol::transfer {
namespace {

constexpr std::uint32_t kWorthAMove = 8;  // bytes that a new place must agree in more than the present one
constexpr std::uint32_t kLongestMatch = 4096;  // bounds the work; longer ones go on where they ended

struct Match {
  std::uint32_t base_offset = 0;
  std::uint32_t size = 0;
};

std::uint32_t common_prefix(ByteView a, ByteView b) {
  const std::size_t limit = std::min({a.size(), b.size(), std::size_t{kLongestMatch}});
  return static_cast<std::uint32_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(limit), b.begin()).first - a.begin());
}

class SuffixArray {
 public:
  explicit SuffixArray(ByteView base) : base_(base), order_(base.size()) {
    divsufsort(base.data(), order_.data(), static_cast<saidx_t>(base.size()));
  }

  /// The longest prefix of `text` that the base has anywhere.
  [[nodiscard]] Match longest(ByteView text) const {
    const auto behind =
        std::lower_bound(order_.begin(), order_.end(), text, [this](saidx_t suffix, ByteView wanted) {
          const ByteView here = base_.subspan(static_cast<std::size_t>(suffix));
          const std::uint32_t same = common_prefix(here, wanted);
          if (same == wanted.size() || same == kLongestMatch) return false;
          return same == here.size() || here[same] < wanted[same];
        });
    Match best;
    if (behind != order_.end()) consider(*behind, text, best);
    if (behind != order_.begin()) consider(*(behind - 1), text, best);
    return best;
  }

 private:
  void consider(saidx_t suffix, ByteView text, Match& best) const {
    const auto offset = static_cast<std::uint32_t>(suffix);
    if (const std::uint32_t size = common_prefix(base_.subspan(offset), text); size > best.size)
      best = {offset, size};
  }

  ByteView base_;
  std::vector<saidx_t> order_;
};

/// Bytes of object[offset, offset + size) that agree with the base at the same distance as in `piece`.
std::uint32_t agreeing(ByteView object, ByteView base, const Piece& piece, std::uint32_t offset,
                       std::uint32_t size) {
  std::uint32_t count = 0;
  std::size_t other = std::size_t{piece.base_offset} + offset - piece.object_offset;
  for (std::uint32_t i = 0; i < size && other < base.size(); ++i, ++other)
    count += object[offset + i] == base[other] ? 1U : 0U;
  return count;
}

/// Exact matches that start where something changes; each is at least the longest that was found there.
std::vector<Piece> find_anchors(ByteView object, ByteView base) {
  const SuffixArray suffixes(base);
  std::vector<Piece> anchors{{}};  // as if the object began like the base
  std::uint32_t offset = 0;
  while (offset < object.size()) {
    const Match match = suffixes.longest(object.subspan(offset));
    const std::uint32_t same = agreeing(object, base, anchors.back(), offset, match.size);
    if (match.size > same + kWorthAMove) anchors.push_back({offset, match.base_offset, match.size});
    offset +=
        std::max<std::uint32_t>(match.size > same + kWorthAMove || match.size == same ? match.size : 1, 1);
  }
  return anchors;
}

/// How far a stretch is worth going on: most agreements less disagreements. `equal(i)` says whether byte i
/// agrees.
template <class Equal>
std::uint32_t stretch(std::uint32_t limit, Equal equal) {
  std::int64_t score = 0;
  std::int64_t best_score = 0;
  std::uint32_t best = 0;
  for (std::uint32_t i = 0; i < limit; ++i) {
    score += equal(i) ? 1 : -1;
    if (score > best_score) {
      best_score = score;
      best = i + 1;
    }
  }
  return best;
}

/// Bytes of an overlap of two stretches that the first one keeps.
std::uint32_t divide(ByteView object, ByteView base, const Piece& first, const Piece& second,
                     std::uint32_t from, std::uint32_t size) {
  return stretch(size, [&](std::uint32_t i) {
    return agreeing(object, base, first, from + i, 1) >= agreeing(object, base, second, from + i, 1);
  });
}

/// Lets two neighbouring anchors grow into the gap between them.
void close_gap(ByteView object, ByteView base, Piece& first, Piece& second) {
  const std::uint32_t from = first.object_offset + first.size;
  const std::uint32_t gap = second.object_offset - from;
  const auto behind = static_cast<std::uint32_t>(base.size()) - (first.base_offset + first.size);
  std::uint32_t forward = stretch(std::min(gap, behind), [&](std::uint32_t i) {
    return object[from + i] == base[first.base_offset + first.size + i];
  });
  std::uint32_t backward = stretch(std::min(gap, second.base_offset), [&](std::uint32_t i) {
    return object[second.object_offset - 1 - i] == base[second.base_offset - 1 - i];
  });
  if (forward + backward > gap) {
    const std::uint32_t overlap = forward + backward - gap;
    const std::uint32_t kept = divide(object, base, first, second, from + forward - overlap, overlap);
    forward -= overlap - kept;
    backward -= kept;
  }
  first.size += forward;
  second.object_offset -= backward;
  second.base_offset -= backward;
  second.size += backward;
}

}  // namespace

std::vector<Piece> align(ByteView object, ByteView base) {
  if (base.empty() || object.empty()) return {};
  std::vector<Piece> pieces = find_anchors(object, base);
  Piece end{static_cast<std::uint32_t>(object.size()), 0, 0};
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    close_gap(object, base, pieces[i], i + 1 < pieces.size() ? pieces[i + 1] : end);
  }
  std::erase_if(pieces, [](const Piece& piece) { return piece.size == 0; });
  return pieces;
}

Bytes without_addresses(ByteView image) {
  Bytes result(image.begin(), image.end());
  const auto half = [&](std::size_t at) {
    return static_cast<std::uint32_t>(image[at] | image[at + 1] << 8);
  };
  for (std::size_t at = 0; at + 4 <= image.size();) {
    const std::uint32_t low = half(at);
    const std::uint32_t high = half(at + 2);
    if (at % 4 == 0 && may_be_address(high << 16 | low)) {
      std::fill_n(result.begin() + static_cast<std::ptrdiff_t>(at), 2, std::uint8_t{0});
      result[at + 2] &= 0xF0U;
      at += 4;
    } else if (ThumbBranch::is_branch(low, high)) {
      result[at] = 0;
      result[at + 1] &= 0xF8U;
      result[at + 2] = 0;
      result[at + 3] &= 0xD0U;
      at += 4;
    } else {
      at += ThumbBranch::is_wide(low) ? 4 : 2;
    }
  }
  return result;
}

}  // namespace microvisor::protocol::transfer
