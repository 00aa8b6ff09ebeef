// The device link from the bearers to the session: brings up what is missing, keeps it up for as long as the
// kernel wants the network, and waits between attempts. No hardware in it: host tests run the same engine
// over modelled modules.
#pragma once

#include "firmware/kernel/link/back_off.hpp"
#include "firmware/kernel/link/direct_session.hpp"
#include "firmware/kernel/link/session.hpp"
#include "firmware/net/bearers.hpp"
#include "firmware/net/stack.hpp"
#include "firmware/net/tls_client.hpp"

namespace microvisor::firmware::link {

class LinkEngine {
 public:
  /// `retained`: memory that outlives a reset of the chip, for the TLS session; may be empty.
  LinkEngine(LinkHost& host, net::Platform& platform, std::span<std::uint8_t> retained = {});

  /// One round: bearer, connection, session until its end, and the wait before the next; or, while the
  /// network is not wanted, a wait for that to change. Blocks.
  void round();

  [[nodiscard]] NetworkStatus status() const { return status_; }
  [[nodiscard]] bool fetching() const { return session_.fetching(); }
  [[nodiscard]] bool backing_off() const { return backing_off_; }
  [[nodiscard]] DirectEnd last_direct_end() const { return last_direct_; }
  [[nodiscard]] SessionEnd last_end() const { return session_.end(); }
  [[nodiscard]] net::TlsResult last_tls() const { return last_tls_; }
  /// What came of the last attempt over that bearer.
  [[nodiscard]] net::DialResult last_dial(net::Bearer bearer) const {
    return last_dial_[static_cast<std::size_t>(bearer)];
  }
  [[nodiscard]] net::TlsClient& tls() { return tls_; }
  [[nodiscard]] net::Stack& stack() { return stack_; }

 private:
  /// TLS as the session's byte stream.
  class TlsTransport final : public Transport {
   public:
    explicit TlsTransport(net::TlsClient& tls) : tls_(tls) {}
    std::size_t read(std::span<std::uint8_t> into) override { return tls_.read(into); }
    bool write(std::span<const std::uint8_t> bytes) override { return tls_.write(bytes); }
    bool flush() override { return tls_.flush(tls_.stack().platform().now() + 10 * net::kSeconds); }
    bool delivered() const override { return tls_.delivered(); }
    bool held_back() const override { return tls_.held_back(); }
    bool ended() const override { return tls_.ended(); }

   private:
    net::TlsClient& tls_;
  };

  /// The bare line, behind CONNECT DEBUG.
  class LineTransport final : public Transport {
   public:
    explicit LineTransport(net::Stack& stack) : stack_(stack) {}
    void begin() { stuck_ = false; }
    std::size_t read(std::span<std::uint8_t> into) override { return stack_.receive(into); }
    bool write(std::span<const std::uint8_t> bytes) override {
      const auto size = static_cast<std::uint32_t>(bytes.size());
      stuck_ = stuck_ || stack_.transmit(bytes.data(), size) != size;
      return !stuck_;
    }
    bool flush() override { return !stuck_; }
    bool delivered() const override { return true; }
    bool ended() const override { return stuck_; }

   private:
    net::Stack& stack_;
    bool stuck_ = false;
  };

  void stay_offline();
  [[nodiscard]] bool firmware_waits();
  void install_firmware(bool proven);
  [[nodiscard]] bool connect();
  [[nodiscard]] bool connect_over(net::Bearer bearer);
  [[nodiscard]] bool bring_up(net::Bearer bearer);
  [[nodiscard]] net::DialResult dial(net::Bearer bearer);
  void take_settings();
  [[nodiscard]] bool other_bearer_waits();
  [[nodiscard]] bool wifi_joins();
  [[nodiscard]] std::uint64_t next_look() const;
  [[nodiscard]] bool connect_on_trial();
  void start_session();
  void run_session();
  void run_direct_session();
  void begin_anew();
  void wait_before_retry();
  [[nodiscard]] std::uint64_t pause();
  void set_status(NetworkStatus status);

  LinkHost& host_;
  net::Platform& platform_;
  net::ApplicationTraffic traffic_;
  net::Stack stack_;
  net::TlsClient tls_;
  TlsTransport transport_;
  LineTransport line_;
  FrameIo io_;
  Session session_;
  BackOff back_off_;
  net::Bearers bearers_;
  static constexpr std::uint32_t kNoSettings = ~0u;
  std::uint32_t wifi_changes_ = kNoSettings;  // as they were when the settings were taken last
  bool has_module_ = false;                   // for Wi-Fi, whether there are credentials or not
  bool leaves_wifi_ = false;                  // its credentials are gone, and the module does not know
  bool own_apn_ = false;                      // the turn is the subscription's, not that of the one set
  bool rung_ = false;                         // somebody waits on the first module's line
  bool moves_ = false;                        // the session was ended for a bearer's sake
  bool installs_ = false;                     // and that for the firmware of its module
  unsigned trial_attempts_ = 0;               // that firmware on trial still has to reach the cloud
  std::uint64_t last_busy_ = 0;
  std::uint64_t attempts_ = 0;      // since the last success
  std::uint32_t calm_ = 0;          // the gateway has asked for, seconds, before the next attempt
  unsigned failures_in_a_row_ = 0;  // of connections over the same bearer
  bool configured_ = false;
  DirectEnd last_direct_ = DirectEnd::None;
  volatile bool backing_off_ = false;
  volatile NetworkStatus status_ = NetworkStatus::DeliberatelyOffline;
  net::TlsResult last_tls_ = net::TlsResult::Connected;
  std::array<net::DialResult, 2> last_dial_{net::DialResult::Connected, net::DialResult::Connected};
};

}  // namespace microvisor::firmware::link
