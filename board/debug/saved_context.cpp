// See saved_context.hpp.
#include "board/debug/saved_context.hpp"

#include <algorithm>
#include <charconv>
#include <span>

namespace microvisor::board {

namespace {

constexpr std::uint32_t kThumb = 1u << 24, kPadded = 1u << 9;      // of xPSR
constexpr std::uint32_t kBasicFrame = 1u << 4, kSecure = 1u << 6;  // of EXC_RETURN
constexpr std::uint32_t kSoftwareWords = 11, kKept = 8, kKeptFloat = 16, kFrameWords = 8,
                        kFloatFrameWords = 18;

/// Of an exception that has interrupted thread mode on the process stack (B3.22).
bool is_return_to_task(std::uint32_t value) {
  constexpr std::uint32_t kOnes = 0xFFFF'FF80, kThreadMode = 1u << 3, kProcessStack = 1u << 2;
  return (value & kOnes) == kOnes && (value & kThreadMode) != 0 && (value & kProcessStack) != 0;
}

/// Where what the switch has saved stands, in words from the stack pointer.
struct Layout {
  std::uint32_t kept;        // r4
  std::uint32_t exc_return;  // the value
  std::uint32_t size;
  std::optional<std::uint32_t> stack_limit;
};

std::optional<Layout> layout_of(std::span<const std::uint32_t> words) {
  if (is_return_to_task(words[1])) return Layout{2, words[1], 10, words[0]};
  if (is_return_to_task(words[2])) return Layout{3, words[2], 11, std::nullopt};
  if (is_return_to_task(words[8])) return Layout{0, words[8], 9, std::nullopt};
  return std::nullopt;
}

std::vector<std::uint8_t> bytes_of(std::span<const std::uint32_t> words) {
  std::vector<std::uint8_t> bytes;
  for (const std::uint32_t word : words) {
    for (unsigned shift = 0; shift < 32; shift += 8)
      bytes.push_back(static_cast<std::uint8_t>(word >> shift));
  }
  return bytes;
}

/// The number behind a letter.
std::optional<unsigned> number_in(std::string_view name, char letter, unsigned below) {
  unsigned number = 0;
  if (name.size() < 2 || name.front() != letter) return std::nullopt;
  const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), number);
  const bool all = error == std::errc{} && end == name.data() + name.size();
  return all && number < below ? std::optional(number) : std::nullopt;
}

}  // namespace

std::optional<SavedContext> read_saved_context(std::uint32_t stack_pointer, const ReadWords& read) {
  const auto saved = read(stack_pointer, kSoftwareWords);
  const auto layout = saved && stack_pointer % 4 == 0 ? layout_of(*saved) : std::nullopt;
  if (!layout) return std::nullopt;
  SavedContext context;
  context.stack_limit = layout->stack_limit;
  context.secure = (layout->exc_return & kSecure) != 0;
  context.has_float = (layout->exc_return & kBasicFrame) == 0;
  std::copy_n(saved->begin() + layout->kept, kKept, context.r + 4);
  const std::uint32_t kept_float = context.has_float ? kKeptFloat : 0;
  const std::uint32_t frame_words = kFrameWords + (context.has_float ? kFloatFrameWords : 0);
  const auto rest = read(stack_pointer + 4 * layout->size, kept_float + frame_words);
  if (!rest) return std::nullopt;
  const auto* frame = rest->data() + kept_float;
  std::copy_n(frame, 4, context.r);
  context.r[12] = frame[4];
  context.r[14] = frame[5];
  context.r[15] = frame[6] & ~1u;
  context.xpsr = frame[7];
  if ((context.xpsr & kThumb) == 0) return std::nullopt;
  context.r[13] =
      stack_pointer + 4 * (layout->size + kept_float + frame_words) + ((context.xpsr & kPadded) != 0 ? 4 : 0);
  if (context.has_float) {
    std::copy_n(frame + kFrameWords, 16, context.s);
    std::copy_n(rest->data(), kKeptFloat, context.s + 16);
    context.fpscr = frame[kFrameWords + 16];
  }
  return context;
}

std::optional<std::vector<std::uint8_t>> SavedContext::value(std::string_view name) const {
  constexpr std::string_view kNamed[] = {"sp", "lr", "pc"};
  for (unsigned i = 0; i < std::size(kNamed); ++i) {
    if (name == kNamed[i]) return bytes_of({&r[13 + i], 1});
  }
  if (name == "xpsr") return bytes_of({&xpsr, 1});
  if (name == "psp") return bytes_of({&r[13], 1});
  if (name == "psplim" && stack_limit) return bytes_of({&*stack_limit, 1});
  if (name == "secure") return std::vector<std::uint8_t>{static_cast<std::uint8_t>(secure)};
  if (const auto number = number_in(name, 'r', 13)) return bytes_of({&r[*number], 1});
  if (!has_float) return std::nullopt;
  if (const auto number = number_in(name, 'd', 16)) return bytes_of({&s[2 * *number], 2});
  if (name == "fpscr") return bytes_of({&fpscr, 1});
  return std::nullopt;
}

}  // namespace microvisor::board
