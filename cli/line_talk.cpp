// A device answers each line with OK or ERROR, and perhaps a line before that.
#include "cli/line_talk.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "cli/failure.hpp"
#include "cli/interrupt.hpp"

namespace microvisor::cli {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

constexpr auto kAnswerTime = 5s;

}  // namespace

LineTalk::LineTalk(const std::string& port) : line_(port) {
  line_.wait("CONNECT WIFI", [] { return !InterruptGuard::requested(); });
}

LineTalk::~LineTalk() { say("B"); }

std::string LineTalk::ask(const std::string& line) {
  say(line);
  std::string said;
  for (;;) {
    const std::string answer = next_line();
    if (answer == "OK") return said;
    if (answer == "ERROR") throw Failure("the device has refused that");
    said = answer;
  }
}

void LineTalk::say(const std::string& line) {
  const std::string text = line + "\r";
  line_.write({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

std::string LineTalk::next_line() {
  const auto end = Clock::now() + kAnswerTime;
  auto& bytes = line_.bytes();
  while (Clock::now() < end && !line_.ended()) {
    const auto feed = std::find(bytes.begin(), bytes.end(), '\n');
    if (feed == bytes.end()) {
      line_.read(100ms);
      continue;
    }
    std::string line(bytes.begin(), feed);
    bytes.erase(bytes.begin(), feed + 1);
    if (line.ends_with('\r')) line.pop_back();
    return line;
  }
  throw Failure(line_.ended() ? line_.why() : "the device does not answer");
}

}  // namespace microvisor::cli
