// What the Wi-Fi module is told and what is read from its answers. The whole of joining is tried over the
// board's model of the module (tests/link).
#include "firmware/net/wifi_module.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

#include "firmware/net/scripted_module.hpp"

namespace microvisor::firmware::net {
namespace {

WifiCredentials credentials_for(std::string_view name) {
  WifiCredentials credentials;
  credentials.ssid_length = static_cast<std::uint8_t>(name.copy(credentials.ssid.data(), name.size()));
  return credentials;
}

/// A module that joins whatever it is told, without a cable.
class WifiModuleDialogue : public ::testing::Test {
 protected:
  WifiModuleDialogue() {
    line.answer = [this](const std::string& text) -> std::string {
      if (text.rfind("AT", 0) != 0) return "";
      if (text == "AT+CIPETH?") return cable;
      if (text == "AT+CWJAP?") return joined;
      if (text.rfind("ATD", 0) == 0) return "\r\nCONNECT\r\n";
      return "\r\nOK\r\n";
    };
  }
  [[nodiscard]] int signal(const std::string& told) {
    joined = "\r\n" + told + "\r\n\r\nOK\r\n";
    EXPECT_EQ(module.dial(credentials_for("workshop")), DialResult::Connected) << told;
    return module.reception().dbm;
  }
  ScriptedModule line;
  std::string cable = "\r\nERROR\r\n";
  std::string joined;
  WifiModule module{line};
};

/// ESP-AT, AT+CWJAP?: <ssid>,<bssid>,<channel>,<rssi>, and what differs between its versions.
TEST_F(WifiModuleDialogue, ReadsTheSignal) {
  const std::string bssid = ",\"ca:d7:19:d8:a6:44\"";
  EXPECT_EQ(signal("+CWJAP:\"workshop\"" + bssid + ",6,-57,0,1,3,0,1"), -57);
  EXPECT_EQ(signal("+CWJAP:\"workshop\"" + bssid + ",13,-104"), -104);
  EXPECT_EQ(signal("+CWJAP:\"a\",6,-1,\"" + bssid + ",6,-60,0,0"), -60) << "a name may have anything in it";
  EXPECT_EQ(signal("+CWJAP:\"" + std::string(32, ',') + "\"" + bssid + ",6,-58,0,1,3,0,1"), -58);
}

TEST_F(WifiModuleDialogue, DoesNotKnowASignalThatIsNone) {
  for (const char* told : {"", "No AP", "+CWJAP:\"a\",\"b\",6", "+CWJAP:\"a\",\"b\",6,0,0",
                           "+CWJAP:\"a\",\"b\",6,31", "+CWJAP:\"a\",\"b\",6,-1000", "+CWJAP:-57"})
    EXPECT_EQ(signal(told), 0) << told;
}

TEST_F(WifiModuleDialogue, ACableHasNoSignal) {
  cable = "\r\n+CIPETH:netmask:255.255.255.0\r\n\r\nOK\r\n";
  EXPECT_EQ(signal("+CWJAP:\"a\",\"b\",6,-57"), 0);
  EXPECT_TRUE(module.reception().cable);
  cable = "\r\nERROR\r\n";
  EXPECT_EQ(signal("+CWJAP:\"a\",\"b\",6,-57"), -57);
  EXPECT_FALSE(module.reception().cable);
}

}  // namespace
}  // namespace microvisor::firmware::net
