// Lines, texts and the fan-out to readers.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cloud/logs/line_joiner.hpp"
#include "cloud/logs/log_hub.hpp"

namespace microvisor::cloud {
namespace {

std::vector<std::string> joined(const std::vector<std::string>& pieces, bool finish,
                                std::size_t limit = 100) {
  std::vector<std::string> lines;
  LineJoiner joiner(limit, [&](std::string line) { lines.push_back(std::move(line)); });
  for (const auto& piece : pieces) joiner.feed(piece);
  if (finish) joiner.finish();
  return lines;
}

TEST(LineJoiner, PiecesBecomeLines) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(joined({"he", "llo\nwor", "ld\n"}, false), (Lines{"hello", "world"}));
  EXPECT_EQ(joined({"a\r", "\n", "\n", "b"}, false), (Lines{"a", ""}));
  EXPECT_EQ(joined({"a\n", "b"}, true), (Lines{"a", "b"}));
  EXPECT_EQ(joined({"a\n"}, true), (Lines{"a"}));
  EXPECT_EQ(joined({"abcdefg"}, true, 3), (Lines{"abc", "def", "g"}));
}

TEST(LogText, OnlyOneLineOfValidUtf8) {
  EXPECT_EQ(clean_text("plain\r\n"), "plain");
  EXPECT_EQ(clean_text("two\nlines"), "two lines");
  EXPECT_EQ(clean_text("gr\xC3\xBC\xC3\x9F"), "gr\xC3\xBC\xC3\x9F");
  EXPECT_EQ(clean_text("bad\xFF\xC3"), "bad\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(clean_text("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // a surrogate
  EXPECT_EQ(clean_text("\xF0\x9F\x98\x80"), "\xF0\x9F\x98\x80");
  EXPECT_EQ(clean_text(""), "");
}

TEST(LogText, Json) {
  const auto object =
      nlohmann::json::parse(to_json({1'700'000'000'123'456, "UV1", "app_logging", "a \"b\""}));
  EXPECT_EQ(object["timestamp"], "2023-11-14T22:13:20.123456Z");
  EXPECT_EQ(object["type"], "app_logging");
  EXPECT_EQ(object["device_sid"], "UV1");
  EXPECT_EQ(object["message"], "a \"b\"");
  EXPECT_EQ(object.size(), 4U);
}

TEST(LogHub, ReadersGetTheirDevicesRecords) {
  LogHub hub;
  int woken = 0;
  const auto reader = hub.subscribe("UV1", 0, [&] { ++woken; });
  hub.publish({1, "UV1", "t", "one"});
  hub.publish({2, "UV2", "t", "other"});
  hub.publish({3, "UV1", "t", "two"});
  EXPECT_EQ(woken, 2);
  EXPECT_EQ(reader->next()->message, "one");
  EXPECT_EQ(reader->next()->message, "two");
  EXPECT_FALSE(reader->next());
}

TEST(LogHub, LateReadersCanHaveTheLastRecords) {
  LogHub hub;
  for (int i = 0; i < 10; ++i) hub.publish({i, "UV1", "t", std::to_string(i)});
  const auto reader = hub.subscribe("UV1", 2, nullptr);
  EXPECT_EQ(reader->next()->message, "8");
  EXPECT_EQ(reader->next()->message, "9");
  EXPECT_FALSE(reader->next());
  EXPECT_FALSE(hub.subscribe("UV1", 0, nullptr)->next());
}

TEST(LogHub, SlowReadersLoseTheOldestAndAreTold) {
  LogHub hub;
  const auto reader = hub.subscribe("UV1", 0, nullptr);
  for (std::size_t i = 0; i < kLogQueueRecords + 3; ++i) hub.publish({0, "UV1", "t", std::to_string(i)});
  EXPECT_EQ(reader->next()->message, "3 records not shown: the reader of this stream was too slow");
  EXPECT_EQ(reader->next()->message, "3");
}

TEST(LogHub, ClosingWakesReaders) {
  LogHub hub;
  bool woken = false;
  const auto reader = hub.subscribe("UV1", 0, [&] { woken = true; });
  hub.close();
  EXPECT_TRUE(woken);
  EXPECT_TRUE(reader->closed());
}

}  // namespace
}  // namespace microvisor::cloud
