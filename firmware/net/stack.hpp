// The IP stack of the kernel: lwIP over PPP over a module's serial line, whichever bearer that is.
//
// One instance exists, because lwIP is a set of global variables. Everything runs in the worker: poll() moves
// bytes and timers on, and every function that waits calls it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "firmware/net/application_traffic.hpp"
#include "firmware/net/carrier_watch.hpp"
#include "firmware/net/dialler.hpp"
#include "firmware/net/platform.hpp"
#include "firmware/net/wifi_module.hpp"

struct pbuf;

namespace microvisor::firmware::net {

class Stack {
 public:
  /// Initialises lwIP.
  explicit Stack(Platform& platform);
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  /// Dials and negotiates PPP. Blocks. Connected: IP packets can be sent; Debugger and Settings: the line is
  /// not the stack's until the next call, and none of its bytes are taken. An empty `apn` is the
  /// subscription's own.
  [[nodiscard]] DialResult bring_up_cellular(std::string_view apn);
  [[nodiscard]] DialResult bring_up_wifi(const WifiCredentials& wifi);
  /// Ends PPP in good order, within a few seconds. The dialler finds the module in command mode next time.
  void hang_up();
  [[nodiscard]] bool up() const { return up_; }
  /// The one that was brought up last.
  [[nodiscard]] Bearer bearer() const { return bearer_; }
  /// What its module has said of it then.
  [[nodiscard]] const Reception& reception() const {
    return bearer_ == Bearer::Wifi ? wifi_.reception() : dialler_.reception();
  }
  /// Has the Wi-Fi module join beside a call of the other module, which is held off meanwhile and goes on
  /// after it. Blocks.
  [[nodiscard]] DialResult join_beside(const WifiCredentials& wifi);
  /// The Wi-Fi module, whose line is the stack's until it is brought up again. Only when it is not up.
  [[nodiscard]] WifiModule& take_wifi_module() {
    platform_.select_line(Bearer::Wifi);
    return wifi_;
  }
  /// What is known of its firmware.
  [[nodiscard]] const ModuleState& module_firmware() const { return wifi_.firmware(); }
  /// Has the Wi-Fi module leave its access point. Not while it carries the packets.
  void leave_wifi();

  /// Feeds received bytes to PPP and runs what timers are due. True if bytes were received.
  bool poll();
  /// poll(), then waits until `moment`, a timer of the stack or bytes on the line, then poll() again.
  void wait(std::uint64_t moment);
  [[nodiscard]] Platform& platform() { return platform_; }

  /// Bytes from the line while PPP has it not.
  [[nodiscard]] std::size_t receive(std::span<std::uint8_t> into);
  /// Bytes to the line as they are, for PPP's callback and for who has the line without PPP. Waits for room;
  /// fewer than `size`: the line takes nothing.
  [[nodiscard]] std::uint32_t transmit(const std::uint8_t* bytes, std::uint32_t size);
  /// PPP's callback.
  void link_status(int error);

  /// The application's packets share the bearer from now on; `traffic` must outlive the stack.
  void share_with(ApplicationTraffic& traffic) { traffic_ = &traffic; }
  /// lwIP's hook: a packet that has come. True: it was the application's, and is no concern of lwIP's.
  [[nodiscard]] bool is_application_packet(const pbuf* packet);

 private:
  void take_line(Bearer bearer);
  [[nodiscard]] DialResult negotiate(DialResult dialled);
  void tell_bearer();
  [[nodiscard]] bool carry();

  Platform& platform_;
  Dialler dialler_;
  ApplicationTraffic* traffic_ = nullptr;
  WifiModule wifi_;
  CarrierWatch carrier_;
  Bearer bearer_ = Bearer::Cellular;
  bool data_mode_ = false;  // the line carries PPP
  bool up_ = false;
  bool ended_ = true;  // PPP has said that it is over
};

}  // namespace microvisor::firmware::net
