// Releases of a module's firmware: what is made is read, and what is not whole is refused.
#include "protocol/bundle/module_bundle.hpp"

#include <gtest/gtest.h>

#include "protocol/bundle/manifest.hpp"
#include "protocol/bundle/zip.hpp"

namespace microvisor::protocol {
namespace {

class ModuleBundleTest : public ::testing::Test {
 protected:
  [[nodiscard]] Result<ModuleBundle> make() const { return make_module_bundle(info, image, vendor); }
  void expect_refused(ByteView archive, Refusal why) {
    const auto bundle = read_module_bundle(archive);
    ASSERT_FALSE(bundle);
    EXPECT_EQ(bundle.error().refusal, why);
  }

  const SigningKey vendor = SigningKey::generate();
  const Bytes image = Bytes(5'000, 7);
  ModuleInfo info = [] {
    ModuleInfo filled;
    filled.module = "MV-WIFI1";
    filled.version = 3;
    filled.may_replace_newer = true;
    return filled;
  }();
};

TEST_F(ModuleBundleTest, WhatIsMadeIsRead) {
  const auto made = make();
  ASSERT_TRUE(made);
  const auto read = read_module_bundle(write_module_bundle(*made));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->manifest, made->manifest);
  EXPECT_EQ(read->image, image);
  EXPECT_EQ(read->info.module, "MV-WIFI1");
  EXPECT_EQ(read->info.version, 3U);
  EXPECT_EQ(read->info.size, 5'000U);
  EXPECT_EQ(read->info.image, sha256(image));
  EXPECT_TRUE(read->info.may_replace_newer);
}

TEST_F(ModuleBundleTest, RefusesWhatADeviceWouldNotTake) {
  for (const char* kind : {"", "a,b", "two words", "a kind of 24 characters!"}) {
    info.module = kind;
    EXPECT_FALSE(make()) << kind;
  }
  info.module = "MV-WIFI1";
  EXPECT_FALSE(make_module_bundle(info, {}, vendor));
  EXPECT_FALSE(make_module_bundle(info, Bytes(kMaxModuleImageBytes + 1), vendor));
  EXPECT_TRUE(make_module_bundle(info, Bytes(kMaxModuleImageBytes), vendor));
}

TEST_F(ModuleBundleTest, RefusesAnotherImageAndNone) {
  auto made = make();
  ASSERT_TRUE(made);
  made->image[17] ^= 1;
  expect_refused(write_module_bundle(*made), Refusal::HashMismatch);
  ZipWriter zip;
  zip.add("manifest", made->manifest);
  expect_refused(std::move(zip).finish(), Refusal::LayerMissing);
}

}  // namespace
}  // namespace microvisor::protocol
