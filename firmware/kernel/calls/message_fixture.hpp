// An application with one channel that carries messages, and the service at its other end, which speaks the
// generated code's Protocol Buffers.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>

#include "firmware/kernel/resident/calls.hpp"
#include "firmware/kernel/resident/fake_application.hpp"
#include "firmware/kernel/resident/services.hpp"
#include "protocol/channel.pb.h"

namespace microvisor::firmware::kernel {

class MessageTest : public testing::Test {
 protected:
  static constexpr Address kRing = FakeApplication::kRam + 0x100;
  static constexpr Address kReceive = FakeApplication::kRam + 0x2000;
  static constexpr Address kSend = FakeApplication::kRam + 0x4000;
  static constexpr Address kThings = FakeApplication::kRam + 0x8000;  // of place()
  static constexpr Address kNowhere = 0x3008'0000;                    // Microvisor's RAM
  static constexpr std::uint32_t kLine = 45;

  explicit MessageTest(abi::ChannelType type) : type_(type) {}

  void SetUp() override {
    services() = Services{};
    services().reset_application(99);
    services().link_status = abi::NetworkStatus::CONNECTED;
    EXPECT_EQ(call(abi::Gate::SetupNotifications, place(abi::NotificationSetup{kLine, kRing, 1024}), out()),
              abi::Status::OKAY);
    centre_ = told<abi::NotificationHandle>();
    EXPECT_EQ(call(abi::Gate::RequestNetwork, place(abi::RequestNetworkParams{1, centre_, 5}), out()),
              abi::Status::OKAY);
    network_ = told<abi::NetworkHandle>();
  }
  void TearDown() override { EXPECT_LE(app.largest_copy, 1024U); }

  abi::Status call(abi::Gate gate, std::uint32_t r0 = 0, std::uint32_t r1 = 0, std::uint32_t r2 = 0,
                   std::uint32_t r3 = 0) {
    for (traps = 1; traps < 500; ++traps) {
      caller = {{{r0, r1, r2, r3}}, 0x2000'7000, 0x0800'0101, 0};
      const abi::Status status = perform_call(static_cast<unsigned>(gate), false);
      if (status != kAgain) return status;
      if (between_traps) between_traps();
    }
    return kAgain;
  }

  // Things of the application's, one behind the other.
  template <typename T>
  Address place(const T& value) {
    const Address at = reserve(sizeof value);
    app.write(at, value);
    return at;
  }
  abi::SizedString text(const std::string& content) {
    const Address at = reserve(content.size());
    app.write_text(at, content);
    return {at, static_cast<std::uint32_t>(content.size())};
  }
  Address reserve(std::size_t size) {
    const Address at = next_thing_;
    next_thing_ += static_cast<Address>((size + 7) / 8 * 8);
    EXPECT_LE(next_thing_, FakeApplication::kRam + FakeApplication::kRamSize);
    return at;
  }
  Address out() { return out_ = reserve(64); }
  template <typename T>
  T told() {
    return app.read<T>(out_);
  }
  std::string bytes(Address at, std::size_t size) {
    return {reinterpret_cast<const char*>(app.at(at)), size};
  }

  void open(std::uint32_t receive = 2048, std::uint32_t send = 1024) {
    const Address params = place(abi::OpenChannelParams{
        1, centre_, 7, network_, kReceive, receive, kSend, send, type_, {kReceive, 0}});
    ASSERT_EQ(call(abi::Gate::OpenChannel, params, out()), abi::Status::OKAY);
    channel = told<abi::ChannelHandle>();
    slot = channel & 63;
  }

  // The service's end.
  /// Whatever waits in the send buffer.
  std::string sent() {
    std::string all(8192, 0);
    all.resize(services().channels.take_sent(slot, {reinterpret_cast<std::uint8_t*>(all.data()), all.size()},
                                             services().notifications, app.now));
    return all;
  }
  /// The one message that waits there.
  template <typename Message>
  Message sent(channel::Kind kind) {
    const std::string all = sent();
    Message message;
    EXPECT_GE(all.size(), 4U);
    if (all.size() < 4) return message;
    EXPECT_EQ(static_cast<std::uint8_t>(all[3]), kind);
    EXPECT_EQ(static_cast<std::uint8_t>(all[0]) + 256U * static_cast<std::uint8_t>(all[1]), all.size() - 4);
    EXPECT_TRUE(message.ParseFromString(all.substr(4)));
    return message;
  }
  static std::string framed(channel::Kind kind, const std::string& content) {
    const std::size_t size = content.size();
    return std::string{static_cast<char>(size), static_cast<char>(size >> 8), static_cast<char>(size >> 16),
                       static_cast<char>(kind)} +
           content;
  }
  void deliver_bytes(const std::string& wire) {
    services().channels.received(slot, {reinterpret_cast<const std::uint8_t*>(wire.data()), wire.size()},
                                 services().notifications, app.now);
    while (services().channels.announce(slot, services().notifications, app.now)) {
    }
  }
  template <typename Message>
  void deliver(channel::Kind kind, const Message& message) {
    deliver_bytes(framed(kind, message.SerializeAsString()));
  }
  /// Records of this type so far, also those that were held back.
  std::size_t events(abi::EventType type) {
    do {
      app.now += Notifications::kPatience;
    } while (services().notifications.pump(app.now));
    std::size_t count = 0;
    for (unsigned i = 0; i < 64; ++i)
      count += app.read<abi::Notification>(kRing + 16 * i).event_type == type ? 1 : 0;
    return count;
  }
  void lose_connection() {
    services().channels.ended(slot, abi::ClosureReason::NETWORKDISCONNECTED, services().notifications,
                              app.now);
  }

  FakeApplication app;
  abi::ChannelHandle channel = 0;
  unsigned slot = 0;
  unsigned traps = 0;  // of the last call
  std::function<void()> between_traps;
  abi::NotificationHandle centre_ = 0;
  abi::NetworkHandle network_ = 0;
  Address next_thing_ = kThings;

 private:
  abi::ChannelType type_;
  Address out_ = 0;
};

}  // namespace microvisor::firmware::kernel
