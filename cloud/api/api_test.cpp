// The v1 API over real HTTP, field by field against the published description, and our own paths beside it.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <regex>

#include "cloud/test/api_fixture.hpp"
#include "protocol/bundle/test_support.hpp"

namespace microvisor::cloud {
namespace {

using nlohmann::json;
using test::bundle_zip;
using test::HttpReply;
using test::is_date;
using test::Names;
using test::names_of;

bool is_sid_of(const std::string& prefix, const json& value) {
  return value.is_string() &&
         std::regex_match(value.get<std::string>(), std::regex("^" + prefix + "[0-9a-f]{32}$"));
}

struct ApiTest : test::ApiFixture {
  json app(unsigned seed, const std::string& name = "") const {
    const HttpReply reply = client.upload(bundle_zip(seed), name);
    EXPECT_EQ(reply.status, 201) << reply.body;
    return reply.json();
  }
};

TEST_F(ApiTest, AppResource) {
  const json created = app(1, "my app");
  EXPECT_EQ(names_of(created), (Names{"sid", "account_sid", "hash", "unique_name", "date_created",
                                      "date_updated", "url", "links"}));
  EXPECT_TRUE(is_sid_of("KA", created["sid"]));
  EXPECT_EQ(created["account_sid"], client.user);
  EXPECT_EQ(created["unique_name"], "my app");
  EXPECT_TRUE(is_date(created["date_created"]));
  EXPECT_TRUE(is_date(created["date_updated"]));
  const std::string path = "/v1/Apps/" + created["sid"].get<std::string>();
  EXPECT_EQ(created["url"], running.url(path));
  EXPECT_EQ(created["links"], (json{{"app_manifests", running.url(path + "/Manifest")}}));
  const HttpReply fetched = client.get(path);
  EXPECT_EQ(fetched.status, 200);
  EXPECT_EQ(fetched.headers.at("content-type"), "application/json");
  EXPECT_EQ(fetched.json(), created);
  EXPECT_EQ(client.get("/v1/Apps/my%20app").json(), created);
  EXPECT_EQ(app(2)["unique_name"], nullptr);
}

TEST_F(ApiTest, Manifest) {
  const json created = app(1);
  const std::string path = "/v1/Apps/" + created["sid"].get<std::string>() + "/Manifest";
  const HttpReply reply = client.get(path);
  ASSERT_EQ(reply.status, 200);
  const json manifest = reply.json();
  EXPECT_EQ(names_of(manifest), (Names{"app_sid", "hash", "encoded_bytes", "url"}));
  EXPECT_EQ(manifest["app_sid"], created["sid"]);
  EXPECT_EQ(manifest["hash"], created["hash"]);
  EXPECT_EQ(manifest["url"], running.url(path));
  const auto bytes = protocol::from_base64(manifest["encoded_bytes"].get<std::string>());
  ASSERT_TRUE(bytes);
  EXPECT_EQ("sha256:" + protocol::to_hex(protocol::sha256(*bytes)), created["hash"]);
  // The cloud has signed it with the account's key, and left the body alone.
  const auto owner =
      protocol::public_key_from_pem(client.get("/api/account").json()["owner_public_key"].get<std::string>());
  const auto info = protocol::parse_manifest(*bytes);
  ASSERT_TRUE(info);
  EXPECT_TRUE(protocol::is_signed_by(*info, *owner));
  const std::string zip = bundle_zip(1);
  EXPECT_EQ(info->body, protocol::read_bundle(protocol::as_bytes(zip))->info.body);
}

TEST_F(ApiTest, SignedBundles) {
  const json created = app(1);
  const HttpReply download = client.get("/api/apps/" + created["sid"].get<std::string>() + "/bundle");
  ASSERT_EQ(download.status, 200);
  EXPECT_EQ(download.headers.at("content-type"), "application/zip");
  const HttpReply again = client.upload(download.body);
  ASSERT_EQ(again.status, 201);
  EXPECT_EQ(again.json()["hash"], created["hash"]);
  EXPECT_NE(again.json()["sid"], created["sid"]);
  const std::string plain = bundle_zip(1);
  const auto foreign = protocol::sign_bundle(*protocol::read_bundle(protocol::as_bytes(plain)),
                                             protocol::SigningKey::generate());
  const auto zip = protocol::write_bundle(*foreign);
  expect_error(client.upload({zip.begin(), zip.end()}), 400, 20001);
}

TEST_F(ApiTest, UploadsThatAreRefusedChangeNothing) {
  app(1, "taken");
  expect_error(client.upload("no zip"), 400, 20001);
  expect_error(client.upload(""), 400, 20001);
  expect_error(client.upload(bundle_zip(2), "taken"), 409, 20409);
  expect_error(client.upload(bundle_zip(2), "KA" + std::string(32, '0')), 400, 20001);
  expect_error(client.upload(bundle_zip(2), std::string(256, 'x')), 400, 20001);
  expect_error(client.post_form("/v1/Apps", "File=x"), 415, 20415);
  expect_error(client.request("POST", "/v1/Apps", "multipart/form-data; boundary=x", "--x--"), 400, 20001);
  expect_error(client.request("POST", "/v1/Apps", "multipart/form-data; boundary=x", "junk"), 400, 20001);
  const protocol::Bytes rom = protocol::test::golden_rom();
  protocol::Bytes changed = rom;
  changed[0] ^= 1;
  const auto zip = protocol::test::zip_of(
      {{protocol::to_hex(protocol::sha256(rom)), changed}, {"manifest", protocol::make_manifest(rom, {})}});
  const HttpReply mismatch = client.upload({zip.begin(), zip.end()});
  expect_error(mismatch, 400, 20001);
  EXPECT_NE(mismatch.body.find("another hash"), std::string::npos);
  EXPECT_EQ(client.get("/v1/Apps").json()["apps"].size(), 1U);
}

TEST_F(ApiTest, LargeUploads) {
  EXPECT_EQ(client.upload(bundle_zip(1, 0xFFFFF)).status, 201);
  expect_error(client.upload(std::string((64U << 20) + 1, 'x')), 413, 20413);
  expect_error(client.upload(std::string(70U << 20, 'x')), 413, 20413);
}

TEST_F(ApiTest, DeleteApp) {
  const std::string path = "/v1/Apps/" + app(1)["sid"].get<std::string>();
  const HttpReply removed = client.remove(path);
  EXPECT_EQ(removed.status, 204);
  EXPECT_TRUE(removed.body.empty());
  expect_error(client.get(path), 404, 20404);
  expect_error(client.get(path + "/Manifest"), 404, 20404);
  expect_error(client.remove(path), 404, 20404);
}

TEST_F(ApiTest, DeviceResource) {
  const std::string sid = device("bench");
  const std::string path = "/v1/Devices/" + sid;
  const json fetched = client.get(path).json();
  EXPECT_EQ(names_of(fetched), (Names{"sid", "unique_name", "account_sid", "app", "logging", "date_created",
                                      "date_updated", "url", "links"}));
  EXPECT_EQ(fetched["sid"], sid);
  EXPECT_EQ(fetched["unique_name"], "bench");
  EXPECT_EQ(fetched["account_sid"], client.user);
  EXPECT_EQ(fetched["app"], (json{{"target_sid", nullptr},
                                  {"target_hash", nullptr},
                                  {"date_targeted", nullptr},
                                  {"update_status", "up-to-date"},
                                  {"update_error_code", 0},
                                  {"reported_sid", nullptr},
                                  {"date_reported", nullptr}}));
  EXPECT_EQ(fetched["logging"], (json{{"enabled", true}, {"date_expires", nullptr}}));
  EXPECT_TRUE(is_date(fetched["date_created"]));
  EXPECT_EQ(fetched["url"], running.url(path));
  EXPECT_EQ(fetched["links"], (json{{"device_configs", running.url(path + "/Configs")},
                                    {"device_secrets", running.url(path + "/Secrets")}}));
  EXPECT_EQ(client.get("/v1/Devices/bench").json(), fetched);
}

TEST_F(ApiTest, UpdateTarget) {
  const std::string path = "/v1/Devices/" + device();
  const json target = app(1, "v1 app");
  for (const std::string& form : {"TargetApp=" + target["sid"].get<std::string>(),
                                  std::string("TargetApp=v1+app"), std::string("AppSid=v1%20app")}) {
    const HttpReply reply = client.post_form(path, form);
    ASSERT_EQ(reply.status, 200) << reply.body;
    const json state = reply.json()["app"];
    EXPECT_EQ(state["target_sid"], target["sid"]);
    EXPECT_EQ(state["target_hash"], target["hash"]);
    EXPECT_TRUE(is_date(state["date_targeted"]));
    EXPECT_EQ(state["update_status"], "pending");
    EXPECT_EQ(state["update_error_code"], 0);
    EXPECT_EQ(reply.json(), client.get(path).json());
  }
  expect_error(client.post_form(path, "TargetApp=nothing"), 400, 20001);
  EXPECT_EQ(client.remove("/v1/Apps/v1%20app").status, 204);
  EXPECT_EQ(client.get(path).json()["app"]["target_sid"], nullptr);
}

TEST_F(ApiTest, UpdateNameAndLogging) {
  const std::string sid = device();
  const std::string path = "/v1/Devices/" + sid;
  EXPECT_EQ(client.post_form(path, "UniqueName=my+device").json()["unique_name"], "my device");
  EXPECT_EQ(client.get("/v1/Devices/my%20device").json()["sid"], sid);
  const json on = client.post_form("/v1/Devices/my%20device", "LoggingEnabled=true").json()["logging"];
  EXPECT_EQ(on["enabled"], true);
  EXPECT_TRUE(is_date(on["date_expires"]));
  EXPECT_EQ(client.post_form(path, "LoggingEnabled=false").json()["logging"],
            (json{{"enabled", false}, {"date_expires", nullptr}}));
  EXPECT_EQ(client.post_form(path, "UniqueName=").json()["unique_name"], nullptr);
  EXPECT_EQ(client.post_form(path, "RestartApp=true").status, 200);
  EXPECT_EQ(client.post_form(path, "").status, 200);
  EXPECT_EQ(client.post_form(path, "Unknown=1").status, 200);
}

TEST_F(ApiTest, BadUpdatesChangeNothing) {
  device("other");
  const std::string path = "/v1/Devices/" + device("mine");
  const json before = client.get(path).json();
  expect_error(client.post_form(path, "UniqueName=new&LoggingEnabled=yes"), 400, 20001);
  expect_error(client.post_form(path, "UniqueName=new&TargetApp=nothing"), 400, 20001);
  expect_error(client.post_form(path, "UniqueName=new&RestartApp=1"), 400, 20001);
  expect_error(client.post_form(path, "UniqueName=other"), 409, 20409);
  expect_error(client.post_form(path, "UniqueName=UV" + std::string(32, 'a')), 400, 20001);
  expect_error(client.post_form(path, "UniqueName=%zz"), 400, 20001);
  expect_error(client.request("POST", path, "application/json", "{}"), 415, 20415);
  expect_error(client.post_form("/v1/Devices/nothing", "UniqueName=x"), 404, 20404);
  EXPECT_EQ(client.get(path).json(), before);
}

TEST_F(ApiTest, EmptyListsHaveTheirEnvelope) {
  for (const std::string name : {"Apps", "Devices"}) {
    const json body = client.get("/v1/" + name).json();
    const std::string key = name == "Apps" ? "apps" : "devices";
    EXPECT_EQ(names_of(body), (Names{key, "meta"}));
    EXPECT_EQ(body[key], json::array());
    const std::string url = running.url("/v1/" + name + "?PageSize=50&Page=0");
    EXPECT_EQ(body["meta"], (json{{"page", 0},
                                  {"page_size", 50},
                                  {"first_page_url", url},
                                  {"previous_page_url", nullptr},
                                  {"url", url},
                                  {"next_page_url", nullptr},
                                  {"key", key}}));
  }
}

TEST_F(ApiTest, ListsAreWalkedByTheirUrls) {
  std::vector<std::string> sids;
  for (unsigned i = 0; i < 5; ++i) sids.push_back(app(i)["sid"]);
  std::vector<std::string> seen;
  std::vector<json> pages;
  const std::string base = running.url("");
  json next = base + "/v1/Apps?PageSize=2";
  while (!next.is_null()) {
    const HttpReply reply = client.get(next.get<std::string>().substr(base.size()));
    ASSERT_EQ(reply.status, 200);
    pages.push_back(reply.json());
    for (const json& item : pages.back()["apps"]) seen.push_back(item["sid"]);
    EXPECT_EQ(pages.back()["meta"]["page"], pages.size() - 1);
    next = pages.back()["meta"]["next_page_url"];
  }
  EXPECT_EQ(seen, (std::vector<std::string>(sids.rbegin(), sids.rend())));
  ASSERT_EQ(pages.size(), 3U);
  EXPECT_EQ(pages[0]["meta"]["previous_page_url"], nullptr);
  const std::string previous = pages[2]["meta"]["previous_page_url"];
  EXPECT_EQ(client.get(previous.substr(base.size())).json()["apps"], pages[1]["apps"]);
  const std::string self = pages[1]["meta"]["url"];
  EXPECT_EQ(client.get(self.substr(base.size())).json()["apps"], pages[1]["apps"]);
  EXPECT_EQ(client.get("/v1/Apps?PageSize=2&Page=1").json()["apps"], pages[1]["apps"]);
}

TEST_F(ApiTest, BadPageParameters) {
  for (const char* query :
       {"PageSize=0", "PageSize=1001", "PageSize=x", "Page=-1", "PageToken=zz", "PageToken=b"}) {
    expect_error(client.get(std::string("/v1/Devices?") + query), 400, 20001);
  }
  EXPECT_EQ(client.get("/v1/Devices?PageSize=1000").status, 200);
}

TEST_F(ApiTest, Credentials) {
  test::HttpClient wrong = client;
  wrong.password = "wrong";
  const HttpReply refused = wrong.get("/v1/Apps");
  expect_error(refused, 401, 20003);
  EXPECT_EQ(refused.headers.at("www-authenticate").substr(0, 5), "Basic");
  wrong.user.clear();
  expect_error(wrong.get("/v1/Devices"), 401, 20003);
  expect_error(wrong.post_form("/v1/Devices/x", "UniqueName=y"), 401, 20003);
  expect_error(wrong.upload(bundle_zip(1)), 401, 20003);
  const HttpReply made = client.post_json("/api/keys", {{"name", "ci"}});
  ASSERT_EQ(made.status, 201);
  EXPECT_TRUE(is_sid_of("SK", made.json()["sid"]));
  const test::HttpClient by_key(client.port, made.json()["sid"], made.json()["secret"]);
  EXPECT_EQ(by_key.get("/v1/Apps").status, 200);
  EXPECT_EQ(by_key.get("/api/account").json()["account_sid"], client.user);
}

TEST_F(ApiTest, PathsAndMethods) {
  for (const char* path :
       {"/", "/v1", "/v2/Apps", "/v1/Accounts", "/v1/Apps/x/y", "/v1/apps", "/v1/Apps/", "/api"}) {
    expect_error(client.get(path), 404, 20404);
  }
  const HttpReply reply = client.remove("/v1/Apps");
  expect_error(reply, 405, 20004);
  EXPECT_EQ(reply.headers.at("allow"), "GET, POST");
  expect_error(client.request("PUT", "/v1/Devices/x", "", ""), 405, 20004);
  EXPECT_EQ(client.get("/health").status, 200);
}

TEST_F(ApiTest, AFormOf16MibIsRefused) {
  const std::string path = "/v1/Devices/" + device();
  expect_error(client.post_form(path, std::string(16U << 20, 'x')), 413, 20413);
  // Without a length in advance.
  const test::Socket socket(client.port);
  socket.send(client.head("POST", path) + "Transfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "100000\r\n" + std::string(1U << 20, 'x') + "\r\n";
  for (int i = 0; i < 17 && socket.send(chunk); ++i) {
  }
  EXPECT_EQ(test::read_reply(socket).status, 413);
}

TEST_F(ApiTest, UrlsAreThoseOfTheRequest) {
  const test::Socket socket(client.port);
  std::string head = client.head("GET", "/v1/Apps");
  head.replace(head.find("127.0.0.1:" + std::to_string(client.port)), 10 + std::to_string(client.port).size(),
               "cloud.example:99");
  socket.send(head + "X-Forwarded-Proto: https\r\n\r\n");
  EXPECT_EQ(test::read_reply(socket).json()["meta"]["url"],
            "https://cloud.example:99/v1/Apps?PageSize=50&Page=0");
}

TEST_F(ApiTest, ConnectionsAreKeptAlive) {
  const test::Socket socket(client.port);
  for (int i = 0; i < 3; ++i) {
    socket.send(client.head("GET", "/v1/Apps") + "\r\n");
    EXPECT_EQ(test::read_reply(socket).status, 200);
  }
}

TEST_F(ApiTest, ExpectContinue) {
  const test::Socket socket(client.port);
  const std::string path = "/v1/Devices/" + device();
  socket.send(client.head("POST", path) +
              "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 12\r\nExpect: "
              "100-continue\r\n\r\n");
  EXPECT_EQ(test::read_reply(socket).status, 100);
  socket.send("UniqueName=n");
  EXPECT_EQ(test::read_reply(socket).json()["unique_name"], "n");
}

TEST_F(ApiTest, Provisioning) {
  const auto key = protocol::SigningKey::generate();
  const std::string sid = "UV" + std::string(32, 'a');
  const HttpReply reply = client.post_json("/api/devices", {{"public_key", key.public_pem()}, {"sid", sid}});
  ASSERT_EQ(reply.status, 201);
  EXPECT_EQ(names_of(reply.json()),
            (Names{"sid", "unique_name", "account_sid", "certificate", "device_ca", "gateway", "gateway_name",
                   "gateway_ca", "owner_public_key", "owner_key_id"}));
  EXPECT_EQ(reply.json()["sid"], sid);
  EXPECT_EQ(client.get("/v1/Devices/" + sid).status, 200);
  EXPECT_EQ(client.post_json("/api/devices", {{"public_key", key.public_pem()}, {"sid", sid}}).status, 201);
  EXPECT_EQ(client.get("/v1/Devices").json()["devices"].size(), 1U);
  expect_error(client.post_json("/api/devices", json::object()), 400, 20001);
  expect_error(client.post_json("/api/devices", {{"public_key", "x"}}), 400, 20001);
  expect_error(client.post_json("/api/devices", {{"public_key", key.public_pem()}, {"sid", "UV1"}}), 400,
               20001);
  expect_error(client.request("POST", "/api/devices", "application/json", "[1"), 400, 20001);
}

TEST_F(ApiTest, MetricsInPrometheusForm) {
  const HttpReply reply = client.get("/metrics");
  EXPECT_EQ(reply.status, 200);
  EXPECT_NE(reply.body.find("\nmicrovisor_devices_connected 0\n"), std::string::npos);
}

TEST_F(ApiTest, CrashReportsAreShownAsTheyCame) {
  const test::DeviceIdentity identity = test::provision(client);
  const std::string path = "/api/devices/" + identity.sid + "/crashes";
  EXPECT_EQ(client.get(path).json(), json({{"crashes", json::array()}}));
  const std::string report(500, 'r');
  const protocol::Hash hash = protocol::sha256(protocol::as_bytes(report));
  test::DeviceClient device(identity);
  device.hello();
  link::Frame frame;
  frame.set_stream(1);
  frame.mutable_open()->set_service(link::SERVICE_CRASH_REPORT);
  frame.mutable_open()->set_object_hash(hash.data(), hash.size());
  device.send(frame);
  frame.set_data(report);
  device.send(frame);
  frame.mutable_close();
  device.send(frame);
  const auto answer = device.receive(link::Frame::kClose);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->close().error(), link::STREAM_ERROR_NONE);
  const json listed = client.get(path).json()["crashes"];
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(names_of(listed[0]), (Names{"id", "device_sid", "date_received", "size"}));
  EXPECT_EQ(listed[0]["id"], protocol::to_hex(hash));
  EXPECT_EQ(listed[0]["size"], 500);
  const std::string item = path + "/" + protocol::to_hex(hash);
  EXPECT_EQ(client.get(item).json()["content"], protocol::to_base64(protocol::as_bytes(report)));
  expect_error(client.get(path + "/00"), 404, 20404);
  expect_error(client.get(path + "/" + std::string(64, 'z')), 404, 20404);
  expect_error(client.get("/api/devices/UV" + std::string(32, '0') + "/crashes"), 404, 20404);
  EXPECT_EQ(client.remove(item).status, 204);
  expect_error(client.remove(item), 404, 20404);
}

}  // namespace
}  // namespace microvisor::cloud
