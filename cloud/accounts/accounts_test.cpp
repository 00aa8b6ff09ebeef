// Accounts, keys and sealed secrets.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cloud/accounts/sid.hpp"
#include "cloud/test/fixtures.hpp"

namespace microvisor::cloud {
namespace {

using test::World;

TEST(Sid, Form) {
  const std::string sid = make_sid(kAppPrefix);
  EXPECT_TRUE(is_sid(kAppPrefix, sid));
  EXPECT_EQ(sid, lower_sid(sid));
  EXPECT_NE(sid, make_sid(kAppPrefix));
  EXPECT_TRUE(is_sid("UV", "UV0123456789abcdefABCDEF0123456789"));
  EXPECT_EQ(lower_sid("UV0123456789abcdefABCDEF0123456789"), "UV0123456789abcdefabcdef0123456789");
  EXPECT_FALSE(is_sid("UV", "KA0123456789abcdefABCDEF0123456789"));
  EXPECT_FALSE(is_sid("UV", "UV0123456789abcdefABCDEF012345678"));
  EXPECT_FALSE(is_sid("UV", "UV0123456789abcdefABCDEF012345678g"));
}

TEST(Accounts, TokensAndKeys) {
  World world;
  EXPECT_EQ(world.accounts.authenticate(world.account.sid, world.account.auth_token)->sid, world.account.sid);
  EXPECT_FALSE(world.accounts.authenticate(world.account.sid, world.stranger.auth_token));
  EXPECT_FALSE(world.accounts.authenticate(world.account.sid, ""));
  EXPECT_FALSE(world.accounts.authenticate("", ""));
  EXPECT_FALSE(world.accounts.authenticate("AC" + std::string(32, '0'), world.account.auth_token));
  const NewApiKey key = world.accounts.create_api_key(world.account.sid, "ci");
  EXPECT_TRUE(is_sid(kKeyPrefix, key.sid));
  EXPECT_EQ(world.accounts.authenticate(key.sid, key.secret)->sid, world.account.sid);
  EXPECT_FALSE(world.accounts.authenticate(key.sid, world.account.auth_token));
}

TEST(Accounts, TheOwnersKeyIsSealed) {
  World world;
  const Account account = *world.store->account(world.account.sid);
  const auto key = world.accounts.owner_key(account);
  EXPECT_EQ(key.public_pem(), account.owner_public_key);
  EXPECT_EQ(protocol::as_text(account.owner_private_key).find("PRIVATE KEY"), std::string_view::npos);
  const std::array<std::uint8_t, 32> other{};
  const Vault wrong(other);
  Accounts elsewhere(*world.store, wrong, world.clock);
  EXPECT_THROW((void)elsewhere.owner_key(account), std::runtime_error);
}

TEST(Vault, SealedForOnePurpose) {
  const Vault vault = test::test_vault();
  protocol::Bytes sealed = vault.seal("a", "secret");
  EXPECT_EQ(*vault.open_sealed("a", sealed), "secret");
  EXPECT_FALSE(vault.open_sealed("b", sealed));
  EXPECT_NE(vault.seal("a", "secret"), sealed);
  EXPECT_EQ(*vault.open_sealed("a", vault.seal("a", "")), "");
  sealed[14] ^= 1;
  EXPECT_FALSE(vault.open_sealed("a", sealed));
  EXPECT_FALSE(vault.open_sealed("a", protocol::Bytes(5)));
}

TEST(Vault, TheMasterKeysFileIsPrivate) {
  const std::string path = std::filesystem::temp_directory_path() / ("mv-key-" + std::to_string(::getpid()));
  std::filesystem::remove(path);
  const auto made = Vault::open(path);
  ASSERT_TRUE(made) << made.error();
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  const auto sealed = made->seal("p", "s");
  EXPECT_EQ(*Vault::open(path)->open_sealed("p", sealed), "s");
  ::chmod(path.c_str(), 0644);
  EXPECT_FALSE(Vault::open(path));
  ::chmod(path.c_str(), 0600);
  std::ofstream(path) << "short";
  EXPECT_FALSE(Vault::open(path));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace microvisor::cloud
