// See trace_view.hpp.
#include "cli/crash/trace_view.hpp"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "board/debug/exception_names.hpp"

namespace microvisor::cli {

namespace {

using nlohmann::json;

constexpr std::uint32_t kFlash = 0x0800'0000;  // the application's
constexpr std::uint32_t kFlashSize = 0x10'0000;

/// "name+0x12" for `address`, of the function that has `inside`.
std::string name_around(const board::Symbols& symbols, std::uint32_t inside, std::uint32_t address) {
  if (inside - kFlash >= kFlashSize) return {};
  auto found = symbols.upper_bound(inside);
  if (found == symbols.begin()) return {};
  --found;
  if (found->first < kFlash) return {};
  const std::string& name = found->second.name;
  return address == found->first ? name : fmt::format("{}+0x{:x}", name, address - found->first);
}

/// With the name of the symbol where the debug information says nothing.
std::vector<SourcePlace> places_of(const Frame& frame, const board::Symbols& symbols) {
  if (!frame.places.empty()) return frame.places;
  return {
      {.function = name_around(symbols, frame.place(), frame.pc), .file = {}, .line = 0, .inlined = false}};
}

std::string place_text(const SourcePlace& place) {
  std::string text = place.function.empty() ? "(no function is known here)" : place.function;
  if (!place.file.empty()) text += fmt::format(" at {}:{}", place.file, place.line);
  return text + (place.inlined ? ", inlined" : "");
}

std::string exception_text(unsigned number) {
  return fmt::format("exception {} ({})", number, board::exception_name(number));
}

}  // namespace

std::string name_of_code(const board::Symbols& symbols, std::uint32_t address) {
  const std::uint32_t place = address & ~1U;
  return name_around(symbols, place, place);
}

std::string format_trace(const BackTrace& trace, const board::Symbols& symbols) {
  std::string text;
  unsigned number = 0;
  for (const Frame& frame : trace.frames) {
    if (frame.exception != 0) text += fmt::format("\n      {} interrupted", exception_text(frame.exception));
    for (const SourcePlace& place : places_of(frame, symbols))
      text += fmt::format("\n  #{:<2} 0x{:08x} {}", number++, frame.pc, place_text(place));
    if (frame.by_link_register) text += " (taken from LR)";
  }
  return text + fmt::format("\n      {}", trace.end);
}

json trace_as_json(const BackTrace& trace, const board::Symbols& symbols) {
  json frames = json::array();
  for (const Frame& frame : trace.frames) {
    const auto places = places_of(frame, symbols);
    for (const SourcePlace& place : places) {
      const bool first = &place == &places.front();
      frames.push_back(
          {{"address", fmt::format("0x{:08x}", frame.pc)},
           {"function", place.function.empty() ? json(nullptr) : json(place.function)},
           {"file", place.file.empty() ? json(nullptr) : json(place.file)},
           {"line", place.line == 0 ? json(nullptr) : json(place.line)},
           {"inlined", place.inlined},
           {"taken_from_lr", frame.by_link_register},
           {"interrupted_by", first && frame.exception != 0 ? json(frame.exception) : json(nullptr)}});
    }
  }
  return frames;
}

}  // namespace microvisor::cli
