// Which release of Microvisor a device is told to run, and what becomes of it.
#include "cloud/deployments/kernel_updates.hpp"

#include <gtest/gtest.h>

#include "cloud/test/fixtures.hpp"
#include "protocol/bundle.pb.h"
#include "protocol/bundle/crypto.hpp"
#include "protocol/bundle/envelope.hpp"
#include "protocol/bundle/module_bundle.hpp"

namespace microvisor::cloud {
namespace {

using Lines = std::vector<std::string>;

struct KernelUpdateTest : testing::Test {
  test::World world;
  KernelUpdates updates{*world.store, *world.bus, world.clock};
  Kernel old_kernel = add_kernel('o');
  Kernel new_kernel = add_kernel('n');
  std::string sid = world.add_device('1').sid;

  static protocol::Bytes layer_of(char fill) {
    return protocol::Bytes(1000, static_cast<std::uint8_t>(fill));
  }
  Kernel add_kernel(char fill, protocol::Bytes manifest = {}) {
    const protocol::Bytes layer = layer_of(fill);
    if (manifest.empty()) manifest.assign(200, static_cast<std::uint8_t>(fill));
    Kernel kernel;
    kernel.account_sid = world.account.sid;
    kernel.manifest_hash = protocol::sha256(manifest);
    kernel.version = std::string(1, fill);
    EXPECT_TRUE(world.store->add_kernel(
        kernel, {{protocol::sha256(layer), layer}, {kernel.manifest_hash, manifest}}));
    return kernel;
  }
  /// Signed by somebody, with this one layer.
  static protocol::Bytes manifest_of(const protocol::Bytes& layer) {
    bundle::KernelManifest::KernelBody body;
    body.mutable_meta()->set_version_string("s");
    const protocol::Hash hash = protocol::sha256(layer);
    auto& only = *body.add_layers();
    only.set_target(bundle::Kernel);
    only.set_fetch_hash(hash.data(), hash.size());
    return protocol::sign_envelope(protocol::as_bytes(body.SerializeAsString()),
                                   protocol::SigningKey::generate());
  }
  Device device() { return *world.store->device_by_sid(sid); }
  void hello(const Kernel& runs) {
    Device changed = device();
    link::Hello message;
    message.set_kernel_manifest_hash(test::bytes_of(runs.manifest_hash));
    updates.connected(changed, message);
    world.store->update_device(changed);
  }
  void report(const Kernel& target, link::UpdateState state,
              link::UpdateError error = link::UPDATE_ERROR_NONE) {
    link::UpdateReport message;
    message.set_manifest_hash(test::bytes_of(target.manifest_hash));
    message.set_state(state);
    message.set_error(error);
    message.set_bytes_done(10);
    message.set_bytes_total(20);
    updates.reported(sid, message);
  }
  Lines story() { return world.messages(log_type::kUpdate); }
};

TEST_F(KernelUpdateTest, FromTargetToTheNewKernel) {
  hello(old_kernel);
  EXPECT_EQ(device().kernel.running, old_kernel.manifest_hash);
  EXPECT_EQ(KernelUpdates::target_of(device()), std::nullopt);
  updates.deploy(device(), new_kernel);
  EXPECT_EQ(world.commands.back().kind, DeviceCommand::Kind::KernelTargetChanged);
  EXPECT_EQ(KernelUpdates::target_of(device()), new_kernel.manifest_hash);
  EXPECT_EQ(device().kernel.status, UpdateStatus::Pending);
  report(new_kernel, link::UPDATE_STATE_FETCHING);
  EXPECT_EQ(device().kernel.progress.bytes_done, 10U);
  report(new_kernel, link::UPDATE_STATE_INSTALLING_APP);
  hello(new_kernel);
  EXPECT_EQ(device().kernel.status, UpdateStatus::UpToDate);
  report(new_kernel, link::UPDATE_STATE_COMPLETE);
  EXPECT_EQ(device().kernel.status, UpdateStatus::UpToDate);
  EXPECT_EQ(story(), (Lines{"INSTALLING_KERNEL", "KERNEL_COMPLETE"}));
}

TEST_F(KernelUpdateTest, AFailureShowsItsCodeAndIsNotTriedAgain) {
  hello(old_kernel);
  updates.deploy(device(), new_kernel);
  report(new_kernel, link::UPDATE_STATE_INSTALLING_APP);
  hello(old_kernel);
  EXPECT_EQ(device().kernel.status, UpdateStatus::Pending);
  report(new_kernel, link::UPDATE_STATE_FAILED, link::UPDATE_ERROR_TRIAL_FAILED);
  EXPECT_EQ(device().kernel.status, UpdateStatus::Error);
  EXPECT_EQ(device().kernel.error_code, 27);
  EXPECT_EQ(KernelUpdates::target_of(device()), std::nullopt);
  EXPECT_EQ(story().back(), "KERNEL_FAILED: the new kernel did not prove itself; the previous one runs");
  updates.deploy(device(), new_kernel);
  EXPECT_EQ(device().kernel.error_code, 0);
  EXPECT_EQ(KernelUpdates::target_of(device()), new_kernel.manifest_hash);
}

TEST_F(KernelUpdateTest, AKernelThatIsBroughtBackLaterIsSeen) {
  updates.deploy(device(), new_kernel);
  hello(new_kernel);
  hello(old_kernel);
  EXPECT_EQ(device().kernel.status, UpdateStatus::Pending);
  report(new_kernel, link::UPDATE_STATE_FAILED, link::UPDATE_ERROR_MEASUREMENT);
  EXPECT_EQ(device().kernel.error_code, 7);
}

TEST_F(KernelUpdateTest, ReportsOfAnOldTargetDoNotCount) {
  updates.deploy(device(), old_kernel);
  updates.deploy(device(), new_kernel);
  report(old_kernel, link::UPDATE_STATE_FAILED, link::UPDATE_ERROR_DOWNGRADE);
  EXPECT_EQ(device().kernel.status, UpdateStatus::Pending);
  EXPECT_TRUE(story().empty());
}

TEST_F(KernelUpdateTest, ObjectsBelongToTheAccountUntilTheReleaseIsRemoved) {
  const protocol::Hash& hash = new_kernel.manifest_hash;
  EXPECT_TRUE(world.store->object(world.account.sid, hash));
  EXPECT_FALSE(world.store->object(world.stranger.sid, hash));
  EXPECT_FALSE(world.store->add_kernel(new_kernel, {})) << "it is there already";
  updates.deploy(device(), new_kernel);
  world.store->remove_kernel(world.account.sid, hash);
  EXPECT_FALSE(world.store->object(world.account.sid, hash));
  EXPECT_TRUE(world.store->object(world.account.sid, old_kernel.manifest_hash));
  EXPECT_EQ(device().kernel.target, std::nullopt);
  EXPECT_EQ(world.store->kernels(world.account.sid).size(), 1U);
}

TEST_F(KernelUpdateTest, CountsWhatGoesOutForTheTarget) {
  const Kernel kernel = add_kernel('s', manifest_of(layer_of('s')));
  const protocol::Hash layer = protocol::sha256(layer_of('s'));
  EXPECT_FALSE(updates.object_sent(sid, layer, 5)) << "there is no target";
  updates.deploy(device(), kernel);
  EXPECT_TRUE(updates.object_sent(sid, kernel.manifest_hash, 200));
  EXPECT_TRUE(updates.object_sent(sid, layer, 30));
  EXPECT_FALSE(updates.object_sent(sid, protocol::sha256(layer_of('o')), 1000)) << "of something else";
  EXPECT_EQ(updates.bytes_sent(sid), 230U);
  updates.deploy(device(), kernel);
  EXPECT_EQ(updates.bytes_sent(sid), 0U) << "of the latest deployment";
}

/// A device whose Wi-Fi module runs version 1, and a release with version 2 of its firmware.
struct ModuleUpdateTest : KernelUpdateTest {
  Kernel release = add_module("MV-WIFI1", 2);

  Kernel add_module(const std::string& kind, std::uint32_t version) {
    protocol::ModuleInfo info;
    info.module = kind;
    info.version = version;
    const auto bundle = protocol::make_module_bundle(info, layer_of('m'), protocol::SigningKey::generate());
    Kernel added;
    added.account_sid = world.account.sid;
    added.manifest_hash = protocol::sha256(bundle->manifest);
    added.module = kind;
    added.version_number = version;
    EXPECT_TRUE(world.store->add_kernel(
        added, {{bundle->info.image, bundle->image}, {added.manifest_hash, bundle->manifest}}));
    return added;
  }
  void module_hello(const std::string& kind, std::uint32_t version) {
    Device changed = device();
    link::Hello message;
    message.set_kernel_manifest_hash(test::bytes_of(old_kernel.manifest_hash));
    message.set_module(kind);
    message.set_module_version(version);
    updates.connected(changed, message);
    world.store->update_device(changed);
  }
  [[nodiscard]] UpdateStatus status() { return device().module_firmware.status; }
};

TEST_F(ModuleUpdateTest, IsNamedUntilTheModuleRunsIt) {
  module_hello("MV-WIFI1", 1);
  EXPECT_EQ(device().module, "MV-WIFI1");
  updates.deploy(device(), release);
  EXPECT_EQ(status(), UpdateStatus::Pending);
  EXPECT_EQ(KernelUpdates::target_of(device()), release.manifest_hash);
  module_hello("MV-WIFI1", 1);
  EXPECT_EQ(status(), UpdateStatus::Pending);
  module_hello("", 0);  // on trial: nothing is known
  EXPECT_EQ(status(), UpdateStatus::Pending);
  EXPECT_EQ(device().module_version, 1U);
  module_hello("MV-WIFI1", 2);
  EXPECT_EQ(status(), UpdateStatus::UpToDate);
  EXPECT_NE(KernelUpdates::target_of(device()), release.manifest_hash);
}

TEST_F(ModuleUpdateTest, WhatFailedIsNotNamedAgainUntilItIsDeployedAgain) {
  module_hello("MV-WIFI1", 1);
  updates.deploy(device(), release);
  report(release, link::UPDATE_STATE_FAILED, link::UPDATE_ERROR_MODULE_FAILED);
  EXPECT_EQ(status(), UpdateStatus::Error);
  EXPECT_EQ(device().module_firmware.error_code, link::UPDATE_ERROR_MODULE_FAILED);
  EXPECT_EQ(device().kernel.status, UpdateStatus::UpToDate) << "which is another matter";
  module_hello("MV-WIFI1", 1);
  EXPECT_NE(KernelUpdates::target_of(device()), release.manifest_hash);
  updates.deploy(device(), release);
  EXPECT_EQ(KernelUpdates::target_of(device()), release.manifest_hash);
}

TEST_F(ModuleUpdateTest, MicrovisorsOwnGoesFirst) {
  module_hello("MV-WIFI1", 1);
  updates.deploy(device(), release);
  updates.deploy(device(), new_kernel);
  EXPECT_EQ(KernelUpdates::target_of(device()), new_kernel.manifest_hash);
  report(new_kernel, link::UPDATE_STATE_FAILED, link::UPDATE_ERROR_TRIAL_FAILED);
  EXPECT_EQ(KernelUpdates::target_of(device()), release.manifest_hash);
}

TEST_F(ModuleUpdateTest, WhatTheModuleRunsIsNotNamed) {
  module_hello("MV-WIFI1", 2);
  updates.deploy(device(), release);
  EXPECT_EQ(status(), UpdateStatus::UpToDate);
}

}  // namespace
}  // namespace microvisor::cloud
