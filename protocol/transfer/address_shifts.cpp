// See address_shifts.hpp: every reference that both images have votes for the shift of what it names;
// neighbours that vote alike form a run; runs of little weight give way until the others fit into the map.
#include "protocol/transfer/address_shifts.hpp"

#include <algorithm>

#include "protocol/transfer/thumb.hpp"

namespace microvisor::protocol::transfer {
namespace {

struct Run {
  std::uint32_t start = 0;
  std::uint32_t shift = 0;
  std::uint32_t weight = 0;  // references
};

constexpr std::uint32_t kLightest = 2;          // references that an entry of the map must serve at least
constexpr std::uint32_t kAlways = 0xFFFF'FFFF;  // weight of what stays

std::uint32_t half(ByteView image, std::uint32_t at) {
  return image[at] | static_cast<std::uint32_t>(image[at + 1]) << 8;
}

/// The references of one piece, as Predictor reads them.
void collect(ByteView object, const Base& base, const Piece& piece, std::vector<Run>& votes) {
  const std::uint32_t move = piece.object_offset - piece.base_offset;
  if (move % 2 != 0) return;
  std::uint32_t at = piece.base_offset + piece.base_offset % 2;
  while (at + 4 <= piece.base_offset + piece.size) {
    const std::uint32_t low = half(base.bytes, at);
    const std::uint32_t high = half(base.bytes, at + 2);
    const std::uint32_t new_low = half(object, at + move);
    const std::uint32_t new_high = half(object, at + move + 2);
    const std::uint32_t word = high << 16 | low;
    const std::uint32_t new_word = new_high << 16 | new_low;
    if (at % 4 == 0 && move % 4 == 0 && may_be_address(word) && may_be_address(new_word)) {
      votes.push_back({word, new_word - word, 1});
      at += 4;
    } else if (ThumbBranch::is_branch(low, high) && ThumbBranch::is_branch(new_low, new_high)) {
      const std::uint32_t target = base.address + at + 4 + ThumbBranch::distance(low, high);
      const std::uint32_t new_target =
          base.address + at + move + 4 + ThumbBranch::distance(new_low, new_high);
      votes.push_back({target, new_target - target, 1});
      at += 4;
    } else {
      at += ThumbBranch::is_wide(low) ? 4 : 2;
    }
  }
}

/// Leaves out runs lighter than `lightest` and joins neighbours that then agree.
std::vector<Run> joined(const std::vector<Run>& runs, std::uint32_t lightest) {
  std::vector<Run> result;
  for (const Run& run : runs) {
    if (run.weight < lightest) continue;
    if (result.empty() || result.back().shift != run.shift) {
      result.push_back(run);
    } else if (result.back().weight != kAlways) {
      result.back().weight = run.weight == kAlways ? kAlways : result.back().weight + run.weight;
    }
  }
  return result;
}

}  // namespace

AddressMap learn_shifts(ByteView object, const Base& base, const std::vector<Piece>& pieces) {
  std::vector<Run> votes;
  for (const Piece& piece : pieces) collect(object, base, piece, votes);
  // Nothing lies between flash and RAM or behind the RAM, so nothing moves there.
  for (const std::uint32_t end : {0U, 0x1000'0000U, 0x4000'0000U}) votes.push_back({end, 0, kAlways});
  std::stable_sort(votes.begin(), votes.end(), [](const Run& a, const Run& b) { return a.start < b.start; });
  std::vector<Run> runs = joined(votes, 1);
  for (std::uint32_t lightest = kLightest; lightest == kLightest || runs.size() > kMaximumMapEntries;
       ++lightest) {
    runs = joined(runs, lightest);
  }
  AddressMap map;
  for (const Run& run : runs) {
    if (!map.append({run.start, run.shift})) continue;  // two shifts for one address: the first
  }
  return map;
}

}  // namespace microvisor::protocol::transfer
