#include "board/fault/fault.hpp"

#include <array>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "board/memory/random_bits.hpp"

namespace microvisor::board {
namespace {

constexpr std::array<std::string_view, 3> kCountedNames = {"flash", "nor", "memory"};
constexpr std::array<std::string_view, 3> kMomentNames = {"before", "torn", "after"};

template <std::size_t kCount>
std::optional<std::size_t> index_of(const std::array<std::string_view, kCount>& names,
                                    std::string_view name) {
  for (std::size_t index = 0; index < kCount; ++index) {
    if (names[index] == name) return index;
  }
  return std::nullopt;
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t colon = text.find(':');
    parts.push_back(text.substr(0, colon));
    if (colon == std::string_view::npos) return parts;
    text.remove_prefix(colon + 1);
  }
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Fault> random_cut(const std::vector<std::string_view>& parts) {
  if (parts.size() > 3) return std::nullopt;
  const auto seed = number_of(parts[1]);
  const auto limit = parts.size() == 3 ? number_of(parts[2]) : kRandomCutLimit;
  if (!seed || limit.value_or(0) == 0) return std::nullopt;
  return Fault{.kind = Fault::Kind::CutAtInstruction, .number = 1 + RandomBits(*seed).below(*limit)};
}

std::optional<Fault> operation_cut(const std::vector<std::string_view>& parts, std::size_t counted) {
  const auto number = number_of(parts[1]);
  const auto moment = parts.size() == 3 ? index_of(kMomentNames, parts[2]) : std::nullopt;
  if (number.value_or(0) == 0 || !moment) return std::nullopt;
  return Fault{.kind = Fault::Kind::CutAtOperation,
               .number = *number,
               .counted = static_cast<Fault::Counted>(counted),
               .moment = static_cast<OperationMoment>(*moment)};
}

std::optional<Fault> parse(std::string_view text) {
  const std::vector<std::string_view> parts = split(text);
  if (parts.size() < 2) return std::nullopt;
  if (parts[0] == "random") return random_cut(parts);
  if (const auto counted = index_of(kCountedNames, parts[0])) return operation_cut(parts, *counted);
  const auto number = number_of(parts[1]);
  if (parts.size() != 2 || !number) return std::nullopt;
  if (parts[0] == "instruction") return Fault{.kind = Fault::Kind::CutAtInstruction, .number = *number};
  if (*number == 0) return std::nullopt;
  if (parts[0] == "skip") return Fault{.kind = Fault::Kind::SkipInstruction, .number = *number};
  if (parts[0] == "invert") return Fault{.kind = Fault::Kind::InvertBranch, .number = *number};
  return std::nullopt;
}

}  // namespace

tl::expected<Fault, BoardError> parse_fault(std::string_view text) {
  if (const auto fault = parse(text)) return *fault;
  return tl::unexpected(
      BoardError{BoardError::Kind::BadFault, "no such fault: '" + std::string(text) +
                                                 "' (instruction:N, flash:N:before|torn|after, nor:N:..., "
                                                 "memory:N:..., random:SEED[:LIMIT], skip:N, "
                                                 "invert:N)"});
}

std::string to_string(const Fault& fault) {
  const std::string number = ":" + std::to_string(fault.number);
  switch (fault.kind) {
    case Fault::Kind::CutAtInstruction: return "instruction" + number;
    case Fault::Kind::CutAtOperation:
      return std::string(kCountedNames[static_cast<std::size_t>(fault.counted)]) + number + ":" +
             std::string(kMomentNames[static_cast<std::size_t>(fault.moment)]);
    case Fault::Kind::SkipInstruction: return "skip" + number;
    case Fault::Kind::InvertBranch: return "invert" + number;
  }
  return {};
}

}  // namespace microvisor::board
