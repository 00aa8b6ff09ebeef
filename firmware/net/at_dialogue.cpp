// See at_dialogue.hpp.
#include "firmware/net/at_dialogue.hpp"

#include <algorithm>

namespace microvisor::firmware::net {
namespace {

constexpr std::uint64_t kShortTime = 300 * kMilliseconds;
constexpr std::uint64_t kGuardTime = 1100 * kMilliseconds;  // V.250 S12 is 1 s

/// LCP Terminate-Request, id 1, in HDLC framing with all control characters escaped (RFC 1661, RFC 1662):
/// ends a call that an earlier run of the kernel has left. In command mode it is noise, which the carriage
/// return after it ends.
constexpr std::string_view kTerminateRequest(
    "\x7E\xFF\x7D\x23\xC0\x21\x7D\x25\x7D\x21\x7D\x20\x7D\x24\x3D\xC7\x7E\r", 18);

bool is_digit(char character) { return character >= '0' && character <= '9'; }

}  // namespace

std::uint32_t take_number(std::string_view& text) {
  std::uint32_t value = 0;
  while (!text.empty() && !is_digit(text.front())) text.remove_prefix(1);
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1))
    value = 10 * value + static_cast<std::uint32_t>(text.front() - '0');
  return value;
}

/// A module that boots says RDY or ready when it is done; one that runs answers at once.
bool AtDialogue::wake(std::uint64_t boot_time) {
  drain();
  send(kTerminateRequest);
  pause(20 * kMilliseconds);
  const std::uint64_t deadline = platform_.now() + boot_time;
  for (unsigned attempt = 0; platform_.now() < deadline; ++attempt) {
    if (command("AT", kShortTime) == Answer::Ok) {
      if (attempt != 0) pause(50 * kMilliseconds);  // answers to the earlier attempts
      return command("ATE0", kCommandTime) == Answer::Ok;
    }
    if (attempt == 5 && leave_old_call()) return command("ATE0", kCommandTime) == Answer::Ok;
  }
  return false;
}

bool AtDialogue::leave_old_call() {
  pause(kGuardTime);
  send("+++");
  pause(kGuardTime);
  if (command("ATH", kCommandTime) != Answer::Ok) return false;
  return command("AT", kCommandTime) == Answer::Ok;
}

AtDialogue::Answer AtDialogue::command(std::string_view text, std::uint64_t timeout) {
  information_length_ = 0;
  send(text);
  send(line_end_);
  return answer(platform_.now() + timeout);
}

/// Reads lines up to a final result code. Echo, information and unsolicited lines are passed over.
AtDialogue::Answer AtDialogue::answer(std::uint64_t deadline) {
  while (next_line(deadline)) {
    const std::string_view line(line_.data(), length_);
    length_ = 0;
    line_complete_ = false;
    if (line == "OK") return Answer::Ok;
    if (line == "CONNECT DEBUG") return Answer::ConnectDebug;
    if (line == "CONNECT WIFI") return Answer::ConnectWifi;
    if (starts_with(line, "CONNECT")) return Answer::Connect;
    if (line == "NO CARRIER" || line == "BUSY" || line == "NO DIALTONE" || line == "NO ANSWER")
      return Answer::NoCarrier;
    if (starts_with(line, "+")) {
      information_length_ = line.size();
      std::copy(line.begin(), line.end(), information_.begin());
    }
    if (line == "ERROR" || line == "FAIL" || starts_with(line, "+CME ERROR")) return Answer::Error;
  }
  return Answer::Timeout;
}

/// Takes bytes one by one, so that nothing behind CONNECT is taken from what comes then.
bool AtDialogue::next_line(std::uint64_t deadline) {
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

void AtDialogue::take_character(char character) {
  if (character == '\r' || character == '\n') {
    line_complete_ = length_ != 0;
  } else if (length_ < line_.size()) {
    line_[length_++] = character;
  }
}

void AtDialogue::pause(std::uint64_t microseconds) {
  const std::uint64_t end = platform_.now() + microseconds;
  while (platform_.now() < end) {
    drain();
    platform_.wait(end);
  }
  drain();
}

void AtDialogue::drain() {
  std::array<std::uint8_t, 64> unwanted;
  while (platform_.serial_read(unwanted) != 0) {
  }
  length_ = 0;
  line_complete_ = false;
}

/// A module that never raises CTS loses the rest after a second.
void AtDialogue::send(std::string_view text) {
  const std::uint64_t deadline = platform_.now() + kSeconds;
  std::span<const std::uint8_t> rest(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  while (!rest.empty() && platform_.now() < deadline) {
    const std::size_t taken = platform_.serial_write(rest);
    rest = rest.subspan(taken);
    if (!rest.empty()) platform_.wait(platform_.now() + kMilliseconds);
  }
}

}  // namespace microvisor::firmware::net
