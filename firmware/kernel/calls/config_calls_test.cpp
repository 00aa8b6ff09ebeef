// Configuration calls: keys as the service gets them, values as the application reads them.
#include "firmware/kernel/calls/message_fixture.hpp"

namespace microvisor::firmware::kernel {
namespace {

using abi::ConfigFetchResult;
using abi::ConfigKeyFetchResult;
using abi::ConfigKeyFetchScope;
using abi::ConfigKeyFetchStore;
using abi::Gate;
using abi::Status;

class ConfigCallsTest : public MessageTest {
 protected:
  ConfigCallsTest() : MessageTest(abi::ChannelType::CONFIGFETCH) {}

  static constexpr auto kAccount = ConfigKeyFetchScope::ACCOUNT;
  static constexpr auto kDevice = ConfigKeyFetchScope::DEVICE;
  static constexpr auto kSecret = ConfigKeyFetchStore::SECRET;
  static constexpr auto kConfig = ConfigKeyFetchStore::CONFIG;

  Status fetch(const std::vector<abi::ConfigKeyToFetch>& keys) {
    const Address list = reserve(keys.size() * sizeof(abi::ConfigKeyToFetch) + 4);
    for (std::size_t i = 0; i < keys.size(); ++i)
      app.write(list + static_cast<Address>(i * sizeof keys[i]), keys[i]);
    return call(Gate::SendConfigFetchRequest, channel,
                place(abi::ConfigKeyFetchParams{static_cast<std::uint32_t>(keys.size()), list}));
  }
  void answer(const std::vector<std::pair<ConfigKeyFetchResult, std::string>>& items) {
    channel::ConfigResponse response;
    response.set_item_count(static_cast<std::uint32_t>(items.size()));
    for (const auto& [result, value] : items) {
      auto* item = response.add_items();
      item->set_result(static_cast<std::uint32_t>(result));
      item->set_value(value);
    }
    deliver(channel::KIND_CONFIG_RESPONSE, response);
  }
  Status read(std::uint32_t index, std::uint32_t room = 256) {
    result_at = reserve(4);
    length_at = reserve(4);
    value_at = reserve(4096);
    return call(Gate::ReadConfigResponseItem, channel,
                place(abi::ConfigResponseReadItemParams{index, result_at, {value_at, room, length_at}}));
  }
  std::string value() { return bytes(value_at, app.read<std::uint32_t>(length_at)); }
  ConfigKeyFetchResult result() { return app.read<ConfigKeyFetchResult>(result_at); }

  Address result_at = 0, length_at = 0, value_at = 0;
};

TEST_F(ConfigCallsTest, TheServiceGetsTheKeysInTheirOrder) {
  open();
  const std::string longest(100, 'k');
  ASSERT_EQ(fetch({{kDevice, kSecret, text("one")},
                   {kAccount, kConfig, text("two words")},
                   {kAccount, kSecret, text(longest)},
                   {kDevice, kConfig, text("~")}}),
            Status::OKAY);
  const auto got = sent<channel::ConfigRequest>(channel::KIND_CONFIG_REQUEST);
  ASSERT_EQ(got.keys_size(), 4);
  EXPECT_EQ(got.keys(0).scope(), 1U);
  EXPECT_EQ(got.keys(0).store(), 0U);
  EXPECT_EQ(got.keys(0).key(), "one");
  EXPECT_EQ(got.keys(1).scope(), 0U);
  EXPECT_EQ(got.keys(1).store(), 1U);
  EXPECT_EQ(got.keys(1).key(), "two words");
  EXPECT_EQ(got.keys(2).key(), longest);
  EXPECT_EQ(got.keys(3).scope(), 1U);
  EXPECT_EQ(got.keys(3).store(), 1U);
}

TEST_F(ConfigCallsTest, WrongKeysAreRefusedEachInItsWay) {
  open();
  const auto refused = [&](const abi::ConfigKeyToFetch& key) {
    const Status status = fetch({{kDevice, kSecret, text("good")}, key});
    EXPECT_EQ(sent(), "");
    return status;
  };
  EXPECT_EQ(refused({kDevice, static_cast<ConfigKeyFetchStore>(2), text("k")}), Status::UNKNOWNCONFIGSTORE);
  EXPECT_EQ(refused({static_cast<ConfigKeyFetchScope>(2), kSecret, text("k")}), Status::UNKNOWNCONFIGSCOPE);
  EXPECT_EQ(refused({kDevice, kSecret, text("")}), Status::INVALIDCONFIGKEY);
  EXPECT_EQ(refused({kDevice, kSecret, text(std::string(101, 'k'))}), Status::INVALIDCONFIGKEY);
  EXPECT_EQ(refused({kDevice, kSecret, text("a\x1F")}), Status::INVALIDCONFIGKEY);
  EXPECT_EQ(refused({kDevice, kSecret, text(std::string(60, 'a') + "\x7F")}), Status::INVALIDCONFIGKEY);
  EXPECT_EQ(refused({kDevice, kSecret, text("\xC3\xA4")}), Status::INVALIDCONFIGKEY);
  EXPECT_EQ(fetch(std::vector<abi::ConfigKeyToFetch>(17, {kDevice, kSecret, text("k")})),
            Status::TOOMANYCONFIGKEYS);
  EXPECT_EQ(fetch(std::vector<abi::ConfigKeyToFetch>(16, {kDevice, kSecret, text("k")})), Status::OKAY);
  EXPECT_EQ(fetch({{kDevice, kSecret, text("k")}}), Status::REQUESTALREADYSENT);
}

TEST_F(ConfigCallsTest, BadPointersAreFaults) {
  open();
  EXPECT_EQ(call(Gate::SendConfigFetchRequest, channel, kNowhere), Status::PARAMETERFAULT);
  EXPECT_EQ(call(Gate::SendConfigFetchRequest, channel, place(abi::ConfigKeyFetchParams{1, kNowhere})),
            Status::PARAMETERFAULT);
  EXPECT_EQ(fetch({{kDevice, kSecret, {kNowhere, 4}}}), Status::LATEFAULT);
}

TEST_F(ConfigCallsTest, ValuesHaveTheirOwnResults) {
  open();
  EXPECT_EQ(call(Gate::ReadConfigFetchResponseData, channel, out()), Status::RESPONSENOTPRESENT);
  const std::string large(700, 'v');
  answer({{ConfigKeyFetchResult::OK, "first"},
          {ConfigKeyFetchResult::KEYNOTFOUND, ""},
          {ConfigKeyFetchResult::OK, large},
          {ConfigKeyFetchResult::OK, ""}});
  EXPECT_EQ(events(abi::EventType::CHANNELDATAREADABLE), 1U);
  ASSERT_EQ(call(Gate::ReadConfigFetchResponseData, channel, out()), Status::OKAY);
  EXPECT_EQ(told<abi::ConfigResponseData>().result, ConfigFetchResult::OK);
  EXPECT_EQ(told<abi::ConfigResponseData>().num_items, 4U);
  ASSERT_EQ(read(2, 700), Status::OKAY);
  EXPECT_EQ(value(), large);
  ASSERT_EQ(read(0), Status::OKAY);
  EXPECT_EQ(value(), "first");
  EXPECT_EQ(result(), ConfigKeyFetchResult::OK);
  ASSERT_EQ(read(1), Status::OKAY);
  EXPECT_EQ(value(), "");
  EXPECT_EQ(result(), ConfigKeyFetchResult::KEYNOTFOUND);
  ASSERT_EQ(read(3), Status::OKAY);
  EXPECT_EQ(value(), "");
  EXPECT_EQ(read(4), Status::INDEXINVALID);
}

TEST_F(ConfigCallsTest, AValueThatDoesNotFitIsNotCopied) {
  open();
  answer({{ConfigKeyFetchResult::OK, "12345"}});
  EXPECT_EQ(read(0, 4), Status::INVALIDBUFFERSIZE);
  EXPECT_EQ(bytes(value_at, 1), "\xA5");
  EXPECT_EQ(read(0, 5), Status::OKAY);
}

TEST_F(ConfigCallsTest, ResultsGoWhereTheApplicationMayWrite) {
  open();
  answer({{ConfigKeyFetchResult::OK, "12345"}});
  EXPECT_EQ(call(Gate::ReadConfigFetchResponseData, channel, kNowhere), Status::PARAMETERFAULT);
  const Address good = reserve(64);
  for (const abi::ConfigResponseReadItemParams& params :
       {abi::ConfigResponseReadItemParams{0, kNowhere, {good, 8, good + 32}},
        abi::ConfigResponseReadItemParams{0, good, {kNowhere, 8, good + 32}},
        abi::ConfigResponseReadItemParams{0, good, {good, 8, kNowhere}}}) {
    EXPECT_EQ(call(Gate::ReadConfigResponseItem, channel, place(params)), Status::PARAMETERFAULT);
  }
}

TEST_F(ConfigCallsTest, AnAnswerThatIsTooLargeIsSaidToBe) {
  open();
  channel::ConfigResponse response;
  response.set_result(static_cast<std::uint32_t>(ConfigFetchResult::RESPONSETOOLARGE));
  deliver(channel::KIND_CONFIG_RESPONSE, response);
  ASSERT_EQ(call(Gate::ReadConfigFetchResponseData, channel, out()), Status::OKAY);
  EXPECT_EQ(told<abi::ConfigResponseData>().result, ConfigFetchResult::RESPONSETOOLARGE);
  EXPECT_EQ(told<abi::ConfigResponseData>().num_items, 0U);
  EXPECT_EQ(read(0), Status::REQUESTUNSUCCESSFUL);
}

}  // namespace
}  // namespace microvisor::firmware::kernel
