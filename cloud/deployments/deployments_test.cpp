// The story of a deployment, with everything that a link can lose or repeat.
#include "cloud/deployments/deployments.hpp"

#include <gtest/gtest.h>

#include "cloud/test/fixtures.hpp"

namespace microvisor::cloud {
namespace {

using Lines = std::vector<std::string>;
const Lines kWholeStory = {"INSTALLING_APP", "STARTING_NEW_APP", "COMPLETE"};

struct DeploymentTest : testing::Test {
  test::World world;
  Deployments deployments{*world.store, *world.bus, world.clock};
  App app = world.add_app('a');
  App other = world.add_app('b');
  std::string sid = world.add_device('1').sid;

  Device device() { return *world.store->device_by_sid(sid); }

  void assign(const App& target) {
    Device changed = device();
    deployments.assign(changed, target);
    world.store->update_device(changed);
    deployments.announce(changed);
  }
  void hello(const std::optional<App>& runs) {
    Device changed = device();
    link::Hello message;
    if (runs) message.set_app_manifest_hash(test::bytes_of(runs->manifest_hash));
    deployments.connected(changed, message);
    world.store->update_device(changed);
  }
  void report(const App& target, link::UpdateState state, link::UpdateError error = link::UPDATE_ERROR_NONE) {
    link::UpdateReport message;
    message.set_manifest_hash(test::bytes_of(target.manifest_hash));
    message.set_state(state);
    message.set_error(error);
    deployments.reported(sid, message);
  }
  Lines story() { return world.messages(log_type::kUpdate); }
};

TEST_F(DeploymentTest, FromTargetToComplete) {
  hello(std::nullopt);
  EXPECT_EQ(device().status, UpdateStatus::UpToDate);
  world.clock.advance(kSecond);
  assign(app);
  EXPECT_EQ(device().status, UpdateStatus::Pending);
  EXPECT_EQ(device().target_sid, app.sid);
  EXPECT_EQ(device().targeted, world.clock.now());
  ASSERT_FALSE(world.commands.empty());
  EXPECT_EQ(world.commands.back().kind, DeviceCommand::Kind::TargetChanged);
  EXPECT_EQ(Deployments::target_of(device()), app.manifest_hash);

  report(app, link::UPDATE_STATE_FETCHING);
  EXPECT_TRUE(story().empty());
  report(app, link::UPDATE_STATE_INSTALLING_APP);
  deployments.disconnected(sid);
  EXPECT_EQ(device().status, UpdateStatus::Pending);
  hello(app);
  EXPECT_EQ(device().status, UpdateStatus::Pending);
  report(app, link::UPDATE_STATE_STARTING_NEW_APP);
  world.clock.advance(kSecond);
  report(app, link::UPDATE_STATE_COMPLETE);
  EXPECT_EQ(story(), kWholeStory);
  EXPECT_EQ(device().status, UpdateStatus::UpToDate);
  EXPECT_EQ(device().reported_sid, app.sid);
  EXPECT_EQ(device().reported, world.clock.now());
}

struct ReturnTest : DeploymentTest {
  void install(const App& target) {
    assign(target);
    hello(target);
    report(target, link::UPDATE_STATE_COMPLETE);
  }
  void policy(std::uint32_t after, std::uint32_t within) {
    AppReturn record = world.store->app_return(sid);
    record.after_crashes = after;
    record.within_seconds = within;
    world.store->set_app_return(sid, record);
  }
  void crash(unsigned times, Timestamp apart = kSecond) {
    for (unsigned i = 0; i < times; ++i) {
      world.clock.advance(apart);
      deployments.crashed(sid);
    }
  }
};

TEST_F(ReturnTest, ToTheApplicationBefore) {
  policy(3, 60);
  install(app);
  install(other);
  crash(2);
  EXPECT_EQ(device().target_sid, other.sid);
  crash(1);
  EXPECT_EQ(device().target_sid, app.sid);
  EXPECT_EQ(device().status, UpdateStatus::Pending);
  EXPECT_EQ(world.commands.back().kind, DeviceCommand::Kind::TargetChanged);
  EXPECT_EQ(world.store->app_return(sid).returned_from, other.sid);
  const std::string line = "RETURNING to " + app.sid + ": " + other.sid + " has crashed 3 times within 60 s";
  EXPECT_EQ(story().back(), line);
  crash(3);  // until it is installed
  EXPECT_EQ(story().back(), line);
  install(app);
  EXPECT_EQ(world.store->app_return(sid).last_good, app.sid) << "what has crashed is not the last good one";
  crash(5);
  EXPECT_EQ(device().target_sid, app.sid) << "there is nothing to return to";
}

TEST_F(ReturnTest, OnlyWhenCrashesComeCloseTogether) {
  policy(3, 60);
  install(app);
  install(other);
  crash(10, 31 * kSecond);
  EXPECT_EQ(device().target_sid, other.sid);
  crash(1, 29 * kSecond);
  EXPECT_EQ(device().target_sid, app.sid);
}

TEST_F(ReturnTest, OnlyIfTheOwnerWantsIt) {
  install(app);
  install(other);
  crash(16);
  EXPECT_EQ(device().target_sid, other.sid);
  const App third = world.add_app('c');
  install(third);
  EXPECT_EQ(world.store->app_return(sid).last_good, app.sid) << "the second one has crashed too often";
  policy(1, 60);
  EXPECT_TRUE(world.store->remove_app(device().account_sid, app.sid));
  crash(1);
  EXPECT_EQ(device().target_sid, third.sid) << "the last good one has been deleted";
}

TEST_F(ReturnTest, ATargetThatIsUnderWayStays) {
  policy(1, 60);
  install(app);
  install(other);
  const App third = world.add_app('c');
  assign(third);
  crash(4);
  EXPECT_EQ(device().target_sid, third.sid);
}

TEST_F(DeploymentTest, RepeatedReportsAreShownOnce) {
  assign(app);
  for (int i = 0; i < 2; ++i) {
    report(app, link::UPDATE_STATE_INSTALLING_APP);
    report(app, link::UPDATE_STATE_STARTING_NEW_APP);
    report(app, link::UPDATE_STATE_COMPLETE);
  }
  EXPECT_EQ(story(), kWholeStory);
}

TEST_F(DeploymentTest, LostReportsAreFilledIn) {
  assign(app);
  report(app, link::UPDATE_STATE_COMPLETE);
  EXPECT_EQ(story(), kWholeStory);
}

TEST_F(DeploymentTest, ALostCompleteDoesNotLeaveTheDevicePending) {
  assign(app);
  report(app, link::UPDATE_STATE_INSTALLING_APP);
  hello(app);
  EXPECT_EQ(device().status, UpdateStatus::Pending);  // COMPLETE is expected on this connection
  hello(app);
  EXPECT_EQ(device().status, UpdateStatus::UpToDate);
  EXPECT_EQ(story(), kWholeStory);
  report(app, link::UPDATE_STATE_COMPLETE);
  EXPECT_EQ(story(), kWholeStory);
}

TEST_F(DeploymentTest, ALostInstallingIsFilledInByTheNextReport) {
  assign(app);
  hello(app);
  EXPECT_EQ(device().status, UpdateStatus::UpToDate);
  report(app, link::UPDATE_STATE_STARTING_NEW_APP);
  report(app, link::UPDATE_STATE_COMPLETE);
  EXPECT_EQ(story(), kWholeStory);
}

TEST_F(DeploymentTest, FailureIsAnErrorWithItsCode) {
  assign(app);
  report(app, link::UPDATE_STATE_FAILED, link::UPDATE_ERROR_SIGNATURE);
  EXPECT_EQ(device().status, UpdateStatus::Error);
  EXPECT_EQ(device().error_code, 3);
  EXPECT_EQ(story(), (Lines{"FAILED: the signature is missing or wrong"}));
  EXPECT_FALSE(Deployments::target_of(device()));  // not tried again by itself
  hello(std::nullopt);
  EXPECT_EQ(device().status, UpdateStatus::Error);
  assign(app);
  EXPECT_EQ(device().status, UpdateStatus::Pending);
  EXPECT_EQ(device().error_code, 0);
  EXPECT_EQ(Deployments::target_of(device()), app.manifest_hash);
}

TEST_F(DeploymentTest, WhatIsFetchedOnceMoreIsToldAndNoFailure) {
  assign(app);
  report(app, link::UPDATE_STATE_FETCHING, link::UPDATE_ERROR_OLD_STAGING);
  EXPECT_EQ(device().status, UpdateStatus::Pending);
  EXPECT_EQ(story(), (Lines{"FETCHING again: an older copy of the external flash was put back"}));
  report(app, link::UPDATE_STATE_COMPLETE);
  EXPECT_EQ(device().status, UpdateStatus::UpToDate);
}

TEST_F(DeploymentTest, TheSameTargetWhileItRunsIsDone) {
  hello(app);
  assign(app);
  EXPECT_EQ(device().status, UpdateStatus::UpToDate);
  EXPECT_TRUE(story().empty());
}

TEST_F(DeploymentTest, NamingThePendingTargetAgainDoesNotRepeatTheStory) {
  assign(app);
  report(app, link::UPDATE_STATE_INSTALLING_APP);
  assign(app);
  report(app, link::UPDATE_STATE_STARTING_NEW_APP);
  report(app, link::UPDATE_STATE_COMPLETE);
  EXPECT_EQ(story(), kWholeStory);
}

TEST_F(DeploymentTest, ReportsOfAnOldTargetDoNotCount) {
  assign(app);
  assign(other);
  report(app, link::UPDATE_STATE_INSTALLING_APP);
  report(app, link::UPDATE_STATE_FAILED, link::UPDATE_ERROR_HASH);
  EXPECT_EQ(device().status, UpdateStatus::Pending);
  EXPECT_TRUE(story().empty());
  report(app, link::UPDATE_STATE_COMPLETE);
  EXPECT_EQ(device().reported_sid, app.sid);
  EXPECT_EQ(device().status, UpdateStatus::Pending);
}

TEST_F(DeploymentTest, EachDeploymentHasItsOwnStory) {
  assign(app);
  report(app, link::UPDATE_STATE_COMPLETE);
  assign(other);
  report(other, link::UPDATE_STATE_COMPLETE);
  assign(app);
  EXPECT_EQ(device().status, UpdateStatus::Pending);
  report(app, link::UPDATE_STATE_COMPLETE);
  EXPECT_EQ(story().size(), 9U);
}

TEST_F(DeploymentTest, ADeviceThatLostItsAppIsPendingAgain) {
  assign(app);
  report(app, link::UPDATE_STATE_COMPLETE);
  hello(std::nullopt);
  EXPECT_EQ(device().status, UpdateStatus::Pending);
  EXPECT_FALSE(device().reported_sid);
  EXPECT_EQ(Deployments::target_of(device()), app.manifest_hash);
}

TEST_F(DeploymentTest, ProgressIsLive) {
  assign(app);
  link::UpdateReport message;
  message.set_manifest_hash(test::bytes_of(app.manifest_hash));
  message.set_state(link::UPDATE_STATE_FETCHING);
  message.set_bytes_done(1000);
  message.set_bytes_total(4000);
  deployments.reported(sid, message);
  const UpdateProgress progress = deployments.progress(device());
  EXPECT_EQ(progress.state, link::UPDATE_STATE_FETCHING);
  EXPECT_EQ(progress.bytes_done, 1000U);
  EXPECT_EQ(progress.bytes_total, 4000U);
  report(app, link::UPDATE_STATE_INSTALLING_APP);
  EXPECT_EQ(deployments.progress(device()).state, link::UPDATE_STATE_INSTALLING_APP);
}

}  // namespace
}  // namespace microvisor::cloud
