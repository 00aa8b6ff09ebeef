// Starting and stopping: data directory, credentials, and what is refused.
#include "cloud/server.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "cloud/test/running_server.hpp"

namespace microvisor::cloud {
namespace {

using test::RunningServer;

TEST(Server, FirstStartMakesTheAccount) {
  const RunningServer running;
  const std::string path = running.directory + "/credentials.json";
  EXPECT_EQ(running.server->credentials_path(), path);
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  ASSERT_EQ(::stat(running.directory.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
  const auto credentials = read_credentials(path);
  ASSERT_TRUE(credentials) << credentials.error();
  EXPECT_EQ(credentials->account_sid, running.server->credentials().account_sid);
  EXPECT_EQ(credentials->base_url, "http://127.0.0.1:" + std::to_string(running.server->api_port()));
  EXPECT_EQ(credentials->gateway, "127.0.0.1:" + std::to_string(running.server->gateway_port()));
  EXPECT_EQ(running.client().get("/v1/Apps").status, 200);
}

TEST(Server, LaterStartsKeepTheAccountAndTellTheNewPorts) {
  RunningServer running;
  const Credentials before = running.server->credentials();
  running.restart();
  const auto after = read_credentials(running.server->credentials_path());
  ASSERT_TRUE(after);
  EXPECT_EQ(after->account_sid, before.account_sid);
  EXPECT_EQ(after->auth_token, before.auth_token);
  EXPECT_EQ(after->base_url, running.server->base_url());
  EXPECT_EQ(after->gateway, "127.0.0.1:" + std::to_string(running.server->gateway_port()));
  EXPECT_EQ(running.client().get("/v1/Apps").status, 200);
}

TEST(Server, RefusesToServePasswordsInTheClear) {
  const RunningServer running;
  ServerOptions options = running.options();
  options.data += "-other";
  for (const char* address : {"0.0.0.0:0", "192.0.2.1:80", "[::]:0"}) {
    options.listen = address;
    const auto started = Server::start(options);
    ASSERT_FALSE(started);
    EXPECT_NE(started.error().find("without TLS"), std::string::npos) << started.error();
  }
  EXPECT_FALSE(std::filesystem::exists(options.data));
}

TEST(Server, BadAddresses) {
  const RunningServer running;
  ServerOptions options = running.options();
  options.data += "-other";
  for (const char* address :
       {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "host.example:80"}) {
    options.listen = address;
    const auto started = Server::start(options);
    ASSERT_FALSE(started) << address;
    EXPECT_EQ(started.error(), std::string("not an address and port: ") + address);
  }
}

TEST(Server, ADirectoryInUse) {
  const RunningServer running;
  const auto second = Server::start(running.options());
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().find("in use"), std::string::npos) << second.error();
}

TEST(Server, APortInUse) {
  const RunningServer running;
  ServerOptions options = running.options();
  options.data += "-other";
  options.listen = "127.0.0.1:" + std::to_string(running.server->api_port());
  const auto second = Server::start(options);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().find("cannot listen on"), std::string::npos) << second.error();
  std::filesystem::remove_all(options.data);
}

TEST(Server, ADirectoryOfSomethingElse) {
  const RunningServer running;
  ServerOptions options = running.options();
  options.data += "-foreign";
  std::filesystem::create_directories(options.data);
  std::ofstream(options.data + "/thesis.txt") << "precious";
  const auto started = Server::start(options);
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().find("neither empty nor a data directory"), std::string::npos) << started.error();
  std::filesystem::remove_all(options.data);
}

TEST(Server, AForeignMasterKey) {
  RunningServer running;
  running.server.reset();
  std::ofstream(running.directory + "/master.key", std::ios::binary) << std::string(32, 'x');
  const auto started = Server::start(running.options());
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().find("master key"), std::string::npos) << started.error();
}

TEST(Server, StopEndsLogStreamsAndIdleConnections) {
  RunningServer running;
  const auto client = running.client();
  const auto key = protocol::SigningKey::generate();
  const std::string sid = client.post_json("/api/devices", {{"public_key", key.public_pem()}}).json()["sid"];
  test::LineStream log(client, "/api/devices/" + sid + "/logs");
  ASSERT_EQ(log.status(), 200);
  const test::Socket idle(client.port);
  idle.send(client.head("GET", "/v1/Apps") + "\r\n");
  test::read_reply(idle);
  running.server->stop();
  EXPECT_EQ(log.next(), "");
  EXPECT_EQ(idle.receive(), "");
}

TEST(Server, WaitReturnsAfterStop) {
  RunningServer running;
  std::thread waiter([&] { running.server->wait(); });
  running.server->stop();
  waiter.join();
}

TEST(Credentials, FilesThatAreNone) {
  EXPECT_FALSE(read_credentials("/nonexistent/credentials.json"));
  const std::string path = std::filesystem::temp_directory_path() / ("mv-cred-" + std::to_string(::getpid()));
  std::ofstream(path) << "{\"account_sid\": \"AC\"}";
  const auto credentials = read_credentials(path);
  ASSERT_FALSE(credentials);
  EXPECT_NE(credentials.error().find("lacks \"auth_token\""), std::string::npos);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace microvisor::cloud
