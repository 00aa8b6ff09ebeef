// A server of the test's own with a client, and what tests of the API look for in its answers.
#pragma once

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <string>

#include "cloud/test/device_client.hpp"
#include "cloud/test/running_server.hpp"

namespace microvisor::cloud::test {

using Names = std::set<std::string>;

inline Names names_of(const nlohmann::json& object) {
  Names names;
  for (const auto& [name, value] : object.items()) names.insert(name);
  return names;
}

inline bool is_date(const nlohmann::json& value) {
  static const std::regex kDate(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)");
  return value.is_string() && std::regex_match(value.get<std::string>(), kDate);
}

struct ApiFixture : testing::Test {
  RunningServer running;
  HttpClient client = running.client();

  /// As published, with a page that says more.
  void expect_error(const HttpReply& reply, int status, int code) const {
    EXPECT_EQ(reply.status, status) << reply.body;
    const nlohmann::json body = reply.json();
    EXPECT_EQ(names_of(body), (Names{"code", "message", "more_info", "status"}));
    EXPECT_EQ(body["status"], status);
    EXPECT_EQ(body["code"], code);
    EXPECT_FALSE(body["message"].get<std::string>().empty());
    const std::string more = body["more_info"];
    const std::string base = running.url("");
    ASSERT_EQ(more.substr(0, base.size()), base);
    EXPECT_EQ(client.get(more.substr(base.size())).status, 200);
  }
  /// Makes a device; its SID.
  std::string device(const std::string& name = "") const {
    nlohmann::json members = nlohmann::json::object();
    if (!name.empty()) members["unique_name"] = name;
    return provision(client, members).sid;
  }
};

}  // namespace microvisor::cloud::test
