// Configs and secrets over real HTTP, in both scopes, field by field against the published description; and
// from there to a device.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "cloud/api/form.hpp"
#include "cloud/channels/channel.hpp"
#include "cloud/test/api_fixture.hpp"

namespace microvisor::cloud {
namespace {

using api::percent_encode;
using nlohmann::json;
using test::HttpReply;
using test::is_date;
using test::Names;
using test::names_of;

struct ConfigurationTest : test::ApiFixture {
  HttpReply create(const std::string& path, const std::string& key, const std::string& value) const {
    return client.post_form(path, "Key=" + percent_encode(key) + "&Value=" + percent_encode(value));
  }
  HttpReply update(const std::string& item, const std::string& value) const {
    return client.post_form(item, "Value=" + percent_encode(value));
  }
  /// Create, fetch, update, list and delete in one collection; `device_sid` is empty at account scope.
  void live(const std::string& path, bool secret, const std::string& device_sid) const;
};

void ConfigurationTest::live(const std::string& path, bool secret, const std::string& device_sid) const {
  const std::string moment = secret ? "date_rotated" : "date_updated";
  Names fields{"key", moment, "url"};
  if (!secret) fields.insert("value");
  if (!device_sid.empty()) fields.insert("device_sid");

  const HttpReply created = create(path, "first", "some value");
  ASSERT_EQ(created.status, 201) << created.body;
  const json item = created.json();
  EXPECT_EQ(names_of(item), fields);
  EXPECT_EQ(item["key"], "first");
  EXPECT_EQ(item["url"], running.url(path + "/first"));
  EXPECT_TRUE(is_date(item[moment]));
  EXPECT_EQ(item.value("value", "none"), secret ? "none" : "some value");
  EXPECT_EQ(item.value("device_sid", ""), device_sid);
  EXPECT_EQ(client.get(path + "/first").json(), item);
  expect_error(create(path, "first", "other"), 409, 20409);

  const HttpReply updated = update(path + "/first", "place");
  ASSERT_EQ(updated.status, 200) << updated.body;
  EXPECT_EQ(names_of(updated.json()), fields);
  EXPECT_EQ(client.get(path + "/first").json().value("value", "none"), secret ? "none" : "place");
  expect_error(update(path + "/second", "place"), 404, 20404);
  expect_error(client.get(path + "/second"), 404, 20404);

  const std::string name = secret ? "secrets" : "configs";
  const json list = client.get(path).json();
  EXPECT_EQ(names_of(list), (Names{name, "meta"}));
  EXPECT_EQ(list["meta"]["key"], name);
  EXPECT_EQ(list["meta"]["url"], running.url(path + "?PageSize=50&Page=0"));
  ASSERT_EQ(list[name].size(), 1U);
  EXPECT_EQ(list[name][0], client.get(path + "/first").json());

  const HttpReply removed = client.remove(path + "/first");
  EXPECT_EQ(removed.status, 204);
  EXPECT_TRUE(removed.body.empty());
  expect_error(client.remove(path + "/first"), 404, 20404);
  EXPECT_EQ(client.get(path).json()[name], json::array());
}

TEST_F(ConfigurationTest, AccountConfigs) { live("/v1/Configs", false, ""); }
TEST_F(ConfigurationTest, AccountSecrets) { live("/v1/Secrets", true, ""); }

TEST_F(ConfigurationTest, DeviceConfigs) {
  const std::string sid = device();
  live("/v1/Devices/" + sid + "/Configs", false, sid);
}

TEST_F(ConfigurationTest, DeviceSecrets) {
  const std::string sid = device();
  live("/v1/Devices/" + sid + "/Secrets", true, sid);
}

TEST_F(ConfigurationTest, ADeviceIsNamedBySidOrUniqueName) {
  const std::string sid = device("on the roof");
  const json made = create("/v1/Devices/on%20the%20roof/Configs", "k", "v").json();
  EXPECT_EQ(made["device_sid"], sid);
  EXPECT_EQ(made["url"], running.url("/v1/Devices/" + sid + "/Configs/k"));
  std::string upper = sid;
  for (std::size_t i = 2; i < upper.size(); ++i) upper[i] = static_cast<char>(std::toupper(upper[i]));
  EXPECT_EQ(client.get("/v1/Devices/" + upper + "/Configs/k").json(), made);
  for (const char* path : {"/Configs", "/Configs/k", "/Secrets", "/Secrets/k"})
    expect_error(client.get(std::string("/v1/Devices/nobody") + path), 404, 20404);
  EXPECT_EQ(client.get("/v1/Devices/" + sid).json()["links"]["device_configs"],
            running.url("/v1/Devices/" + sid + "/Configs"));
}

TEST_F(ConfigurationTest, ScopesAndStoresAreApart) {
  const std::string roof = "/v1/Devices/" + device();
  const std::string cellar = "/v1/Devices/" + device();
  const std::string paths[] = {"/v1/Configs",     "/v1/Secrets",       roof + "/Configs",
                               roof + "/Secrets", cellar + "/Configs", cellar + "/Secrets"};
  for (const std::string& path : paths) EXPECT_EQ(create(path, "k", path).status, 201);
  for (const std::string& path : paths) {
    EXPECT_EQ(client.remove(path + "/k").status, 204);
    EXPECT_EQ(client.get(path + "/k").status, 404);
  }
}

TEST_F(ConfigurationTest, AnotherAccountSeesNothing) {
  const std::string sid = device();
  for (const std::string& parent : {std::string("/v1"), "/v1/Devices/" + sid}) {
    EXPECT_EQ(create(parent + "/Configs", "k", "v").status, 201);
    EXPECT_EQ(create(parent + "/Secrets", "k", "v").status, 201);
  }
  const json made = client.post_json("/api/accounts", json::object()).json();
  const test::HttpClient stranger(client.port, made["account_sid"], made["auth_token"]);
  for (const char* name : {"Configs", "Secrets"}) {
    EXPECT_EQ(stranger.get(std::string("/v1/") + name + "/k").status, 404);
    EXPECT_EQ(stranger.remove(std::string("/v1/") + name + "/k").status, 404);
    EXPECT_EQ(stranger.get("/v1/Devices/" + sid + "/" + name).status, 404);
    EXPECT_EQ(stranger.post_form("/v1/Devices/" + sid + "/" + name, "Key=x&Value=y").status, 404);
    EXPECT_EQ(client.get(std::string("/v1/") + name + "/k").status, 200);
  }
  test::HttpClient nobody = client;
  nobody.password = "wrong";
  expect_error(nobody.get("/v1/Secrets"), 401, 20003);
}

TEST_F(ConfigurationTest, ListsAreWalkedByTheirUrls) {
  Names all;
  for (int i = 0; i < 7; ++i) {
    all.insert("key " + std::to_string(i));
    create("/v1/Configs", "key " + std::to_string(i), "v");
    create("/v1/Secrets", "secret", "v");
  }
  const std::string base = running.url("");
  Names seen;
  json next = base + "/v1/Configs?PageSize=3";
  int pages = 0;
  for (; !next.is_null(); ++pages) {
    const json page = client.get(next.get<std::string>().substr(base.size())).json();
    for (const json& item : page["configs"]) EXPECT_TRUE(seen.insert(item["key"]).second);
    next = page["meta"]["next_page_url"];
  }
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(seen, all);
  expect_error(client.get("/v1/Configs?PageSize=1001"), 400, 20001);
}

TEST_F(ConfigurationTest, WhatIsNoKeyOrValueIsRefusedAndChangesNothing) {
  const std::string path = "/v1/Configs";
  ASSERT_EQ(create(path, "k", "before").status, 201);
  const json before = client.get(path).json();
  expect_error(client.post_form(path, ""), 400, 20001);
  expect_error(client.post_form(path, "Key=x"), 400, 20001);
  expect_error(client.post_form(path, "Value=x"), 400, 20001);
  expect_error(client.post_form(path, "Key=&Value=x"), 400, 20001);
  expect_error(client.post_form(path, "Key=%00&Value=x"), 400, 20001);
  expect_error(client.post_form(path, "Key=a%0Ab&Value=x"), 400, 20001);
  expect_error(client.post_form(path, "Key=%C3%A9&Value=x"), 400, 20001);
  expect_error(client.post_form(path, "Key=%zz&Value=x"), 400, 20001);
  expect_error(client.post_form(path, "Key=x&Value=a%00b"), 400, 20001);
  expect_error(client.post_form(path, "Key=x&Value=%FF"), 400, 20001);
  expect_error(create(path, std::string(101, 'k'), "x"), 400, 20001);
  expect_error(create(path, "x", std::string(4097, 'v')), 400, 20001);
  expect_error(client.post_form(path + "/k", ""), 400, 20001);
  expect_error(client.post_form(path + "/k", "value=x"), 400, 20001);
  expect_error(update(path + "/k", std::string(4097, 'v')), 400, 20001);
  expect_error(client.request("POST", path, "application/json", R"({"Key":"x","Value":"y"})"), 415, 20415);
  expect_error(client.request("PUT", path + "/k", "", ""), 405, 20004);
  expect_error(client.remove(path), 405, 20004);
  expect_error(client.get(path + "/k/more"), 404, 20404);
  EXPECT_EQ(client.get(path).json(), before);
}

TEST_F(ConfigurationTest, TheLargestKeysAndValues) {
  std::string wide;
  for (int i = 0; i < 4096; ++i) wide += "\xE2\x82\xAC";
  const std::string key(100, '/');
  const json made = create("/v1/Configs", key, wide).json();
  EXPECT_EQ(made["value"], wide);
  EXPECT_EQ(client.get("/v1/Configs/" + percent_encode(key)).json(), made);
  EXPECT_EQ(update("/v1/Configs/" + percent_encode(key), "").json()["value"], "");
  EXPECT_EQ(client.get("/v1/Configs/" + percent_encode(key + "/")).status, 404);
}

TEST_F(ConfigurationTest, OddKeysAndValuesComeBackAsTheyWere) {
  std::mt19937 random(20240229);
  const auto below = [&](unsigned limit) { return static_cast<unsigned>(random()) % limit; };
  const char* const pieces[] = {"%",   "+",   "&",     "=",    "\r\n",     "\"",           "\\",
                                "/",   "..",  "\x01",  "\x7F", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x94\x91",
                                "%00", "%2F", "'; --", " "};
  std::map<std::string, std::string> expected{{".", "a"}, {"..", "b"}, {"%2e", "c"}, {"a/b?c#d", "e"}};
  while (expected.size() < 60) {
    std::string key(1 + below(100), ' ');
    for (char& letter : key) letter = static_cast<char>(' ' + below(95));
    std::string value;
    for (unsigned count = below(40); count > 0; --count) value += pieces[below(std::size(pieces))];
    expected[key] = value;
  }
  for (const auto& [key, value] : expected) ASSERT_EQ(create("/v1/Configs", key, value).status, 201) << key;
  for (const auto& [key, value] : expected) {
    const json item = client.get("/v1/Configs/" + percent_encode(key)).json();
    ASSERT_EQ(item["key"], key);
    ASSERT_EQ(item["value"], value);
    const std::string url = item["url"];
    ASSERT_EQ(client.get(url.substr(running.url("").size())).json(), item) << url;
  }
  EXPECT_EQ(client.get("/v1/Configs?PageSize=1000").json()["configs"].size(), expected.size());
  for (const auto& [key, value] : expected)
    ASSERT_EQ(client.remove("/v1/Configs/" + percent_encode(key)).status, 204) << key;
}

TEST_F(ConfigurationTest, ASecretComesBackNowhereAndIsNotInTheDatabase) {
  const std::string secret = "7c1d5a2e-nobody-may-read-this";
  const std::string path = "/v1/Devices/" + device() + "/Secrets";
  std::string answers;
  for (const std::string& collection : {std::string("/v1/Secrets"), path}) {
    answers += create(collection, "k", secret).body + create(collection, "k", secret).body;
    answers += update(collection + "/k", secret).body + client.get(collection).body;
    answers += client.get(collection + "/k").body + update(collection + "/l", secret).body;
  }
  EXPECT_EQ(answers.find("nobody"), std::string::npos);
  running.server.reset();
  std::size_t files = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(running.directory)) {
    if (!file.is_regular_file()) continue;
    std::ifstream stream(file.path(), std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(stream), {}};
    EXPECT_EQ(content.find("nobody-may"), std::string::npos) << file.path();
    ++files;
  }
  EXPECT_GE(files, 2U);
}

/// One fetch over the device's TLS connection.
channel::ConfigResponse fetch(test::DeviceClient& device, std::uint32_t stream,
                              const channel::ConfigRequest& request) {
  link::Frame frame;
  frame.set_stream(stream);
  frame.mutable_open()->set_service(link::SERVICE_CONFIG);
  frame.mutable_open()->set_credit(7168);
  device.send(frame);
  const std::string message = request.SerializeAsString();
  std::string wire{static_cast<char>(message.size()), '\0', '\0',
                   static_cast<char>(channel::KIND_CONFIG_REQUEST)};
  frame.set_data(wire + message);
  device.send(frame);
  std::string got;
  channel::ConfigResponse response;
  while (const auto answer = device.receive(link::Frame::kData)) {
    got += answer->data();
    if (got.size() < Channel::kHeader) continue;
    const std::size_t length = static_cast<unsigned char>(got[0]) |
                               static_cast<std::size_t>(static_cast<unsigned char>(got[1])) << 8U;
    if (got.size() < Channel::kHeader + length) continue;
    EXPECT_EQ(got[3], channel::KIND_CONFIG_RESPONSE);
    EXPECT_TRUE(response.ParseFromString(got.substr(Channel::kHeader)));
    break;
  }
  return response;
}

TEST_F(ConfigurationTest, ADeviceFetchesWhatTheApiHasStored) {
  const test::DeviceIdentity identity = test::provision(client);
  const std::string of_device = "/v1/Devices/" + identity.sid;
  create("/v1/Configs", "k", "account config");
  create("/v1/Secrets", "k", "account secret");
  create(of_device + "/Configs", "k", std::string(4096, 'v'));
  create(of_device + "/Secrets", "k", "device secret");
  update(of_device + "/Secrets/k", "rotated");
  channel::ConfigRequest request;
  for (const std::uint32_t scope : {0U, 1U}) {
    for (const std::uint32_t store : {0U, 1U}) {
      channel::ConfigKey& key = *request.add_keys();
      key.set_scope(scope);
      key.set_store(store);
      key.set_key("k");
    }
  }
  test::DeviceClient device(identity);
  device.hello();
  const auto response = fetch(device, 1, request);
  ASSERT_EQ(response.items_size(), 4);
  EXPECT_EQ(response.items(0).value(), "account secret");
  EXPECT_EQ(response.items(1).value(), "account config");
  EXPECT_EQ(response.items(2).value(), "rotated");
  EXPECT_EQ(response.items(3).value(), std::string(4096, 'v'));
  EXPECT_EQ(client.remove("/v1/Secrets/k").status, 204);
  EXPECT_EQ(fetch(device, 3, request).items(0).result(), 1U);
}

TEST_F(ConfigurationTest, StaysOverARestart) {
  const test::DeviceIdentity identity = test::provision(client);
  create("/v1/Secrets", "k", "kept");
  running.restart();
  test::DeviceIdentity again = identity;
  again.gateway_port = running.server->gateway_port();
  test::DeviceClient device(again);
  device.hello();
  channel::ConfigRequest request;
  request.add_keys()->set_key("k");
  EXPECT_EQ(fetch(device, 1, request).items(0).value(), "kept");
}

}  // namespace
}  // namespace microvisor::cloud
