// The dialler against modules that answer line by line: slow ones, noisy ones, ones that are in a call, ones
// without SIM.
#include "firmware/net/dialler.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "firmware/net/scripted_module.hpp"

namespace microvisor::firmware::net {
namespace {

/// A module in its ordinary state.
std::string ordinary(const std::string& line) {
  if (line.rfind("AT", 0) != 0) return "";
  if (line == "AT+CPIN?") return "\r\n+CPIN: READY\r\n\r\nOK\r\n";
  if (line == "AT+CEREG?") return "\r\n+CEREG: 0,1\r\n\r\nOK\r\n";
  if (line.rfind("ATD", 0) == 0) return "\r\nCONNECT 115200\r\n";
  return "\r\nOK\r\n";
}

/// The line that defines it.
std::string defined_context(const ScriptedModule& module) {
  for (const std::string& line : module.commands) {
    if (line.rfind("AT+CGDCONT", 0) == 0) return line;
  }
  return "";
}

TEST(Dialler, DialsAnOrdinaryModule) {
  ScriptedModule module;
  module.answer = ordinary;
  Dialler dialler(module);
  EXPECT_EQ(dialler.dial({}), DialResult::Connected);
  EXPECT_EQ(defined_context(module), "AT+CGDCONT=1,\"IP\",\"\"");
  EXPECT_EQ(module.commands.back(), "ATD*99***1#");
}

/// Networks of LTE are attached to with the context's access point, so it is named before one is looked for.
TEST(Dialler, NamesTheAccessPointBeforeItLooksForANetwork) {
  ScriptedModule module;
  module.answer = ordinary;
  Dialler dialler(module);
  const std::string longest(100, 'a');
  for (const std::string& name : {std::string("fleet.example"), longest}) {
    module.commands.clear();
    EXPECT_EQ(dialler.dial(name), DialResult::Connected);
    EXPECT_EQ(defined_context(module), "AT+CGDCONT=1,\"IP\",\"" + name + "\"");
  }
  const auto at = [&](const char* line) {
    return std::find(module.commands.begin(), module.commands.end(), line) - module.commands.begin();
  };
  EXPECT_LT(at(defined_context(module).c_str()), at("AT+CEREG?"));
  EXPECT_LT(at("AT+CEREG?"), at("ATD*99***1#"));
}

/// TS 27.007 section 8.5: 0 is -113 dBm or less, 31 is -51 dBm or more, 99 is not known.
TEST(Dialler, ReadsTheSignal) {
  ScriptedModule module;
  std::string signal;
  module.answer = [&](const std::string& line) { return line == "AT+CSQ" ? signal : ordinary(line); };
  Dialler dialler(module);
  const std::pair<const char*, int> readings[] = {{"+CSQ: 0,99", -113},
                                                  {"+CSQ: 14,0", -85},
                                                  {"+CSQ:31,7", -51},
                                                  {"+CSQ: 99,99", 0},
                                                  {"+CSQ: 32,99", 0},
                                                  {"+CREG: 1", 0},
                                                  {"", 0}};
  for (const auto& [text, dbm] : readings) {
    signal = "\r\n" + std::string(text) + "\r\n\r\nOK\r\n";
    EXPECT_EQ(dialler.dial({}), DialResult::Connected) << text;
    EXPECT_EQ(dialler.reception().dbm, dbm) << text;
    EXPECT_FALSE(dialler.reception().roaming);
  }
  signal = "\r\nERROR\r\n";
  EXPECT_EQ(dialler.dial({}), DialResult::Connected);
  EXPECT_EQ(dialler.reception().dbm, 0);
}

TEST(Dialler, LeavesWhatFollowsConnectToPpp) {
  ScriptedModule module;
  module.answer = [](const std::string& line) {
    return line.rfind("ATD", 0) == 0 ? "\r\nCONNECT\r\n~\xFF}#" : ordinary(line);
  };
  Dialler dialler(module);
  ASSERT_EQ(dialler.dial({}), DialResult::Connected);
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
  ASSERT_EQ(dialler.dial({}), DialResult::Debugger);
  std::array<std::uint8_t, 8> rest{};
  ASSERT_EQ(module.serial_read(rest), 2U);
  EXPECT_EQ(rest[0], 0);
  EXPECT_EQ(rest[1], 5);
  for (const char* other : {"\r\nCONNECT DEBUGGING\r\n", "\r\nCONNECT debug\r\n", "\r\nCONNECT\r\n"}) {
    connected = other;
    EXPECT_EQ(dialler.dial({}), DialResult::Connected) << other;
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
  EXPECT_EQ(dialler.dial({}), DialResult::Connected);
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
  EXPECT_EQ(dialler.dial({}), DialResult::Connected);
  EXPECT_EQ(network, 5);
  EXPECT_TRUE(dialler.reception().roaming);
}

TEST(Dialler, TellsWhatIsMissing) {
  ScriptedModule module;
  Dialler dialler(module);
  module.answer = [](const std::string&) { return ""; };
  EXPECT_EQ(dialler.dial({}), DialResult::NoModem);
  module.answer = [](const std::string& line) {
    return line == "AT+CPIN?" ? "\r\n+CME ERROR: 10\r\n" : ordinary(line);
  };
  EXPECT_EQ(dialler.dial({}), DialResult::NoSim);
  module.answer = [](const std::string& line) {
    return line == "AT+CPIN?" ? "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n" : ordinary(line);
  };
  EXPECT_EQ(dialler.dial({}), DialResult::SimLocked);
  module.answer = [](const std::string& line) {
    return line.find("REG?") != std::string::npos ? "\r\n+CREG: 0,2\r\n\r\nOK\r\n" : ordinary(line);
  };
  EXPECT_EQ(dialler.dial({}), DialResult::NotRegistered);
  module.answer = [](const std::string& line) {
    return line.find("REG?") != std::string::npos ? "\r\n+CREG: 0,3\r\n\r\nOK\r\n" : ordinary(line);
  };
  EXPECT_EQ(dialler.dial({}), DialResult::Denied);
  module.answer = [](const std::string& line) {
    return line.rfind("ATD", 0) == 0 ? "\r\nNO CARRIER\r\n" : ordinary(line);
  };
  EXPECT_EQ(dialler.dial({}), DialResult::Refused);
}

TEST(Dialler, GivesUpOnALineThatTakesNothing) {
  ScriptedModule module;
  module.answer = ordinary;
  module.takes_bytes = false;
  Dialler dialler(module);
  EXPECT_EQ(dialler.dial({}), DialResult::NoModem);
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
  EXPECT_EQ(dialler.dial({}), DialResult::Connected);
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
  EXPECT_EQ(dialler.dial({}), DialResult::Connected);
}

}  // namespace
}  // namespace microvisor::firmware::net
