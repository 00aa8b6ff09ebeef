// GDB's side against the device's own code for sessions and commands, in one process: what each step of a
// user's costs in exchanges, and that what GDB sees is what the device has.
#include "cli/debug/remote_target.hpp"

#include <gtest/gtest.h>

#include "firmware/debugger/command_runner.hpp"
#include "firmware/debugger/testing/fake_application.hpp"
#include "protocol/debug/openssl_crypto.hpp"
#include "protocol/debug/responder.hpp"

namespace microvisor::cli::debug {
namespace {

using firmware::debugger::testing::FakeApplication;

/// The device, right behind the pipe.
class DevicePipe final : public Pipe {
 public:
  DevicePipe(wire::Crypto& crypto, const wire::StaticKeys& keys, const wire::Prologue& prologue,
             FakeApplication& application)
      : responder_(crypto), application_(application), runner_(application) {
    responder_.allow(keys, prologue);
    EXPECT_TRUE(responder_.open(2, 0));
  }

  bool send(std::span<const std::uint8_t> bytes) override {
    for (; !bytes.empty(); bytes = bytes.subspan(responder_.push(2, bytes, 0))) serve();
    serve();
    return true;
  }
  std::optional<Bytes> receive(std::chrono::milliseconds) override {
    serve();
    if (gone) return std::nullopt;
    return std::exchange(out_, {});
  }
  std::string why() const override { return "gone"; }
  int descriptor() const override { return -1; }

  bool gone = false;

 private:
  void serve() {
    for (bool did = true; did;) {
      did = false;
      if (responder_.session() != session_) {
        session_ = responder_.session();
        application_.attach();
        runner_.start();
      }
      if (const auto output = responder_.output(2); !output.empty()) {
        out_.insert(out_.end(), output.begin(), output.end());
        responder_.sent(2, output.size());
      }
      const auto room = session_ != 0 ? responder_.room() : std::span<std::uint8_t>{};
      if (room.empty()) continue;
      std::size_t size = 0;
      if (const auto message = responder_.message(); !message.empty()) {
        size = runner_.run(message, room);
        responder_.message_done();
        ASSERT_NE(size, 0u);
      } else {
        size = runner_.news(room);
      }
      if (size == 0) continue;
      responder_.send(size);
      did = true;
    }
    if (const auto output = responder_.output(2); !output.empty()) {
      out_.insert(out_.end(), output.begin(), output.end());
      responder_.sent(2, output.size());
    }
  }

  wire::Responder responder_;
  FakeApplication& application_;
  firmware::debugger::CommandRunner runner_;
  std::uint32_t session_ = 0;
  Bytes out_;
};

class RemoteTargetTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(crypto_.generate(device_secret_, device_point_));
    ASSERT_TRUE(crypto_.generate(user_secret_, user_point_));
    pipe_.emplace(crypto_, device_keys_, prologue_, application_);
    session_.emplace(*pipe_, crypto_, user_keys_, prologue_);
    target_.emplace(*session_);
    ASSERT_TRUE(session_->begin());
    ASSERT_TRUE(target_->open());
    ASSERT_TRUE(target_->attach());
  }
  /// Exchanges that `action` costs.
  std::uint64_t cost(const std::function<void()>& action) {
    const std::uint64_t before = session_->statistics().exchanges;
    action();
    return session_->statistics().exchanges - before;
  }
  board::Halt wait_for_halt() {
    for (unsigned i = 0; i < 100; ++i) {
      if (const auto event = target_->poll(std::chrono::milliseconds(0)); event && event->halt)
        return *event->halt;
    }
    ADD_FAILURE() << "no halt";
    return {};
  }

  wire::OpensslCrypto crypto_;
  wire::Scalar device_secret_{}, user_secret_{};
  wire::Point device_point_{}, user_point_{};
  wire::StaticKeys device_keys_{device_secret_, device_point_, user_point_};
  wire::StaticKeys user_keys_{user_secret_, user_point_, device_point_};
  wire::Prologue prologue_{};
  FakeApplication application_;
  std::optional<DevicePipe> pipe_;
  std::optional<DeviceSession> session_;
  std::optional<RemoteTarget> target_;
};

TEST_F(RemoteTargetTest, AttachingHalts) {
  EXPECT_TRUE(application_.attached);
  EXPECT_EQ(target_->read_register(15), (Bytes{0x00, 0x04, 0x00, 0x08}));
}

TEST_F(RemoteTargetTest, AStepIsOneExchangeWithRegistersAndStack) {
  application_.ram[0x1'0000] = 0x5A;
  const std::uint64_t exchanges = cost([&] {
    target_->go_on(true);
    const board::Halt halt = wait_for_halt();
    EXPECT_EQ(halt.reason, board::HaltReason::Step);
    EXPECT_EQ(halt.pc, 0x0800'0402u);
    for (unsigned i = 0; i < target_->register_count(); ++i) static_cast<void>(target_->read_register(i));
    EXPECT_EQ(target_->read_memory(0x2001'0000, 16)[0], 0x5A);
    EXPECT_EQ(target_->read_memory(0x2001'0200, 64).size(), 64u);
  });
  EXPECT_EQ(exchanges, 1u);
}

TEST_F(RemoteTargetTest, MemoryIsFetchedOnceWhileHalted) {
  EXPECT_EQ(cost([&] { static_cast<void>(target_->read_memory(0x2000'1000, 4)); }), 1u);
  EXPECT_EQ(cost([&] { static_cast<void>(target_->read_memory(0x2000'1004, 200)); }), 0u);
  application_.ram[0x1000] = 7;
  EXPECT_EQ(target_->read_memory(0x2000'1000, 1)[0], 0) << "it stands still, as far as GDB knows";
  target_->go_on(true);
  (void)wait_for_halt();
  EXPECT_EQ(cost([&] { EXPECT_EQ(target_->read_memory(0x2000'1000, 1)[0], 7); }), 1u);
}

TEST_F(RemoteTargetTest, WritesAndBreakpointsTravelWithWhatLetsTheApplicationGoOn) {
  const std::uint64_t exchanges = cost([&] {
    EXPECT_TRUE(target_->write_memory(0x2000'0100, Bytes{1, 2, 3}));
    EXPECT_TRUE(target_->write_register(4, Bytes{9, 0, 0, 0}));
    target_->set_breakpoint(0x0800'1235);
    target_->add_watch({.address = 0x2000'0002, .size = 6, .reads = false, .writes = true});
    EXPECT_EQ(target_->read_memory(0x2001'0000, 4).size(), 4u);  // the stack is here already
    target_->go_on(false);
    (void)wait_for_halt();
  });
  EXPECT_LE(exchanges, 2u);
  EXPECT_EQ(application_.ram[0x101], 2);
  EXPECT_EQ(application_.registers[4], 9u);
  EXPECT_EQ(application_.breakpoints, (std::vector<std::uint32_t>{0x0800'1234}));
  const wire::Watchpoint first{.address = 0x2000'0002, .size = 2, .access = wire::Watchpoint::kWrite};
  const wire::Watchpoint second{.address = 0x2000'0004, .size = 4, .access = wire::Watchpoint::kWrite};
  EXPECT_EQ(application_.watchpoints, (std::vector<wire::Watchpoint>{first, second}));
}

TEST_F(RemoteTargetTest, TakesAsManyBreakpointsAndWatchpointsAsTheDevice) {
  for (std::uint32_t i = 0; i < wire::kMaximumBreakpoints; ++i) {
    ASSERT_TRUE(target_->takes_breakpoint(0x0800'0400 + 2 * i));
    target_->set_breakpoint(0x0800'0400 + 2 * i);
  }
  EXPECT_FALSE(target_->takes_breakpoint(0x0800'1000));
  EXPECT_TRUE(target_->takes_breakpoint(0x0800'0401)) << "is there already";
  const board::Watch six{.address = 0x2000'0002, .size = 6, .reads = false, .writes = true};
  const board::Watch twelve{.address = 0x2000'0000, .size = 12, .reads = false, .writes = true};
  EXPECT_TRUE(target_->takes_watch(twelve));
  target_->add_watch(six);  // two comparators
  EXPECT_TRUE(target_->takes_watch(six));
  EXPECT_FALSE(target_->takes_watch(twelve)) << "three more";
}

/// A command of the service's restarts it while GDB takes it to be halted.
TEST_F(RemoteTargetTest, WhatHasBegunAnewBehindGdbsBackIsHaltedByAStep) {
  EXPECT_TRUE(target_->write_register(4, Bytes{9, 0, 0, 0}));
  application_.run_state = firmware::debugger::RunState::Runs;
  application_.runs_on = true;
  ++application_.start_count;
  const auto event = target_->poll(std::chrono::milliseconds(0));
  ASSERT_TRUE(event);
  EXPECT_NE(event->text.find("started anew"), std::string::npos);
  target_->set_breakpoint(0x0800'1234);
  target_->go_on(true);
  EXPECT_EQ(wait_for_halt().reason, board::HaltReason::Request);
  EXPECT_EQ(application_.registers[4], 0u) << "meant for the one before";
  EXPECT_EQ(application_.breakpoints, (std::vector<std::uint32_t>{0x0800'1234}));
}

TEST_F(RemoteTargetTest, WhatIsNotTheApplicationsIsNotAskedFor) {
  const std::uint32_t before = application_.reads;
  EXPECT_TRUE(target_->read_memory(0x3000'0000, 4).empty());
  EXPECT_TRUE(target_->read_memory(0x0C00'0000, 4).empty());
  EXPECT_FALSE(target_->write_memory(0x3000'0000, Bytes{1}));
  EXPECT_EQ(application_.reads, before);
}

TEST_F(RemoteTargetTest, MemoryEndsWhereItEnds) {
  EXPECT_EQ(target_->read_memory(0x2007'FFF0, 64).size(), 16u);
}

TEST_F(RemoteTargetTest, FaultsHaveSignals) {
  application_.runs_on = true;
  target_->go_on(false);
  application_.stop.fault_status = 1u << 16;
  application_.stop_for(wire::StopReason::Fault);
  EXPECT_EQ(wait_for_halt().signal, 4u) << "SIGILL";
}

TEST_F(RemoteTargetTest, WhatTheDeviceDoesNotHaveIsToldInsteadOfWaitedFor) {
  application_.has_watchpoints = false;
  const board::Watch watch{.address = 0x2000'0000, .size = 4, .reads = false, .writes = true};
  target_->add_watch(watch);
  target_->go_on(false);
  std::optional<TargetEvent> event;
  for (unsigned i = 0; i < 3 && !event; ++i) event = target_->poll(std::chrono::milliseconds(0));
  ASSERT_TRUE(event && event->halt) << "the application has not gone on, and GDB is answered";
  EXPECT_EQ(event->halt->pc, 0x0800'0400u);
  EXPECT_NE(event->text.find("watchpoints"), std::string::npos);
  EXPECT_FALSE(event->over);
  target_->remove_watch(watch);
  target_->go_on(true);
  EXPECT_EQ(wait_for_halt().pc, 0x0800'0402u);
}

TEST_F(RemoteTargetTest, LeavingWhileTheApplicationRunsIsNoFailure) {
  application_.runs_on = true;
  target_->go_on(false);
  target_->release();
  EXPECT_FALSE(target_->poll(std::chrono::milliseconds(0)));
  EXPECT_EQ(application_.run_state, firmware::debugger::RunState::Runs);
}

/// Ctrl-C, and the connection breaks before the application has halted.
TEST_F(RemoteTargetTest, AHaltThatComesWhenGdbHasLeftIsNotLeftStanding) {
  application_.runs_on = true;
  target_->go_on(false);
  target_->release();
  application_.stop_for(wire::StopReason::Halt);
  for (unsigned i = 0; i < 3; ++i) {
    const auto event = target_->poll(std::chrono::milliseconds(0));
    EXPECT_FALSE(event && (event->halt || event->over));
  }
  EXPECT_EQ(application_.run_state, firmware::debugger::RunState::Runs);
  ASSERT_TRUE(target_->attach());
  EXPECT_EQ(application_.run_state, firmware::debugger::RunState::Halted) << "the next one has it halted";
}

/// Ctrl-C that meets a stop is answered by the same stop again.
TEST_F(RemoteTargetTest, AStopOfTheTimeBeforeItWentOnIsNone) {
  target_->halt();
  application_.runs_on = true;
  target_->go_on(false);
  for (unsigned i = 0; i < 3; ++i) EXPECT_FALSE(target_->poll(std::chrono::milliseconds(0)));
  application_.stop_for(wire::StopReason::Breakpoint);
  EXPECT_EQ(wait_for_halt().reason, board::HaltReason::Breakpoint);
}

TEST_F(RemoteTargetTest, TheEndOfThePipeIsTheEnd) {
  pipe_->gone = true;
  std::optional<TargetEvent> event;
  for (unsigned i = 0; i < 3 && !(event && event->over); ++i)
    event = target_->poll(std::chrono::milliseconds(0));
  ASSERT_TRUE(event && event->over);
  EXPECT_EQ(event->text, "gone\n");
  EXPECT_TRUE(target_->read_memory(0x2000'2000, 4).empty());
}

}  // namespace
}  // namespace microvisor::cli::debug
