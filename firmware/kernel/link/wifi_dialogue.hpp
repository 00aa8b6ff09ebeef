// What the bearers are brought up with, over the bare serial line: a machine is connected in the modem's
// place and has answered the call with CONNECT WIFI (protocol/LINK.md, "Without a gateway").
//
// Who has this line has the device in his hands, and no more comes of it than the way its packets take: the
// password is never told, and whoever carries packets sees TLS. Lines of text, with names and passwords of
// Wi-Fi in hexadecimal digits. Worker only.
#pragma once

#include <array>
#include <string_view>

#include "firmware/kernel/link/link_host.hpp"
#include "firmware/net/stack.hpp"

namespace microvisor::firmware::link {

class WifiDialogue {
 public:
  static constexpr std::uint64_t kPatience = 10'000'000;  ///< for the next line, microseconds

  WifiDialogue(LinkHost& host, net::Stack& stack) : host_(host), stack_(stack) {}
  /// Until the machine says B or nothing for a while. Blocks. True: it has said something sensible.
  [[nodiscard]] bool run();

 private:
  static constexpr std::size_t kLongest = 2 + 2 * 32 + 1 + 2 * 63;  // S, name and password

  [[nodiscard]] bool next_line();
  [[nodiscard]] bool obey(std::string_view line);
  [[nodiscard]] bool set(std::string_view arguments);
  void tell();
  [[nodiscard]] bool access_point(std::string_view argument);
  void say(std::string_view text);

  LinkHost& host_;
  net::Stack& stack_;
  std::array<char, kLongest> line_{};
  std::size_t length_ = 0;
  bool understood_ = false;
};

}  // namespace microvisor::firmware::link
