// Command lines as V.250 section 5 defines them: echo, editing, the "AT" prefix, and the commands of one
// line.
//
// No state of the module is in here, so that the rules of the line can be tested by themselves.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "board/bus/archive.hpp"

namespace microvisor::board::at {

/// What ATE, ATV, AT+CMEE and the like have set. Back to this at power-on, ATZ and AT&F.
struct Settings {
  bool echo = true;
  bool verbose = true;
  bool quiet = false;
  unsigned error_reports = 0;  ///< +CMEE
  unsigned creg = 0;           ///< +CREG, +CGREG, +CEREG: 0 no reports, 1 on change
  unsigned cgreg = 0;
  unsigned cereg = 0;
  unsigned functionality = 1;  ///< +CFUN
  bool context_defined = false;
  std::string apn;
};

/// The end of a command line: a final result code, or an error of the equipment (TS 27.007 section 9.2).
struct Result {
  enum class Code : std::uint8_t {
    Ok = 0,
    Connect = 1,
    NoCarrier = 3,
    Error = 4,
    Equipment = 100,
    None = 101
  };
  Code code = Code::Ok;
  unsigned equipment_error = 0;
};

inline constexpr unsigned kErrorNotAllowed = 3;
inline constexpr unsigned kErrorNotSupported = 4;
inline constexpr unsigned kErrorSimNotInserted = 10;
inline constexpr unsigned kErrorPinRequired = 11;
inline constexpr unsigned kErrorSimBusy = 14;
inline constexpr unsigned kErrorIncorrectPassword = 16;
inline constexpr unsigned kErrorBadParameter = 50;
inline constexpr unsigned kErrorNotSubscribed = 133;  ///< requested service option, cause #33 of the network

/// Text of a result as the settings want it: verbose or numeric, with or without equipment errors.
[[nodiscard]] std::string format_result(const Result& result, const Settings& settings);

/// Collects characters to command lines.
class LineReader {
 public:
  static constexpr std::size_t kLongestLine = 512;
  /// `eight_bits`: what is not ASCII is text too, as names of access points are.
  explicit LineReader(bool eight_bits = false) : eight_bits_(eight_bits) {}
  /// One more character. The text behind "AT" if it ended a command line; nothing if it was not one.
  std::optional<std::string> push(char character);
  void reset();
  void serialise(Archive& archive) { archive(line_, overlong_); }

 private:
  bool eight_bits_;
  std::string line_;
  bool overlong_ = false;
};

/// One command of a line.
struct Command {
  enum class Form : std::uint8_t { Execute, Read, Set, Test };
  std::string name;  ///< upper case: "E", "D", "&F", "+CREG"
  Form form = Form::Execute;
  std::string argument;  ///< digits of a basic command, dial string, or what follows "="
};

/// Takes a line (without "AT") apart; nothing if its syntax is wrong.
[[nodiscard]] std::optional<std::vector<Command>> parse(std::string_view line);

/// Backslash: as in ESP-AT it stands before a comma, a quote or a backslash that is meant.
enum class Escapes : std::uint8_t { None, Backslash };
/// Splits `1,"IP","internet"`; quotes are removed.
[[nodiscard]] std::vector<std::string> split_arguments(std::string_view text,
                                                       Escapes escapes = Escapes::None);
/// A decimal number from 0 to `maximum`; nothing otherwise.
[[nodiscard]] std::optional<unsigned> number(std::string_view text, unsigned maximum);

}  // namespace microvisor::board::at
