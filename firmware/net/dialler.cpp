// See dialler.hpp.
#include "firmware/net/dialler.hpp"

#include <algorithm>

namespace microvisor::firmware::net {
namespace {

constexpr std::uint64_t kBootTime = 12 * kSeconds;  // longest boot of a common module
constexpr std::uint64_t kCommandTime = kSeconds;
constexpr std::uint64_t kShortTime = 300 * kMilliseconds;
constexpr std::uint64_t kSimTime = 20 * kSeconds;
constexpr std::uint64_t kNetworkTime = 90 * kSeconds;
constexpr std::uint64_t kCallTime = 30 * kSeconds;
constexpr std::uint64_t kPollTime = 250 * kMilliseconds;
constexpr std::uint64_t kGuardTime = 1100 * kMilliseconds;  // V.250 S12 is 1 s

/// LCP Terminate-Request, id 1, in HDLC framing with all control characters escaped (RFC 1661, RFC 1662):
/// ends a call that an earlier run of the kernel has left. In command mode it is noise, which the carriage
/// return after it ends.
constexpr std::string_view kTerminateRequest(
    "\x7E\xFF\x7D\x23\xC0\x21\x7D\x25\x7D\x21\x7D\x20\x7D\x24\x3D\xC7\x7E\r", 18);

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

}  // namespace

DialResult Dialler::dial() {
  if (!wake_modem()) return DialResult::NoModem;
  const std::uint64_t start = platform_.now();
  if (const DialResult result = wait_for_sim(start + kSimTime); result != DialResult::Connected)
    return result;
  if (const DialResult result = wait_for_network(start + kNetworkTime); result != DialResult::Connected)
    return result;
  return call();
}

/// A module that boots says RDY when it is done; one that runs answers at once.
bool Dialler::wake_modem() {
  drain();
  send(kTerminateRequest);
  pause(20 * kMilliseconds);
  const std::uint64_t deadline = platform_.now() + kBootTime;
  for (unsigned attempt = 0; platform_.now() < deadline; ++attempt) {
    if (command("AT", kShortTime) == Answer::Ok) {
      if (attempt != 0) pause(50 * kMilliseconds);  // answers to the earlier attempts
      return set_up();
    }
    if (attempt == 5 && leave_old_call()) return set_up();
  }
  return false;
}

bool Dialler::leave_old_call() {
  pause(kGuardTime);
  send("+++");
  pause(kGuardTime);
  if (command("ATH", kCommandTime) != Answer::Ok) return false;
  return command("AT", kCommandTime) == Answer::Ok;
}

bool Dialler::set_up() {
  if (command("ATE0", kCommandTime) != Answer::Ok) return false;
  static_cast<void>(
      command("AT+IFC=2,2", kCommandTime));  // RTS and CTS; some modules have them fixed and refuse
  return command("AT+CMEE=1", kCommandTime) == Answer::Ok;
}

DialResult Dialler::wait_for_sim(std::uint64_t deadline) {
  while (platform_.now() < deadline) {
    information_length_ = 0;
    const Answer result = command("AT+CPIN?", 5 * kSeconds);
    const std::string_view text(information_.data(), information_length_);
    if (result == Answer::Ok) return text == "+CPIN: READY" ? DialResult::Connected : DialResult::NoSim;
    if (text == "+CME ERROR: 10") return DialResult::NoSim;
    pause(kPollTime / 2);  // busy: it is still being read
  }
  return DialResult::NoSim;
}

/// Registered at home (1) or roaming (5), in the packet domain of 2G/3G or of LTE.
DialResult Dialler::wait_for_network(std::uint64_t deadline) {
  constexpr std::string_view kQueries[] = {"AT+CEREG?", "AT+CGREG?", "AT+CREG?"};
  while (platform_.now() < deadline) {
    for (const std::string_view query : kQueries) {
      information_length_ = 0;
      if (command(query, kCommandTime) != Answer::Ok) continue;
      const std::string_view text(information_.data(), information_length_);
      const std::size_t comma = text.find(',');
      if (comma == std::string_view::npos || comma + 1 >= text.size()) continue;
      const char state = text[comma + 1];
      if (state == '1' || state == '5') return DialResult::Connected;
    }
    pause(kPollTime);
  }
  return DialResult::NotRegistered;
}

DialResult Dialler::call() {
  drain();
  send("AT+CGDCONT=1,\"IP\",\"");
  send(apn_);
  if (command("\"", kCommandTime) != Answer::Ok) return DialResult::Refused;
  const Answer result = command("ATD*99***1#", kCallTime);
  if (result == Answer::ConnectDebug) return DialResult::Debugger;
  return result == Answer::Connect ? DialResult::Connected : DialResult::Refused;
}

Dialler::Answer Dialler::command(std::string_view text, std::uint64_t timeout) {
  send(text);
  send("\r");
  return answer(platform_.now() + timeout);
}

/// Reads lines up to a final result code. Echo, information and unsolicited lines are passed over.
Dialler::Answer Dialler::answer(std::uint64_t deadline) {
  while (next_line(deadline)) {
    const std::string_view line(line_.data(), length_);
    length_ = 0;
    line_complete_ = false;
    if (line == "OK") return Answer::Ok;
    if (line == "CONNECT DEBUG") return Answer::ConnectDebug;
    if (starts_with(line, "CONNECT")) return Answer::Connect;
    if (line == "NO CARRIER" || line == "BUSY" || line == "NO DIALTONE" || line == "NO ANSWER")
      return Answer::NoCarrier;
    if (starts_with(line, "+")) {
      information_length_ = line.size();
      std::copy(line.begin(), line.end(), information_.begin());
    }
    if (line == "ERROR" || starts_with(line, "+CME ERROR")) return Answer::Error;
  }
  return Answer::Timeout;
}

/// Takes bytes one by one, so that nothing behind CONNECT is taken from what comes then.
bool Dialler::next_line(std::uint64_t deadline) {
  while (!line_complete_) {
    std::uint8_t byte = 0;
    if (platform_.serial_read({&byte, 1}) == 1) {
      take_character(static_cast<char>(byte));
    } else if (platform_.now() >= deadline) {
      return false;
    } else {
      platform_.wait(deadline);
    }
  }
  return true;
}

void Dialler::take_character(char character) {
  if (character == '\r' || character == '\n') {
    line_complete_ = length_ != 0;
  } else if (length_ < line_.size()) {
    line_[length_++] = character;
  }
}

void Dialler::pause(std::uint64_t microseconds) {
  const std::uint64_t end = platform_.now() + microseconds;
  while (platform_.now() < end) {
    drain();
    platform_.wait(end);
  }
  drain();
}

void Dialler::drain() {
  std::array<std::uint8_t, 64> unwanted;
  while (platform_.serial_read(unwanted) != 0) {
  }
  length_ = 0;
  line_complete_ = false;
}

/// A module that never raises CTS loses the rest after a second.
void Dialler::send(std::string_view text) {
  const std::uint64_t deadline = platform_.now() + kSeconds;
  std::span<const std::uint8_t> rest(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  while (!rest.empty() && platform_.now() < deadline) {
    const std::size_t taken = platform_.serial_write(rest);
    rest = rest.subspan(taken);
    if (!rest.empty()) platform_.wait(platform_.now() + kMilliseconds);
  }
}

}  // namespace microvisor::firmware::net
