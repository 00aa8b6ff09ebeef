// Words of the form NAME=VALUE, each once.
#include "cli/radio.hpp"

#include <cstdlib>
#include <set>
#include <sstream>

#include "cli/failure.hpp"
#include "cli/virtual_device.hpp"

namespace microvisor::cli {

namespace {

board::Time ticks(const std::string& duration) {
  return static_cast<board::Time>(parse_duration(duration) * static_cast<double>(board::kTicksPerSecond));
}

[[noreturn]] void refuse(const std::string& word) {
  throw Failure("not a condition of the link: " + word +
                " (for example delay=150ms, loss=5%, rate=10k, outage=5s/60s)");
}

/// A number with its unit; 0 is none.
double number(const std::string& word, const std::string& text, std::string& unit) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  unit = end;
  if (end == text.c_str() || !(value >= 0)) refuse(word);
  return value;
}

double share(const std::string& word, const std::string& text) {
  std::string unit;
  const double value = number(word, text, unit);
  if (unit != "%" || value > 100) refuse(word);
  return value / 100;
}

std::uint64_t rate(const std::string& word, const std::string& text) {
  std::string unit;
  const double value = number(word, text, unit);
  const double scale = unit.empty() ? 1 : unit == "k" ? 1e3 : unit == "M" ? 1e6 : 0;
  if (value * scale < 100 || value * scale > 1e9) refuse(word);
  return static_cast<std::uint64_t>(value * scale);
}

}  // namespace

board::AbsenceTimes parse_absence(const std::string& text) {
  const auto slash = text.find('/');
  if (slash == std::string::npos) throw Failure("not a while of a period: " + text + " (for example 5s/60s)");
  const board::AbsenceTimes times{.every = ticks(text.substr(slash + 1)),
                                  .length = ticks(text.substr(0, slash))};
  if (times.length >= times.every) throw Failure("a while is shorter than its period: " + text);
  return times;
}

board::RadioConditions parse_radio(const std::string& text) {
  board::RadioConditions conditions;
  std::set<std::string> seen;
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) {
    const auto equals = word.find('=');
    if (equals == std::string::npos) refuse(word);
    const std::string name = word.substr(0, equals), value = word.substr(equals + 1);
    if (!seen.insert(name).second) refuse(word);
    if (name == "delay") {
      conditions.delay = ticks(value);
    } else if (name == "loss") {
      conditions.loss = share(word, value);
    } else if (name == "rate") {
      conditions.bits_per_second = rate(word, value);
    } else if (name == "outage") {
      const board::AbsenceTimes times = parse_absence(value);
      conditions.outage = times.length;
      conditions.outage_every = times.every;
    } else {
      refuse(word);
    }
  }
  if (seen.empty()) refuse(text);
  return conditions;
}

}  // namespace microvisor::cli
