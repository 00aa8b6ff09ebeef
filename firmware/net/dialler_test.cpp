// The dialler against modules that answer line by line: slow ones, noisy ones, ones that are in a call, ones
// without SIM.
#include "firmware/net/dialler.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace microvisor::firmware::net {
namespace {

/// A module as a table of answers. Time passes only while the dialler waits.
class ScriptedModule final : public Platform {
 public:
  /// Called with each command line (without its end); returns what the module says.
  std::function<std::string(const std::string&)> answer;
  std::vector<std::string> commands;
  bool takes_bytes = true;

  void say(const std::string& text) { output_.insert(output_.end(), text.begin(), text.end()); }

  std::uint64_t now() override { return now_; }
  void wait(std::uint64_t moment) override {
    if (output_.empty())
      now_ = std::max(now_ + 1, moment);
    else
      now_ += 10;
  }
  std::size_t serial_read(std::span<std::uint8_t> into) override {
    std::size_t count = 0;
    for (; count < into.size() && !output_.empty(); ++count) {
      into[count] = static_cast<std::uint8_t>(output_.front());
      output_.pop_front();
    }
    return count;
  }
  std::size_t serial_write(std::span<const std::uint8_t> bytes) override {
    if (!takes_bytes) return 0;
    for (const std::uint8_t byte : bytes) {
      if (byte != '\r') {
        line_ += static_cast<char>(byte);
        continue;
      }
      const std::string line = std::exchange(line_, {});
      if (line.rfind("AT", 0) == 0) commands.push_back(line);
      say(answer(line));
    }
    return bytes.size();
  }
  [[nodiscard]] const std::string& unfinished() const { return line_; }
  void forget_line() { line_.clear(); }

 private:
  std::uint64_t now_ = 0;
  std::deque<char> output_;
  std::string line_;
};

/// A module in its ordinary state.
std::string ordinary(const std::string& line) {
  if (line.rfind("AT", 0) != 0) return "";
  if (line == "AT+CPIN?") return "\r\n+CPIN: READY\r\n\r\nOK\r\n";
  if (line == "AT+CEREG?") return "\r\n+CEREG: 0,1\r\n\r\nOK\r\n";
  if (line.rfind("ATD", 0) == 0) return "\r\nCONNECT 115200\r\n";
  return "\r\nOK\r\n";
}

TEST(Dialler, DialsAnOrdinaryModule) {
  ScriptedModule module;
  module.answer = ordinary;
  Dialler dialler(module, "internet");
  EXPECT_EQ(dialler.dial(), DialResult::Connected);
  ASSERT_GE(module.commands.size(), 2U);
  EXPECT_EQ(module.commands[module.commands.size() - 2], "AT+CGDCONT=1,\"IP\",\"internet\"");
  EXPECT_EQ(module.commands.back(), "ATD*99***1#");
}

TEST(Dialler, LeavesWhatFollowsConnectToPpp) {
  ScriptedModule module;
  module.answer = [](const std::string& line) {
    return line.rfind("ATD", 0) == 0 ? "\r\nCONNECT\r\n~\xFF}#" : ordinary(line);
  };
  Dialler dialler(module);
  ASSERT_EQ(dialler.dial(), DialResult::Connected);
  std::array<std::uint8_t, 16> rest{};
  EXPECT_EQ(module.serial_read(rest),
            5U);  // the line feed behind CONNECT's carriage return, and four bytes of PPP
  EXPECT_EQ(rest[1], '~');
}

/// A developer's machine in the module's place. Its line ends with the carriage return: what follows is the
/// session's.
TEST(Dialler, TellsADebuggerFromANetwork) {
  ScriptedModule module;
  std::string connected;
  module.answer = [&](const std::string& line) {
    return line.rfind("ATD", 0) == 0 ? connected : ordinary(line);
  };
  Dialler dialler(module);
  connected = std::string("\r\nCONNECT DEBUG\r\0\5", 18);
  ASSERT_EQ(dialler.dial(), DialResult::Debugger);
  std::array<std::uint8_t, 8> rest{};
  ASSERT_EQ(module.serial_read(rest), 2U);
  EXPECT_EQ(rest[0], 0);
  EXPECT_EQ(rest[1], 5);
  for (const char* other : {"\r\nCONNECT DEBUGGING\r\n", "\r\nCONNECT debug\r\n", "\r\nCONNECT\r\n"}) {
    connected = other;
    EXPECT_EQ(dialler.dial(), DialResult::Connected) << other;
  }
}

TEST(Dialler, WaitsForAModuleThatBoots) {
  ScriptedModule module;
  int asked = 0;
  module.answer = [&](const std::string& line) -> std::string {
    if (line == "AT" && ++asked < 4) return "";
    return ordinary(line);
  };
  Dialler dialler(module);
  EXPECT_EQ(dialler.dial(), DialResult::Connected);
}

TEST(Dialler, WaitsForSimAndNetwork) {
  ScriptedModule module;
  int sim = 0;
  int network = 0;
  module.answer = [&](const std::string& line) -> std::string {
    if (line == "AT+CPIN?" && ++sim < 3) return "\r\n+CME ERROR: 14\r\n";
    if (line == "AT+CEREG?" && ++network < 5) return "\r\n+CEREG: 0,2\r\n\r\nOK\r\n";
    if (line == "AT+CEREG?") return "\r\n+CEREG: 0,5\r\n\r\nOK\r\n";  // roaming
    return ordinary(line);
  };
  Dialler dialler(module);
  EXPECT_EQ(dialler.dial(), DialResult::Connected);
  EXPECT_EQ(network, 5);
}

TEST(Dialler, TellsWhatIsMissing) {
  ScriptedModule module;
  Dialler dialler(module);
  module.answer = [](const std::string&) { return ""; };
  EXPECT_EQ(dialler.dial(), DialResult::NoModem);
  module.answer = [](const std::string& line) {
    return line == "AT+CPIN?" ? "\r\n+CME ERROR: 10\r\n" : ordinary(line);
  };
  EXPECT_EQ(dialler.dial(), DialResult::NoSim);
  module.answer = [](const std::string& line) {
    return line == "AT+CPIN?" ? "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n" : ordinary(line);
  };
  EXPECT_EQ(dialler.dial(), DialResult::SimLocked);
  module.answer = [](const std::string& line) {
    return line.find("REG?") != std::string::npos ? "\r\n+CREG: 0,2\r\n\r\nOK\r\n" : ordinary(line);
  };
  EXPECT_EQ(dialler.dial(), DialResult::NotRegistered);
  module.answer = [](const std::string& line) {
    return line.find("REG?") != std::string::npos ? "\r\n+CREG: 0,3\r\n\r\nOK\r\n" : ordinary(line);
  };
  EXPECT_EQ(dialler.dial(), DialResult::Denied);
  module.answer = [](const std::string& line) {
    return line.rfind("ATD", 0) == 0 ? "\r\nNO CARRIER\r\n" : ordinary(line);
  };
  EXPECT_EQ(dialler.dial(), DialResult::Refused);
}

TEST(Dialler, GivesUpOnALineThatTakesNothing) {
  ScriptedModule module;
  module.answer = ordinary;
  module.takes_bytes = false;
  Dialler dialler(module);
  EXPECT_EQ(dialler.dial(), DialResult::NoModem);
}

TEST(Dialler, EndsAnOldCallByTheEscapeSequence) {
  ScriptedModule module;
  bool in_call = true;
  module.answer = [&](const std::string& line) -> std::string {
    if (!in_call) return ordinary(line);
    if (module.unfinished().empty() && line == "+++ATH") {  // the escape has no line end of its own
      in_call = false;
      return "\r\nOK\r\n";
    }
    return "";
  };
  Dialler dialler(module);
  EXPECT_EQ(dialler.dial(), DialResult::Connected);
  EXPECT_FALSE(in_call);
}

TEST(Dialler, ReadsPastUnsolicitedLinesAndOverlongOnes) {
  ScriptedModule module;
  module.answer = [](const std::string& line) -> std::string {
    if (line == "AT+CPIN?") {
      return "\r\n+CTZV: 8\r\n\r\n+CPIN: READY\r\n\r\n" + std::string(500, 'x') + "\r\n\r\nOK\r\n";
    }
    return ordinary(line);
  };
  Dialler dialler(module);
  EXPECT_EQ(dialler.dial(), DialResult::Connected);
}

}  // namespace
}  // namespace microvisor::firmware::net
