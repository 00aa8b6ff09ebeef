// What is made of a device's answers, and which measurements an account knows.
#include "cloud/attestation/attestations.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "cloud/attestation/known.hpp"
#include "cloud/test/fixtures.hpp"
#include "protocol/bundle.pb.h"
#include "protocol/bundle/kernel_bundle.hpp"

namespace microvisor::cloud {
namespace {

protocol::Hash filled(std::uint8_t value) {
  protocol::Hash hash;
  hash.fill(value);
  return hash;
}

struct AttestationsTest : testing::Test {
  test::World world;
  Attestations attestations{*world.store, *world.bus, world.clock};
  protocol::SigningKey key = protocol::SigningKey::generate();
  std::string sid = world.add_device('1').sid;

  static link::Hello hello(std::uint32_t version = protocol::kAttestationVersion, std::uint32_t kernel = 7) {
    link::Hello hello;
    hello.set_attestation_version(version);
    hello.set_kernel_version_number(kernel);
    return hello;
  }
  link::Attestation answer(const protocol::Hash& nonce, std::uint8_t kernel = 0xB3) {
    protocol::AttestationStatement statement;
    statement.nonce = nonce;
    statement.boot.kernel_version = 7;
    statement.boot.kernel = filled(kernel);
    protocol::AttestationBytes bytes{};
    protocol::write_statement(statement, bytes);
    const protocol::Signature signature = key.sign(bytes);
    link::Attestation answer;
    answer.set_statement(bytes.data(), bytes.size());
    answer.set_signature(signature.data(), signature.size());
    return answer;
  }
  AttestationRecord record() { return world.store->attestation(sid); }
  void expect_failed(const std::string& reason) {
    EXPECT_EQ(record().status, AttestationStatus::Failed);
    EXPECT_EQ(record().reason, reason);
    EXPECT_EQ(world.messages(log_type::kEvent), std::vector<std::string>{"attestation failed: " + reason});
  }
};

TEST_F(AttestationsTest, AnAnswerOfTheDevicesKeyIsKept) {
  EXPECT_EQ(record().status, AttestationStatus::None) << "before it has ever connected";
  const protocol::Hash nonce = attestations.connected(sid, hello());
  attestations.answered(sid, key.public_key(), answer(nonce));
  EXPECT_EQ(record().status, AttestationStatus::Verified);
  EXPECT_EQ(record().checked, world.clock.now());
  EXPECT_EQ(record().verified, world.clock.now());
  const std::string statement = answer(nonce).statement();
  EXPECT_EQ(record().statement, protocol::Bytes(statement.begin(), statement.end()));
  EXPECT_EQ(attestations.counters().verified, 1U);
}

TEST_F(AttestationsTest, NoncesAreNeverTheSame) {
  EXPECT_NE(attestations.connected(sid, hello()), attestations.connected(sid, hello()));
}

TEST_F(AttestationsTest, AnotherNonce) {
  attestations.connected(sid, hello());
  attestations.answered(sid, key.public_key(), answer(filled(1)));
  expect_failed("answers another nonce");
}

TEST_F(AttestationsTest, TheAnswerOfAnEarlierConnection) {
  const link::Attestation earlier = answer(attestations.connected(sid, hello()));
  attestations.answered(sid, key.public_key(), earlier);
  ASSERT_EQ(record().status, AttestationStatus::Verified);
  attestations.connected(sid, hello());
  attestations.answered(sid, key.public_key(), earlier);
  expect_failed("answers another nonce");
  EXPECT_FALSE(record().statement.empty()) << "what was verified last stays to be looked at";
}

TEST_F(AttestationsTest, AMeasurementThatWasChangedOnTheWay) {
  link::Attestation changed = answer(attestations.connected(sid, hello()));
  changed.mutable_statement()->at(180) ^= 1;
  attestations.answered(sid, key.public_key(), changed);
  expect_failed("wrong signature");
}

TEST_F(AttestationsTest, AnotherKey) {
  const link::Attestation good = answer(attestations.connected(sid, hello()));
  attestations.answered(sid, protocol::SigningKey::generate().public_key(), good);
  expect_failed("wrong signature");
}

TEST_F(AttestationsTest, SomethingElse) {
  link::Attestation other = answer(attestations.connected(sid, hello()));
  other.mutable_statement()->pop_back();
  attestations.answered(sid, key.public_key(), other);
  expect_failed("malformed");
}

TEST_F(AttestationsTest, OnlyTheFirstAnswerCounts) {
  const protocol::Hash nonce = attestations.connected(sid, hello());
  attestations.answered(sid, key.public_key(), answer(nonce));
  attestations.answered(sid, key.public_key(), answer(filled(1)));
  EXPECT_EQ(record().status, AttestationStatus::Verified);
}

TEST_F(AttestationsTest, NoAnswerInTime) {
  attestations.connected(sid, hello());
  world.clock.advance(kAttestationTime);
  attestations.tick();
  EXPECT_EQ(record().status, AttestationStatus::None) << "there is still time";
  world.clock.advance(1);
  attestations.tick();
  expect_failed("no answer");
  attestations.tick();
  expect_failed("no answer");  // once
}

TEST_F(AttestationsTest, AConnectionThatEndsEarlySaysNothing) {
  attestations.answered(sid, key.public_key(), answer(attestations.connected(sid, hello())));
  const auto checked = record().checked;
  world.clock.advance(kSecond);
  attestations.connected(sid, hello());
  attestations.disconnected(sid);
  EXPECT_EQ(record().status, AttestationStatus::Verified);
  EXPECT_EQ(record().checked, checked);
  attestations.connected(sid, hello());
  world.clock.advance(kAttestationTime + 1);
  attestations.disconnected(sid);
  expect_failed("no answer");
}

TEST_F(AttestationsTest, AKernelThatDoesNotKnowIt) {
  attestations.connected(sid, hello(0, 3));
  world.clock.advance(2 * kAttestationTime);
  attestations.tick();
  EXPECT_EQ(record().status, AttestationStatus::None);
  EXPECT_FALSE(record().checked);
}

TEST_F(AttestationsTest, AKernelThatKnowsItHasToDoIt) {
  attestations.answered(sid, key.public_key(), answer(attestations.connected(sid, hello())));
  attestations.connected(sid, hello(0, 6));
  EXPECT_EQ(record().status, AttestationStatus::None) << "an older kernel is back";
  attestations.connected(sid, hello(0, 7));
  expect_failed("it does not attest any more");
}

// ---- What is known

struct KnownMeasurementsTest : AttestationsTest {
  KnownMeasurements known{*world.store};

  /// A release with both copies of a bootrom; the layer is `bootrom`, its key of encryption `encrypted`.
  Kernel add_release(const protocol::Bytes& bootrom, std::uint64_t encrypted = 0) {
    const protocol::Bytes image(64, 0x11);
    bundle::KernelManifest::KernelBody body;
    const auto add = [&](bundle::KernelLayerRegion target, const protocol::Bytes& layer,
                         std::uint64_t key_id) {
      auto& reference = *body.add_layers();
      reference.set_target(target);
      reference.set_encrypted_with_key_id(key_id);
      reference.set_fetch_hash(test::bytes_of(protocol::sha256(layer)));
      if (key_id != 0) reference.set_plain_hash(test::bytes_of(protocol::sha256(protocol::Bytes(64, 0xAB))));
    };
    add(bundle::Kernel, image, 0);
    add(bundle::Boot, bootrom, encrypted);
    body.mutable_meta()->set_version_string("9.9");
    bundle::KernelManifest manifest;
    *manifest.mutable_body() = body;
    manifest.set_signer_id(1);
    manifest.set_signature(std::string(64, 's'));
    const std::string text = manifest.SerializeAsString();
    Kernel kernel;
    kernel.account_sid = world.account.sid;
    kernel.manifest_hash = protocol::sha256(protocol::as_bytes(text));
    kernel.version = "9.9";
    world.store->add_kernel(kernel, {{protocol::sha256(image), image},
                                     {protocol::sha256(bootrom), bootrom},
                                     {kernel.manifest_hash, protocol::as_bytes(text)}});
    return kernel;
  }
  /// Pages of a boot stage: 32 KiB (docs/boot.md), erased where there is no image.
  static protocol::Hash pages_with(std::uint8_t fill, std::size_t size) {
    protocol::Bytes pages(32 * 1024, 0xFF);
    std::fill_n(pages.begin(), size, fill);
    return protocol::sha256(pages);
  }
};

TEST_F(KnownMeasurementsTest, ReleasesAreMeasured) {
  EXPECT_TRUE(known.of(world.account.sid).empty());
  protocol::Bytes layer(32, 0xAA);
  layer.resize(64, 0xBB);
  const Kernel kernel = add_release(layer);
  const auto found = known.of(world.account.sid);
  for (const protocol::Hash& digest : {kernel.manifest_hash, protocol::sha256(protocol::Bytes(64, 0x11)),
                                       pages_with(0xAA, 32), pages_with(0xBB, 32)}) {
    ASSERT_TRUE(found.contains(digest));
    EXPECT_EQ(found.at(digest), "release 9.9");
  }
  EXPECT_EQ(found.size(), 4U);
  EXPECT_TRUE(known.of(world.stranger.sid).empty()) << "another account's";
  world.store->remove_kernel(world.account.sid, kernel.manifest_hash);
  EXPECT_TRUE(known.of(world.account.sid).empty());
}

TEST_F(KnownMeasurementsTest, AnEncryptedLayerCannotBe) {
  add_release(protocol::Bytes(64, 0xAA), 5);
  EXPECT_EQ(known.of(world.account.sid).size(), 2U) << "manifest and kernel";
}

TEST_F(KnownMeasurementsTest, TheOperatorNamesOthers) {
  world.store->set_measurement(world.account.sid, {filled(3), "factory"});
  EXPECT_EQ(known.of(world.account.sid).at(filled(3)), "factory");
  world.store->set_measurement(world.account.sid, {filled(3), "factory, 2026"});
  EXPECT_EQ(known.of(world.account.sid).at(filled(3)), "factory, 2026");
  EXPECT_TRUE(world.store->remove_measurement(world.account.sid, filled(3)));
  EXPECT_FALSE(world.store->remove_measurement(world.account.sid, filled(3)));
  EXPECT_TRUE(known.of(world.account.sid).empty());
}

}  // namespace
}  // namespace microvisor::cloud
