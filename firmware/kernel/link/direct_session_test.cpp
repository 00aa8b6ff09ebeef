// Debug sessions over the bare line: the machine's frames by hand, its half of the session by the code that a
// developer's machine runs, and everything that is refused because nobody there has proven anything.
#include "firmware/kernel/link/direct_session.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <vector>

#include "firmware/debugger/testing/fake_application.hpp"
#include "protocol/debug/openssl_crypto.hpp"
#include "protocol/debug/requester.hpp"

namespace microvisor::firmware::link {
namespace {

namespace wire = protocol::debug;
using Bytes = std::vector<std::uint8_t>;

constexpr std::uint64_t kSecond = 1'000'000;

/// The kernel of a device on the bench. All that a gateway may ask for ends the process: a direct session
/// asks the kernel for nothing of it.
class BenchHost final : public LinkHost {
 public:
  explicit BenchHost(wire::Crypto& crypto) : crypto_(crypto) {}

  bool wanted = true;
  DebugAdmission admission;
  bool attached = false;
  debugger::testing::FakeApplication application;

  bool network_wanted() override { return wanted; }
  std::uint64_t wish_changes_at() override { return ~std::uint64_t{0}; }
  DebugAdmission debug_admission() override { return admission; }
  debugger::Application& debugged_application() override { return application; }
  wire::Crypto& debug_crypto() override { return crypto_; }
  void debugger_attached(bool is) override { attached = is; }
  std::optional<wire::EndReason> reset_is_near() override { return std::nullopt; }

  const vault::Identity& identity() override { std::abort(); }
  const vault::TrustAnchors& anchors() override { std::abort(); }
  vault::LayerKeys layer_keys() override { std::abort(); }
  manifest::KeysError change_keys(std::span<const std::uint8_t>) override { std::abort(); }
  update::Updater& updater() override { std::abort(); }
  upgrader::KernelUpdater& kernel_updater() override { std::abort(); }
  DeviceFacts facts() override { std::abort(); }
  protocol::BootEvidence boot_evidence() override { std::abort(); }
  void gateway_reached() override { std::abort(); }
  void network_status_changed(NetworkStatus) override { std::abort(); }
  void settled() override { std::abort(); }
  void wall_time_received(std::uint64_t) override { std::abort(); }
  void logging_allowed(bool) override { std::abort(); }
  void endpoints_known(std::span<const std::uint32_t>) override { std::abort(); }
  void restart_application() override { std::abort(); }
  void install_update() override { std::abort(); }
  void withdraw_update() override { std::abort(); }
  bool take_log_record(LogRecord&) override { std::abort(); }
  bool take_event(DeviceEvent&) override { std::abort(); }
  std::uint32_t crash_report_size() override { std::abort(); }
  crypto::Digest crash_report_hash() override { std::abort(); }
  bool crash_report_read(std::uint32_t, std::span<std::uint8_t>) override { std::abort(); }
  void crash_report_delivered() override { std::abort(); }
  Channel channel(unsigned) override { std::abort(); }
  std::size_t channel_read(unsigned, std::span<std::uint8_t>) override { std::abort(); }
  std::size_t channel_space(unsigned) override { std::abort(); }
  void channel_received(unsigned, std::span<const std::uint8_t>) override { std::abort(); }
  void channel_ended(unsigned, ChannelEnd) override { std::abort(); }
  void channel_released(unsigned) override { std::abort(); }

 private:
  wire::Crypto& crypto_;
};

/// One end of a line without errors.
class Line final : public Transport {
 public:
  std::size_t read(std::span<std::uint8_t> into) override {
    std::size_t count = 0;
    for (; count < into.size() && !input.empty(); ++count) {
      into[count] = input.front();
      input.pop_front();
    }
    return count;
  }
  bool write(std::span<const std::uint8_t> bytes) override {
    if (stuck) return false;
    if (other != nullptr) other->input.insert(other->input.end(), bytes.begin(), bytes.end());
    return true;
  }
  bool flush() override { return true; }
  bool delivered() const override { return true; }
  [[nodiscard]] bool ended() const override { return stuck; }

  std::deque<std::uint8_t> input;
  Line* other = nullptr;
  bool stuck = false;
};

class DirectSessionTest : public ::testing::Test {
 protected:
  DirectSessionTest() {
    device_line.other = &machine_line;
    machine_line.other = &device_line;
    EXPECT_TRUE(crypto.generate(machine_secret, machine_point));
    EXPECT_TRUE(crypto.generate(device_secret, device_point));
    host.admission = {.refusal = DebugRefusal::None, .parties = &parties};
    direct.start(now);
  }

  /// The device goes on until it has nothing to do.
  void run() {
    while (direct.end() == DirectEnd::None && direct.step(now)) {
    }
  }
  void open(std::uint32_t stream, microvisor_link_Service service = microvisor_link_Service_SERVICE_DEBUG) {
    auto& message = machine_io.begin(stream, microvisor_link_Frame_open_tag).kind.open;
    message.service = service;
    message.credit = 4096;
    ASSERT_TRUE(machine_io.send());
    run();
  }
  void send(std::uint32_t kind, std::uint32_t stream) {
    static_cast<void>(machine_io.begin(stream, static_cast<pb_size_t>(kind)));
    ASSERT_TRUE(machine_io.send());
    run();
  }
  /// What the requester has to say, as data, and what the device answers.
  void talk(wire::Requester& requester, std::uint32_t stream) {
    const auto output = requester.output();
    ASSERT_TRUE(machine_io.send_data(stream, output));
    requester.sent(output.size());
    run();
    while (machine_io.receive() == Received::Complete) {
      const Frame& frame = machine_io.in();
      if (frame.which_kind == microvisor_link_Frame_close_tag) closed = frame.kind.close.error;
      if (frame.which_kind != microvisor_link_Frame_data_tag || frame.stream != stream) continue;
      std::span<const std::uint8_t> rest(frame.kind.data.bytes, frame.kind.data.size);
      while (!rest.empty()) {
        rest = rest.subspan(requester.push(rest));
        if (requester.message().empty()) continue;
        ++messages;
        requester.message_done();
      }
    }
  }
  /// A session of the key's owner on this stream; the application is halted.
  void begin_session(wire::Requester& requester, std::uint32_t stream) {
    open(stream);
    ASSERT_TRUE(requester.start());
    talk(requester, stream);
    ASSERT_TRUE(requester.open());
    std::array<std::uint8_t, 64> room{};
    wire::Writer writer(room);
    ASSERT_TRUE(writer.put(wire::Command{.opcode = wire::Opcode::Halt}));
    ASSERT_TRUE(requester.send(std::span(room).first(writer.size())));
    host.application.stop_for(wire::StopReason::Halt);
    talk(requester, stream);
    ASSERT_TRUE(direct.stood());
    ASSERT_TRUE(host.attached);
    ASSERT_NE(messages, 0U) << "the device has answered";
  }
  void expect_let_go() {
    direct.finish();
    EXPECT_FALSE(host.attached);
    EXPECT_FALSE(host.application.attached);
    EXPECT_EQ(host.application.run_state, debugger::RunState::Runs);
  }

  wire::OpensslCrypto crypto;
  wire::Scalar machine_secret{}, device_secret{};
  wire::Point machine_point{}, device_point{};
  const wire::Prologue prologue{};
  const DebugParties parties{.keys = {device_secret, device_point, machine_point}, .prologue = prologue};
  const wire::StaticKeys machine_keys{machine_secret, machine_point, device_point};
  BenchHost host{crypto};
  Line device_line, machine_line;
  FrameIo io{device_line}, machine_io{machine_line};
  DebugStreams streams{host};
  DirectSession direct{host, io, streams};
  std::uint64_t now = 5 * kSecond;
  std::optional<microvisor_link_StreamError> closed;
  unsigned messages = 0;  // that the machine has verified
};

TEST_F(DirectSessionTest, IsASessionAndEndsWithItsStream) {
  wire::Requester requester(crypto, machine_keys, prologue);
  begin_session(requester, 2);
  now += 40 * kSecond;
  run();
  EXPECT_EQ(direct.end(), DirectEnd::None) << "with a session there is no hurry";
  send(microvisor_link_Frame_close_tag, 2);
  EXPECT_EQ(direct.end(), DirectEnd::Finished);
  expect_let_go();
}

TEST_F(DirectSessionTest, AMachineThatIsGoneEndsItByItsSilence) {
  wire::Requester requester(crypto, machine_keys, prologue);
  begin_session(requester, 2);
  now += wire::Responder::kSilenceMilliseconds * 1'000;
  run();
  EXPECT_EQ(direct.end(), DirectEnd::Finished);
  expect_let_go();
}

TEST_F(DirectSessionTest, RefusesEverythingOfAGateway) {
  for (const std::uint32_t kind :
       {microvisor_link_Frame_welcome_tag, microvisor_link_Frame_ping_tag, microvisor_link_Frame_target_tag,
        microvisor_link_Frame_settings_tag, microvisor_link_Frame_restart_app_tag,
        microvisor_link_Frame_goodbye_tag, microvisor_link_Frame_new_keys_tag,
        microvisor_link_Frame_kernel_target_tag, microvisor_link_Frame_hello_tag,
        microvisor_link_Frame_encoded_tag}) {
    DirectSession another(host, io, streams);
    another.start(now);
    static_cast<void>(machine_io.begin(0, static_cast<pb_size_t>(kind)));
    ASSERT_TRUE(machine_io.send());
    EXPECT_FALSE(another.step(now));
    EXPECT_EQ(another.end(), DirectEnd::Protocol) << kind;
  }
}

TEST_F(DirectSessionTest, EvenInTheMiddleOfASession) {
  wire::Requester requester(crypto, machine_keys, prologue);
  begin_session(requester, 2);
  send(microvisor_link_Frame_restart_app_tag, 0);
  EXPECT_EQ(direct.end(), DirectEnd::Protocol);
  expect_let_go();
}

TEST_F(DirectSessionTest, RefusesStreamsOfOtherServicesAndNumbers) {
  const auto end_of = [&](std::uint32_t stream, microvisor_link_Service service) {
    DirectSession another(host, io, streams);
    another.start(now);
    auto& message = machine_io.begin(stream, microvisor_link_Frame_open_tag).kind.open;
    message.service = service;
    EXPECT_TRUE(machine_io.send());
    static_cast<void>(another.step(now));
    another.finish();
    return another.end();
  };
  for (const auto service : {microvisor_link_Service_SERVICE_NONE, microvisor_link_Service_SERVICE_FETCH,
                             microvisor_link_Service_SERVICE_LOG, microvisor_link_Service_SERVICE_CHANNEL,
                             microvisor_link_Service_SERVICE_CRASH_REPORT}) {
    EXPECT_EQ(end_of(2, service), DirectEnd::Protocol) << service;
  }
  EXPECT_EQ(end_of(3, microvisor_link_Service_SERVICE_DEBUG), DirectEnd::Protocol) << "odd";
  EXPECT_EQ(end_of(0, microvisor_link_Service_SERVICE_DEBUG), DirectEnd::Protocol) << "control";
  EXPECT_EQ(end_of(2, microvisor_link_Service_SERVICE_DEBUG), DirectEnd::None);
}

TEST_F(DirectSessionTest, ANumberIsUsedOnce) {
  open(4);
  ASSERT_EQ(direct.end(), DirectEnd::None);
  open(4);
  EXPECT_EQ(direct.end(), DirectEnd::Protocol);
}

/// PPP, as it comes from a network that says CONNECT DEBUG (RFC 1662: flag, address, control, LCP).
TEST_F(DirectSessionTest, EndsWhenItIsNoFrames) {
  const Bytes ppp{0x7E, 0xFF, 0x7D, 0x23, 0xC0, 0x21, 0x7D, 0x21};
  device_line.input.assign(ppp.begin(), ppp.end());
  run();
  EXPECT_EQ(direct.end(), DirectEnd::Protocol);
}

/// What a command sends first: whatever was half said before, zeros are the end of it.
TEST_F(DirectSessionTest, ZerosEndASessionInWhateverStateItIs) {
  wire::Requester requester(crypto, machine_keys, prologue);
  begin_session(requester, 2);
  const Bytes cut{0x04, 0x08, 0x08, 0x02, 0x8A, 0x01, 0x80, 0x08};  // the first bytes of a frame of 1032
  device_line.input.assign(cut.begin(), cut.end());
  run();
  EXPECT_EQ(direct.end(), DirectEnd::None);
  device_line.input.insert(device_line.input.end(), kMaximumFrame + 2, 0);
  run();
  EXPECT_NE(direct.end(), DirectEnd::None);
  expect_let_go();
}

TEST_F(DirectSessionTest, EndsWithoutASessionInTime) {
  now += DirectSession::kPatience - 1;
  run();
  EXPECT_EQ(direct.end(), DirectEnd::None);
  EXPECT_EQ(direct.next_deadline(now), now + 1);
  ++now;
  run();
  EXPECT_EQ(direct.end(), DirectEnd::NoSession);
}

/// A line that opens one stream after the other and never proves anything.
TEST_F(DirectSessionTest, StreamsAloneAreNoSession) {
  open(2);
  now += DirectSession::kPatience - 1 * kSecond;
  open(4);  // the first is being given up just now
  EXPECT_FALSE(direct.stood());
  now += 1 * kSecond;
  run();
  EXPECT_NE(direct.end(), DirectEnd::None);
  expect_let_go();
}

TEST_F(DirectSessionTest, AnotherKeyIsToldAndEndsIt) {
  wire::Scalar other_secret{};
  wire::Point other_point{};
  ASSERT_TRUE(crypto.generate(other_secret, other_point));
  const wire::StaticKeys others{other_secret, other_point, device_point};
  wire::Requester requester(crypto, others, prologue);
  open(2);
  ASSERT_TRUE(requester.start());
  talk(requester, 2);
  EXPECT_EQ(closed, microvisor_link_StreamError_STREAM_ERROR_AUTHENTICATION);
  EXPECT_EQ(direct.end(), DirectEnd::Finished);
  EXPECT_FALSE(direct.stood());
  EXPECT_FALSE(host.application.attached);
}

TEST_F(DirectSessionTest, ARefusalIsToldAndEndsIt) {
  host.admission = {.refusal = DebugRefusal::ProtectionLevel, .parties = nullptr};
  open(2);
  ASSERT_EQ(machine_io.receive(), Received::Complete);
  EXPECT_EQ(machine_io.in().kind.close.error, microvisor_link_StreamError_STREAM_ERROR_PROTECTION_LEVEL);
  EXPECT_EQ(direct.end(), DirectEnd::Finished);
}

TEST_F(DirectSessionTest, MoreThanTheCreditEndsIt) {
  open(2);
  const Bytes record{0x07, 0xFF};  // of 2047 bytes, which are not to come
  ASSERT_TRUE(machine_io.send_data(2, record));
  const Bytes much(1024, 0x5A);
  for (int times = 0; times < 3; ++times) ASSERT_TRUE(machine_io.send_data(2, much));
  run();
  EXPECT_EQ(direct.end(), DirectEnd::Protocol);
}

TEST_F(DirectSessionTest, EndsWithTheLineAndWithTheWish) {
  device_line.stuck = true;
  open(2);
  EXPECT_EQ(direct.end(), DirectEnd::Lost);
  DirectSession another(host, io, streams);
  another.start(now);
  host.wanted = false;
  static_cast<void>(another.step(now));
  EXPECT_EQ(another.end(), DirectEnd::NotWanted);
}

}  // namespace
}  // namespace microvisor::firmware::link
