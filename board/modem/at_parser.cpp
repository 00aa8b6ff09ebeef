// See at_parser.hpp.
#include "board/modem/at_parser.hpp"

#include <cctype>
#include <charconv>
#include <cstdio>

namespace microvisor::board::at {
namespace {

char upper(char character) { return static_cast<char>(std::toupper(static_cast<unsigned char>(character))); }

bool is_digit(char character) { return character >= '0' && character <= '9'; }

std::string equipment_text(unsigned code) {
  switch (code) {
    case kErrorNotAllowed: return "operation not allowed";
    case kErrorNotSupported: return "operation not supported";
    case kErrorSimNotInserted: return "SIM not inserted";
    case kErrorPinRequired: return "SIM PIN required";
    case kErrorSimBusy: return "SIM busy";
    case kErrorIncorrectPassword: return "incorrect password";
    case kErrorBadParameter: return "Incorrect parameters";
    case kErrorNotSubscribed: return "requested service option not subscribed";
    default: return "unknown";
  }
}

std::string_view verbose_text(Result::Code code) {
  switch (code) {
    case Result::Code::Ok: return "OK";
    case Result::Code::Connect: return "CONNECT";
    case Result::Code::NoCarrier: return "NO CARRIER";
    default: return "ERROR";
  }
}

/// Cuts a basic command (one letter, or "&" and one letter) with its number or dial string.
Command take_basic(std::string_view& rest) {
  Command command;
  if (rest.front() == '&') {
    command.name = "&";
    rest.remove_prefix(1);
  }
  if (rest.empty()) return command;
  command.name += upper(rest.front());
  rest.remove_prefix(1);
  if (command.name == "D") {  // the dial string takes the rest of the line
    command.argument = rest;
    rest = {};
    return command;
  }
  if (command.name == "S") {  // S-parameter: number, then = or ?
    while (!rest.empty() && is_digit(rest.front())) command.name += rest.front(), rest.remove_prefix(1);
    if (!rest.empty() && rest.front() == '?') {
      command.form = Command::Form::Read;
      rest.remove_prefix(1);
      return command;
    }
    if (!rest.empty() && rest.front() == '=') {
      command.form = Command::Form::Set;
      rest.remove_prefix(1);
    }
  }
  while (!rest.empty() && is_digit(rest.front())) {
    command.argument += rest.front();
    rest.remove_prefix(1);
  }
  return command;
}

/// Cuts an extended command: up to a semicolon outside of quotes.
Command take_extended(std::string_view& rest) {
  std::size_t end = 0;
  for (bool quoted = false; end < rest.size() && (quoted || rest[end] != ';'); ++end)
    quoted ^= rest[end] == '"';
  const std::string_view text = rest.substr(0, end);
  rest.remove_prefix(end < rest.size() ? end + 1 : end);
  Command command;
  std::size_t name = 0;
  while (name < text.size() && text[name] != '=' && text[name] != '?') command.name += upper(text[name++]);
  const std::string_view tail = text.substr(name);
  if (tail.empty()) return command;
  if (tail == "?") {
    command.form = Command::Form::Read;
  } else if (tail == "=?") {
    command.form = Command::Form::Test;
  } else {
    command.form = Command::Form::Set;
    command.argument = tail.substr(1);
  }
  return command;
}

}  // namespace

std::string format_result(const Result& result, const Settings& settings) {
  if (result.code == Result::Code::None || settings.quiet) return {};
  if (result.code == Result::Code::Equipment && settings.error_reports != 0) {
    const std::string detail = settings.error_reports == 1 ? std::to_string(result.equipment_error)
                                                           : equipment_text(result.equipment_error);
    return "\r\n+CME ERROR: " + detail + "\r\n";
  }
  const auto code = result.code == Result::Code::Equipment ? Result::Code::Error : result.code;
  if (settings.verbose) return "\r\n" + std::string(verbose_text(code)) + "\r\n";
  return std::to_string(static_cast<unsigned>(code)) + "\r";
}

std::optional<std::string> LineReader::push(char character) {
  if (character == '\b' || character == 0x7F) {
    if (!line_.empty()) line_.pop_back();
    return std::nullopt;
  }
  if (character != '\r') {
    const auto code = static_cast<unsigned char>(character);
    const bool printable = code >= 0x20 && (code < 0x7F || (code > 0x7F && eight_bits_));
    if (printable && line_.size() < kLongestLine) line_ += character;
    if (line_.size() == kLongestLine) overlong_ = true;
    return std::nullopt;
  }
  // A line begins at its last "AT", so that noise before it does no harm (V.250 section 5.2.1).
  std::string line;
  line.swap(line_);
  const bool dropped = overlong_;
  overlong_ = false;
  for (std::size_t at = 0; !dropped && at + 1 < line.size(); ++at) {
    if (upper(line[at]) == 'A' && upper(line[at + 1]) == 'T') return line.substr(at + 2);
  }
  return std::nullopt;
}

void LineReader::reset() {
  line_.clear();
  overlong_ = false;
}

std::optional<std::vector<Command>> parse(std::string_view line) {
  std::vector<Command> commands;
  while (!line.empty()) {
    const char first = line.front();
    if (first == ' ' || first == ';') {
      line.remove_prefix(1);
    } else if (first == '+') {
      commands.push_back(take_extended(line));
    } else if (first == '&' || std::isalpha(static_cast<unsigned char>(first)) != 0) {
      commands.push_back(take_basic(line));
    } else {
      return std::nullopt;
    }
  }
  return commands;
}

std::vector<std::string> split_arguments(std::string_view text, Escapes escapes) {
  std::vector<std::string> arguments(1);
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char character = text[at];
    if (escapes == Escapes::Backslash && character == '\\' && at + 1 < text.size()) {
      arguments.back() += text[++at];
    } else if (character == '"') {
      quoted = !quoted;
    } else if (character == ',' && !quoted) {
      arguments.emplace_back();
    } else {
      arguments.back() += character;
    }
  }
  return arguments;
}

std::optional<unsigned> number(std::string_view text, unsigned maximum) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > maximum) return std::nullopt;
  return value;
}

}  // namespace microvisor::board::at
