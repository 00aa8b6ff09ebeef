// The gateway with a scripted device over real TLS, together with what REST and the log stream show of it.
#include <gtest/gtest.h>

#include <set>

#include "cloud/test/device_client.hpp"
#include "cloud/test/fixtures.hpp"
#include "cloud/test/running_server.hpp"
#include "protocol/bundle/key_change.hpp"
#include "protocol/link/attestation.hpp"
#include "protocol/transfer/test_stream.hpp"

namespace microvisor::cloud {
namespace {

using nlohmann::json;
using test::bundle_zip;
using test::DeviceClient;
using test::DeviceIdentity;
using test::HttpClient;

struct GatewayTest : testing::Test {
  test::RunningServer running;
  HttpClient client = running.client();
  DeviceIdentity identity = test::provision(client);
  std::string path = "/v1/Devices/" + identity.sid;
  std::string own_path = "/api/devices/" + identity.sid;

  static std::string hash_of(const json& app) {
    const auto bytes = protocol::from_hex(app["hash"].get<std::string>().substr(7));
    return {bytes->begin(), bytes->end()};
  }
  /// Waits for a change that another thread is about to make.
  json wait_for_state(const std::function<bool(const json&)>& reached) const {
    json state;
    for (int i = 0; i < 20'000; ++i) {
      state = client.get(own_path).json();
      if (reached(state)) return state;
    }
    ADD_FAILURE() << "never reached: " << state.dump();
    return state;
  }
};

TEST_F(GatewayTest, WhatCarriesTheConnectionIsShown) {
  EXPECT_TRUE(client.get(own_path).json()["bearer"].is_null()) << "it has never connected";
  const auto shown = [&](int bearer, int dbm, bool roaming, int failure) {
    DeviceClient device(identity);
    device.hello([&](link::Hello& hello) {
      hello.set_bearer(static_cast<link::Bearer>(bearer));
      hello.set_signal_dbm(dbm);
      hello.set_roaming(roaming);
      hello.set_other_failed(static_cast<link::BearerFailure>(failure));
    });
    return client.get(own_path).json()["bearer"];
  };
  EXPECT_EQ(
      shown(link::BEARER_CELLULAR, -85, true, link::BEARER_FAILURE_WRONG_PASSWORD),
      (json{
          {"kind", "cellular"}, {"signal_dbm", -85}, {"roaming", true}, {"other_failed", "wrong_password"}}));
  const json cable{{"kind", "cable"}, {"signal_dbm", nullptr}, {"roaming", false}, {"other_failed", nullptr}};
  EXPECT_EQ(shown(link::BEARER_CABLE, 0, false, link::BEARER_FAILURE_NONE), cable);
  EXPECT_EQ(client.get(own_path).json()["bearer"], cable) << "also when it has gone";
  EXPECT_EQ(shown(link::BEARER_WIFI, -60, false, 77)["other_failed"], "unknown") << "of a newer kernel";
  EXPECT_TRUE(shown(link::BEARER_UNKNOWN, 0, false, 0).is_null()) << "of an older kernel, after a newer one";
}

TEST_F(GatewayTest, EveryReasonForAFailureHasANameOfItsOwn) {
  std::set<std::string> names;
  for (int failure = link::BEARER_FAILURE_NO_MODULE; link::BearerFailure_IsValid(failure); ++failure) {
    DeviceClient device(identity);
    device.hello([&](link::Hello& hello) {
      hello.set_bearer(link::BEARER_WIFI);
      hello.set_other_failed(static_cast<link::BearerFailure>(failure));
    });
    names.insert(client.get(own_path).json()["bearer"]["other_failed"].get<std::string>());
  }
  EXPECT_EQ(names.size(), 10U);
  EXPECT_FALSE(names.contains("unknown"));
}

TEST_F(GatewayTest, HelloAndPresence) {
  EXPECT_EQ(client.get(own_path).json()["connected"], false);
  test::LineStream log(client, own_path + "/logs");
  ASSERT_EQ(log.status(), 200);
  {
    DeviceClient device(identity);
    ASSERT_EQ(device.error(), "");
    EXPECT_EQ(device.protocol(), "TLSv1.2");
    const link::Frame welcome = device.hello();
    ASSERT_TRUE(welcome.has_welcome());
    EXPECT_TRUE(welcome.welcome().settings().logging_enabled());
    EXPECT_FALSE(welcome.welcome().has_target());
    const json state = client.get(own_path).json();
    EXPECT_EQ(state["connected"], true);
    EXPECT_EQ(state["kernel_version"], "1.0.0");
    EXPECT_EQ(state["kernel_version_number"], 10);
    EXPECT_EQ(state["boot_count"], 3);
    EXPECT_FALSE(state["last_seen"].is_null());
  }
  const json record = log.next_json();
  EXPECT_EQ(record["type"], "connection");
  EXPECT_EQ(record["message"], "Connection established for device " + identity.sid);
  EXPECT_EQ(record["device_sid"], identity.sid);
  wait_for_state([](const json& state) { return state["connected"] == false; });
}

/// A statement for this nonce, signed by `key`.
link::Frame attestation(const protocol::SigningKey& key, const std::string& nonce,
                        const protocol::Hash& kernel) {
  protocol::AttestationStatement statement;
  statement.nonce = protocol::as_hash(nonce).value_or(protocol::Hash());
  statement.boot.kernel_version = 10;
  statement.boot.ratchet = 2;
  statement.boot.bootrom = statement.boot.upgrader = statement.boot.kernel_manifest = statement.boot.kernel =
      kernel;
  protocol::AttestationBytes bytes{};
  protocol::write_statement(statement, bytes);
  const protocol::Signature signature = key.sign(bytes);
  link::Frame frame;
  frame.mutable_attestation()->set_statement(bytes.data(), bytes.size());
  frame.mutable_attestation()->set_signature(signature.data(), signature.size());
  return frame;
}

TEST_F(GatewayTest, WhatADeviceAttestsToIsShown) {
  EXPECT_EQ(client.get(own_path).json()["attestation"]["status"], "none");
  const auto key = protocol::SigningKey::from_pem(identity.key);
  protocol::Hash kernel;
  kernel.fill(0xAB);
  const std::string digest = protocol::to_hex(kernel);
  std::string nonce;
  {
    DeviceClient device(identity);
    nonce = device.hello("", 1).welcome().attestation_nonce();
    device.send(attestation(*key, nonce, kernel));
    const json shown = wait_for_state(
        [](const json& state) { return state["attestation"]["status"] == "unknown"; })["attestation"];
    EXPECT_TRUE(shown["reason"].is_null());
    EXPECT_FALSE(shown["date_verified"].is_null());
    EXPECT_EQ(shown["statement"]["kernel_version_number"], 10);
    EXPECT_EQ(shown["statement"]["security_ratchet"], 2);
    EXPECT_EQ(shown["statement"]["kernel"]["sha256"], digest);
    EXPECT_TRUE(shown["statement"]["kernel"]["known_as"].is_null());
    EXPECT_TRUE(shown["statement"]["application"]["hash"].is_null());
    ASSERT_EQ(client.post_json("/api/measurements", {{"sha256", digest}, {"name", "all of it"}}).status, 201);
    const json trusted = client.get(own_path).json()["attestation"];
    EXPECT_EQ(trusted["status"], "trusted");
    EXPECT_EQ(trusted["statement"]["bootrom"]["known_as"], "all of it");
  }
  DeviceClient device(identity);
  EXPECT_NE(device.hello("", 1).welcome().attestation_nonce(), nonce);
  device.send(attestation(*key, nonce, kernel));  // once more
  const json state = wait_for_state([](const json& now) { return now["attestation"]["status"] == "failed"; });
  EXPECT_EQ(state["attestation"]["reason"], "answers another nonce");
  EXPECT_EQ(state["attestation"]["statement"]["kernel"]["sha256"], digest) << "the last that was verified";
  EXPECT_EQ(state["connected"], true);
}

TEST_F(GatewayTest, MeasurementsAreNamedByTheOperator) {
  const std::string digest(64, 'a');
  EXPECT_EQ(client.get("/api/measurements").json()["measurements"].size(), 0U);
  EXPECT_EQ(client.post_json("/api/measurements", {{"sha256", "abc"}, {"name", "x"}}).status, 400);
  EXPECT_EQ(client.post_json("/api/measurements", {{"sha256", digest}}).status, 400);
  EXPECT_EQ(client.post_json("/api/measurements", {{"sha256", digest}, {"name", "factory"}}).status, 201);
  const json list = client.get("/api/measurements").json()["measurements"];
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0]["sha256"], digest);
  EXPECT_EQ(list[0]["name"], "factory");
  EXPECT_EQ(client.remove("/api/measurements/" + digest).status, 204);
  EXPECT_EQ(client.remove("/api/measurements/" + digest).status, 404);
}

/// The update records of a log, up to the one that completes.
std::vector<std::string> update_states(test::LineStream& log) {
  std::vector<std::string> states;
  while (states.empty() || states.back() != "COMPLETE") {
    const json record = log.next_json();
    if (record["type"] == "ota_update") states.push_back(record["message"].get<std::string>());
  }
  return states;
}

/// The name that its first layer is fetched by.
std::string first_layer_of(const std::string& manifest) {
  const auto info = protocol::parse_manifest(protocol::as_bytes(manifest));
  EXPECT_TRUE(info);
  return info ? test::bytes_of(info->layers[0].fetch_hash) : std::string();
}

TEST_F(GatewayTest, ADeploymentFromTargetToComplete) {
  const json app = client.upload(bundle_zip(1, 200'000)).json();
  test::LineStream log(client, own_path + "/logs");
  DeviceClient device(identity);
  device.hello();
  ASSERT_EQ(client.post_form(path, "TargetApp=" + app["sid"].get<std::string>()).status, 200);
  const auto target = device.receive(link::Frame::kTarget);
  ASSERT_TRUE(target);
  const std::string manifest_hash = target->target().manifest_hash();
  EXPECT_EQ(manifest_hash, hash_of(app));

  bool complete = false;
  const std::string manifest = device.fetch(1, manifest_hash, 0, 1 << 20, &complete);
  ASSERT_TRUE(complete);
  const std::string layer_hash = first_layer_of(manifest);
  std::string layer = device.fetch(3, layer_hash, 0, 70'000);
  ASSERT_GE(layer.size(), 70'000U);

  // The link breaks; the next connection goes on where this one was.
  DeviceClient second(identity);
  const link::Frame welcome = second.hello();
  EXPECT_EQ(welcome.welcome().target().manifest_hash(), manifest_hash);
  complete = false;
  layer += second.fetch(1, layer_hash, static_cast<std::uint32_t>(layer.size()), 1 << 20, &complete);
  EXPECT_TRUE(complete);
  EXPECT_EQ(test::bytes_of(protocol::sha256(protocol::as_bytes(layer))), layer_hash);

  second.report(manifest_hash, link::UPDATE_STATE_FETCHING);
  second.report(manifest_hash, link::UPDATE_STATE_INSTALLING_APP);
  DeviceClient third(identity);
  third.hello(manifest_hash);
  third.report(manifest_hash, link::UPDATE_STATE_STARTING_NEW_APP);
  third.report(manifest_hash, link::UPDATE_STATE_COMPLETE);
  const json done = client.get(own_path + "/wait?Timeout=20").json();
  EXPECT_EQ(done["app"]["update_status"], "up-to-date");
  EXPECT_EQ(done["app"]["reported_sid"], app["sid"]);
  EXPECT_FALSE(done["app"]["date_reported"].is_null());

  EXPECT_EQ(update_states(log), (std::vector<std::string>{"INSTALLING_APP", "STARTING_NEW_APP", "COMPLETE"}));
}

/// What a device fetches of a layer that it can take encoded: the first frame that is not Credit, and all
/// data.
struct EncodedFetch {
  bool encoded = false;
  protocol::Bytes data;
};
EncodedFetch fetch_encoded(DeviceClient& device, const protocol::Hash& layer, const protocol::Hash& base) {
  link::Frame frame;
  frame.set_stream(1);
  link::Open& open = *frame.mutable_open();
  open.set_service(link::SERVICE_FETCH);
  open.set_credit(1 << 20);
  open.set_object_hash(layer.data(), layer.size());
  open.set_accepts_encodings(1U << 1);
  open.set_base_hash(base.data(), base.size());
  open.set_base_address(0x0800'0000);
  device.send(frame);
  EncodedFetch result;
  while (auto answer = device.receive()) {
    if (answer->stream() != 1) continue;
    if (answer->has_encoded()) result.encoded = true;
    result.data.insert(result.data.end(), answer->data().begin(), answer->data().end());
    if (answer->has_close()) return result;
  }
  ADD_FAILURE() << "the connection ended";
  return result;
}

/// A deployment of 40,000 bytes to a device that runs 40,000 others, a few of which are the same.
struct EncodedGatewayTest : GatewayTest {
  json old_app = client.upload(bundle_zip(1, 40'000)).json();
  json new_app = client.upload(bundle_zip(2, 40'000)).json();
  protocol::Bytes old_image = image_of(1);
  protocol::Bytes new_image = image_of(2);

  static protocol::Bytes image_of(unsigned seed) {
    const std::string zip = bundle_zip(seed, 40'000);
    return protocol::read_bundle(protocol::as_bytes(zip))->layers.at(0).bytes;
  }
  void expect_data(const EncodedFetch& fetch, protocol::ByteView base) const {
    ASSERT_TRUE(fetch.encoded);
    protocol::transfer::Request request;
    request.base = base;
    const auto decoded = protocol::transfer::test::decode(fetch.data, request);
    EXPECT_EQ(decoded.status, protocol::transfer::Status::Complete);
    EXPECT_EQ(decoded.object, new_image);
  }
};

TEST_F(EncodedGatewayTest, ADeviceIsSentTheDifferenceToWhatItRuns) {
  client.post_form(path, "TargetApp=" + new_app["sid"].get<std::string>());
  DeviceClient device(identity);
  device.hello(hash_of(old_app));
  const auto fetch = fetch_encoded(device, protocol::sha256(new_image), protocol::sha256(old_image));
  expect_data(fetch, old_image);
  const json update = client.get(own_path).json()["update"];
  EXPECT_EQ(update["bytes_sent"], fetch.data.size());
}

TEST_F(EncodedGatewayTest, ADeviceThatRunsSomethingElseIsSentNoDifference) {
  DeviceClient device(identity);
  device.hello(hash_of(old_app));
  auto base = protocol::sha256(old_image);
  base[31] ^= 1;  // not what the app that it names has
  expect_data(fetch_encoded(device, protocol::sha256(new_image), base), {});
}

TEST_F(EncodedGatewayTest, WithoutTheAppThatItRunsThereIsNoDifference) {
  const std::string sid = old_app["sid"];
  ASSERT_EQ(client.remove("/v1/Apps/" + sid).status, 204);
  DeviceClient device(identity);
  device.hello(hash_of(old_app));
  expect_data(fetch_encoded(device, protocol::sha256(new_image), protocol::sha256(old_image)), {});
}

TEST_F(EncodedGatewayTest, UpdatesTravelWholeIfTheOwnerSaysSo) {
  ASSERT_EQ(client.post_json(own_path, {{"updates", "whole"}}).status, 200);
  EXPECT_EQ(client.get(own_path).json()["updates"], "whole");
  {
    DeviceClient device(identity);
    device.hello(hash_of(old_app));
    const auto fetch = fetch_encoded(device, protocol::sha256(new_image), protocol::sha256(old_image));
    EXPECT_FALSE(fetch.encoded);
    EXPECT_EQ(fetch.data, new_image);
  }
  ASSERT_EQ(client.post_json(own_path, {{"updates", "automatic"}}).status, 200);
  DeviceClient device(identity);
  device.hello(hash_of(old_app));
  EXPECT_TRUE(fetch_encoded(device, protocol::sha256(new_image), protocol::sha256(old_image)).encoded);
  EXPECT_EQ(client.post_json(own_path, {{"updates", "sometimes"}}).status, 400);
}

TEST_F(GatewayTest, FailureIsShown) {
  const json app = client.upload(bundle_zip(1)).json();
  client.post_form(path, "TargetApp=" + app["sid"].get<std::string>());
  DeviceClient device(identity);
  const link::Frame welcome = device.hello();
  device.report(welcome.welcome().target().manifest_hash(), link::UPDATE_STATE_FAILED,
                link::UPDATE_ERROR_STORAGE);
  const json done = client.get(own_path + "/wait?Timeout=20").json();
  EXPECT_EQ(done["app"]["update_status"], "error");
  EXPECT_EQ(done["app"]["update_error_code"], 6);
}

TEST_F(GatewayTest, ATargetNamedWhileTheDeviceWasAwayIsNamedAnew) {
  const json app = client.upload(bundle_zip(1)).json();
  const std::string form = "TargetApp=" + app["sid"].get<std::string>();
  client.post_form(path, form);
  std::string manifest_hash;
  {
    DeviceClient device(identity);
    manifest_hash = device.hello().welcome().target().manifest_hash();
    ASSERT_EQ(device.receive()->target().manifest_hash(), manifest_hash);
    device.report(manifest_hash, link::UPDATE_STATE_FAILED, link::UPDATE_ERROR_STORAGE);
    EXPECT_EQ(client.get(own_path + "/wait?Timeout=20").json()["app"]["update_status"], "error");
  }
  wait_for_state([](const json& state) { return state["connected"] == false; });
  EXPECT_FALSE(DeviceClient(identity).hello().welcome().has_target());
  wait_for_state([](const json& state) { return state["connected"] == false; });
  client.post_form(path, form);
  {
    DeviceClient device(identity);
    EXPECT_EQ(device.hello().welcome().target().manifest_hash(), manifest_hash);
    EXPECT_EQ(device.receive(link::Frame::kTarget)->target().manifest_hash(), manifest_hash);
  }
  DeviceClient device(identity);
  EXPECT_TRUE(device.hello().welcome().has_target());
  link::Frame ping;
  ping.mutable_ping();
  device.send(ping);
  EXPECT_TRUE(device.receive()->has_pong());  // no Target before it: nothing new has been named
}

TEST_F(GatewayTest, CrashesAreShown) {
  test::LineStream log(client, own_path + "/logs");
  DeviceClient device(identity);
  device.hello();
  link::Frame event;
  event.mutable_event()->set_kind(link::DEVICE_EVENT_APP_STARTED);
  device.send(event);
  wait_for_state([](const json& state) { return state["app_running"] == true; });
  event.mutable_event()->set_kind(link::DEVICE_EVENT_APP_CRASHED);
  event.mutable_event()->set_text("application crashed: hard fault at 0x12345678");
  device.send(event);
  EXPECT_EQ(log.next_json()["type"], "connection");
  const json record = log.next_json();
  EXPECT_EQ(record["type"], "app_event");
  EXPECT_EQ(record["message"], "application crashed: hard fault at 0x12345678");
  EXPECT_EQ(client.get(own_path).json()["app_running"], false);
}

TEST_F(GatewayTest, WaitingEndsAtItsTime) {
  const json app = client.upload(bundle_zip(1)).json();
  client.post_form(path, "TargetApp=" + app["sid"].get<std::string>());
  EXPECT_EQ(client.get(own_path + "/wait?Timeout=1").json()["app"]["update_status"], "pending");
}

TEST_F(GatewayTest, ObjectsOfOthersAreNotThere) {
  DeviceClient device(identity);
  device.hello();
  bool complete = false;
  link::StreamError error = link::STREAM_ERROR_NONE;
  EXPECT_EQ(device.fetch(1, std::string(32, 'x'), 0, 100, &complete, &error), "");
  EXPECT_EQ(error, link::STREAM_ERROR_NOT_FOUND);
}

TEST_F(GatewayTest, ANewConnectionReplacesTheOld) {
  DeviceClient first(identity);
  first.hello();
  DeviceClient second(identity);
  ASSERT_TRUE(second.hello().has_welcome());
  const auto goodbye = first.receive(link::Frame::kGoodbye);
  ASSERT_TRUE(goodbye);
  EXPECT_EQ(goodbye->goodbye().reason(), "replaced by a newer connection");
  EXPECT_FALSE(first.receive());
  link::Frame ping;
  ping.mutable_ping()->set_token(9);
  second.send(ping);
  EXPECT_EQ(second.receive(link::Frame::kPong)->pong().token(), 9U);
  EXPECT_EQ(client.get(own_path).json()["connected"], true);
}

TEST_F(GatewayTest, ADeviceThatComesTooOftenIsAskedForCalm) {
  std::uint32_t calm = 0;
  unsigned connections = 0;
  while (calm == 0 && connections < 300) {
    DeviceClient device(identity);
    const link::Frame answer = device.hello();
    ++connections;
    if (answer.has_goodbye()) calm = answer.goodbye().calm_seconds();
  }
  EXPECT_EQ(calm, 60U);
  EXPECT_GT(connections, 100U);
}

TEST_F(GatewayTest, SessionsAreResumed) {
  auto first = std::make_unique<DeviceClient>(identity);
  first->hello();
  EXPECT_FALSE(first->resumed());
  DeviceClient second(identity, first.get());
  ASSERT_EQ(second.error(), "");
  EXPECT_TRUE(second.resumed());
  EXPECT_TRUE(second.hello().has_welcome());
}

TEST_F(GatewayTest, CertificatesThatDoNotCount) {
  // None at all.
  DeviceIdentity nobody = identity;
  nobody.certificate.clear();
  EXPECT_NE(DeviceClient(nobody).error(), "");
  // From another cloud.
  {
    test::RunningServer elsewhere;
    DeviceIdentity foreign = test::provision(elsewhere.client());
    foreign.gateway_ca = identity.gateway_ca;
    foreign.gateway_port = identity.gateway_port;
    EXPECT_NE(DeviceClient(foreign).error(), "");
  }
  // Another device's SID in Hello.
  const DeviceIdentity other = test::provision(client);
  DeviceIdentity liar = identity;
  liar.sid = other.sid;
  DeviceClient device(liar);
  EXPECT_EQ(device.hello().goodbye().reason(), "Hello and certificate name different devices");
  EXPECT_FALSE(device.receive());
}

TEST_F(GatewayTest, AReissuedCertificateEndsTheOldOne) {
  DeviceClient old(identity);
  old.hello();
  const DeviceIdentity renewed = test::provision(client, {{"sid", identity.sid}});
  EXPECT_TRUE(old.receive(link::Frame::kGoodbye));
  DeviceClient again(identity, &old);
  EXPECT_TRUE(again.hello().has_goodbye());
  DeviceClient device(renewed);
  EXPECT_TRUE(device.hello().has_welcome());
}

/// The change of keys that the device is sent next.
protocol::KeyChange received_change(DeviceClient& device) {
  const auto frame = device.receive(link::Frame::kNewKeys);
  EXPECT_TRUE(frame.has_value());
  if (!frame) return {};
  const auto read = protocol::read_key_change(protocol::as_bytes(frame->new_keys().message()));
  EXPECT_TRUE(read.has_value());
  return read ? read->change : protocol::KeyChange{};
}

TEST_F(GatewayTest, AKeyToEncryptedLayersPassesThrough) {
  const auto listed = [this] { return client.get("/api/decrypters").json()["devices"][0]; };
  EXPECT_TRUE(listed()["certificate"].is_null()) << "it has not connected yet";
  DeviceClient device(identity);
  ASSERT_TRUE(device.hello().has_welcome());
  const auto certified = protocol::key_from_certificate(listed()["certificate"].get<std::string>());
  const auto device_key = protocol::SigningKey::from_pem(identity.key);
  ASSERT_TRUE(certified && device_key);
  EXPECT_EQ(certified->common_name, identity.sid);
  EXPECT_EQ(certified->key, device_key->public_key());

  const auto layer_key = protocol::SigningKey::generate();
  const auto wrapped = protocol::wrap_layer_key(layer_key, certified->key, identity.sid);
  const auto post = [this](const protocol::Bytes& key) {
    return client.post_json(own_path + "/decrypters", {{"wrapped_key", protocol::to_base64(key)}}).status;
  };
  EXPECT_EQ(post(protocol::write_wrapped_key(wrapped)), 201);
  EXPECT_EQ(post(protocol::Bytes(100, 4)), 400);
  const protocol::KeyChange change = received_change(device);
  EXPECT_EQ(change.device_sid, identity.sid);
  EXPECT_EQ(change.add_layer_keys, std::vector{wrapped}) << "as it came";

  const std::uint64_t id = protocol::layer_key_id(layer_key.public_key());
  link::Frame report;
  report.mutable_keys_report()->set_sequence(change.sequence);
  report.mutable_keys_report()->add_layer_keys(id);
  device.send(report);
  const json state = wait_for_state([](const json& each) { return !each["keys"]["layer_keys"].empty(); });
  EXPECT_EQ(listed()["layer_keys"], state["keys"]["layer_keys"]);
  const std::string id_text = state["keys"]["layer_keys"][0];
  EXPECT_EQ(protocol::key_id_from_text(id_text), id);
  EXPECT_EQ(client.remove("/api/decrypters/" + id_text).status, 204);
  EXPECT_EQ(client.remove("/api/decrypters/7").status, 400);
  EXPECT_EQ(received_change(device).remove_layer_keys, std::vector{id});
  test::provision(client, {{"sid", identity.sid}});
  EXPECT_TRUE(listed()["certificate"].is_null()) << "it is not that of the device any more";
}

TEST_F(GatewayTest, TheDeviceRefusesAnotherGateway) {
  test::RunningServer elsewhere;
  DeviceIdentity misled = identity;
  misled.gateway_port = elsewhere.server->gateway_port();
  EXPECT_NE(DeviceClient(misled).error().find("certificate refused"), std::string::npos);
}

TEST_F(GatewayTest, OversizeFramesEndTheConnection) {
  DeviceClient device(identity);
  device.hello();
  device.send_raw(std::string("\x08\x01", 2) + std::string(0x801, 'x'));
  EXPECT_TRUE(device.receive(link::Frame::kGoodbye));
  EXPECT_FALSE(device.receive());
}

TEST_F(GatewayTest, DataWithoutCreditEndsTheConnection) {
  const json app = client.upload(bundle_zip(1)).json();
  DeviceClient device(identity);
  device.hello();
  link::Frame open;
  open.set_stream(1);
  open.mutable_open()->set_service(link::SERVICE_FETCH);
  open.mutable_open()->set_object_hash(hash_of(app));
  device.send(open);
  link::Frame data;
  data.set_stream(1);
  data.set_data("x");
  device.send(data);
  EXPECT_TRUE(device.receive(link::Frame::kGoodbye));
  EXPECT_FALSE(device.receive());
}

TEST_F(GatewayTest, LogLinesArriveOnce) {
  test::LineStream log(client, own_path + "/logs");
  DeviceClient device(identity);
  device.hello();
  link::Frame open;
  open.set_stream(1);
  open.mutable_open()->set_service(link::SERVICE_LOG);
  device.send(open);
  device.receive(link::Frame::kCredit);
  link::LogRecord record;
  record.set_text("hello from the app\n");
  record.set_unix_microseconds(1'600'000'000'000'001);
  const std::string encoded = record.SerializeAsString();
  link::Frame data;
  data.set_stream(1);
  data.set_data(static_cast<char>(encoded.size()) + encoded);
  device.send(data);
  link::Frame event;
  event.mutable_event()->set_kind(link::DEVICE_EVENT_TESTING_COMPLETE);
  event.mutable_event()->set_value(7);
  device.send(event);
  EXPECT_EQ(log.next_json()["type"], "connection");
  const json line = log.next_json();
  EXPECT_EQ(line["type"], "app_logging");
  EXPECT_EQ(line["message"], "hello from the app");
  EXPECT_EQ(line["timestamp"], "2020-09-13T12:26:40.000001Z");
  EXPECT_EQ(log.next_json()["message"], "testing complete: 7");
  test::LineStream late(client, own_path + "/logs?Since=2");
  EXPECT_EQ(late.next_json()["message"], "hello from the app");
}

TEST_F(GatewayTest, SettingsAndRestartReachTheDevice) {
  test::LineStream log(client, own_path + "/logs");
  DeviceClient device(identity);
  device.hello();
  client.post_form(path, "LoggingEnabled=false");
  const auto off = device.receive(link::Frame::kSettings);
  ASSERT_TRUE(off);
  EXPECT_FALSE(off->settings().logging_enabled());
  client.post_form(path, "RestartApp=true");
  EXPECT_TRUE(device.receive(link::Frame::kRestartApp));
  // What a device logs all the same is not shown.
  link::Frame open;
  open.set_stream(1);
  open.mutable_open()->set_service(link::SERVICE_CHANNEL);
  open.mutable_open()->set_name("log");
  device.send(open);
  link::Frame data;
  data.set_stream(1);
  data.set_data("hidden\n");
  device.send(data);
  link::Frame ping;  // its answer tells that the data has been handled
  ping.mutable_ping();
  device.send(ping);
  ASSERT_TRUE(device.receive(link::Frame::kPong));
  client.post_form(path, "LoggingEnabled=true");
  EXPECT_TRUE(device.receive(link::Frame::kSettings)->settings().logging_enabled());
  data.set_data("shown\n");
  device.send(data);
  EXPECT_EQ(log.next_json()["type"], "connection");
  EXPECT_EQ(log.next_json()["message"], "shown");
}

TEST_F(GatewayTest, DevicesSurviveARestartOfTheCloud) {
  const json app = client.upload(bundle_zip(1)).json();
  client.post_form(path, "TargetApp=" + app["sid"].get<std::string>());
  DeviceClient before(identity);
  before.hello();
  running.restart();
  EXPECT_TRUE(before.receive(link::Frame::kGoodbye));
  identity.gateway_port = running.server->gateway_port();
  DeviceClient after(identity);
  ASSERT_EQ(after.error(), "");
  EXPECT_EQ(after.hello().welcome().target().manifest_hash(), hash_of(app));
}

}  // namespace
}  // namespace microvisor::cloud
