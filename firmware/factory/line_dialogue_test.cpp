// Lines of the station: those that docs/factory.md names are understood, everything else is not.
#include "firmware/factory/line_dialogue.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace microvisor::firmware::factory {
namespace {

struct Listener {
  std::array<std::uint8_t, 8> memory{};
  LineDialogue dialogue{memory};
  Asked say(std::string_view text) {
    Asked last = Asked::Nothing;
    for (const char c : text) last = dialogue.take(static_cast<std::uint8_t>(c));
    return last;
  }
};

TEST(LineDialogue, UnderstandsBothLines) {
  Listener listener;
  EXPECT_EQ(listener.say("MV hello\n"), Asked::Request);
  EXPECT_EQ(listener.say("MV hello\r\n"), Asked::Request);
  EXPECT_EQ(listener.say("MV certificate 00ff10\n"), Asked::Certificate);
  const auto certificate = listener.dialogue.certificate();
  EXPECT_EQ(std::vector<std::uint8_t>(certificate.begin(), certificate.end()),
            (std::vector<std::uint8_t>{0x00, 0xFF, 0x10}));
  EXPECT_EQ(listener.say("MV certificate 0011223344556677\n"), Asked::Certificate) << "as much as fits";
  EXPECT_EQ(listener.dialogue.certificate().size(), 8u);
}

TEST(LineDialogue, RefusesEverythingElseAndGoesOn) {
  Listener listener;
  EXPECT_EQ(listener.say("\n"), Asked::Nothing);
  for (const char* line : {"MV hell\n", "MV hello \n", "mv hello\n", "MV certificate\n", "MV certificate \n",
                           "MV certificate 0\n", "MV certificate 0g\n", "MV certificate AB\n",
                           "MV certificate 001122334455667788\n", "MV certificate\t00\n"}) {
    EXPECT_EQ(listener.say(line), Asked::Unknown) << line;
    EXPECT_EQ(listener.say("MV hello\n"), Asked::Request) << "after " << line;
  }
  EXPECT_EQ(listener.say(std::string(100'000, 'x') + "\n"), Asked::Unknown);
  EXPECT_EQ(listener.say("MV hello\n"), Asked::Request);
}

}  // namespace
}  // namespace microvisor::firmware::factory
