// The security ratchet in OTP, and what becomes of a vault that is below it.
#include "firmware/vault/ratchet.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>

#include "firmware/storage/testing/flash_model.hpp"

namespace microvisor::firmware::vault {
namespace {

using storage::Row;
using storage::testing::FlashModel;
using storage::testing::PowerCut;
using storage::testing::PowerSupply;

/// OTP: 512 bytes at 0x0BFA'0000 (RM0456 section 7.3.2), each row blank, burnt, or with an ECC error.
struct OneTimeProgrammable {
  enum class State : std::uint8_t { Blank, Burnt, Torn };
  std::array<State, 32> rows{};

  [[nodiscard]] auto reader() const {
    return [this](std::uint32_t address, Row& row) {
      const State state = rows.at((address - 0x0BFA'0000) / 16);
      row.fill(state == State::Blank ? 0xFF : 0);
      return state != State::Torn;
    };
  }
  [[nodiscard]] std::uint32_t count() const { return count_ratchet(reader()); }
};
using State = OneTimeProgrammable::State;

TEST(Ratchet, EachBurntRowIsAStep) {
  OneTimeProgrammable memory;
  EXPECT_EQ(memory.count(), 0u);
  for (std::uint32_t step = 1; step <= 30; ++step) {
    memory.rows[step - 1] = State::Burnt;
    EXPECT_EQ(memory.count(), step);
  }
}

TEST(Ratchet, ATornRowCountsAsBurnt) {
  OneTimeProgrammable memory;
  memory.rows[0] = State::Burnt;
  memory.rows[1] = State::Torn;
  EXPECT_EQ(memory.count(), 2u);
}

TEST(Ratchet, ARowThatTakesNoProgrammingIsLeftOut) {
  OneTimeProgrammable memory;
  memory.rows.fill(State::Burnt);
  memory.rows[3] = memory.rows[17] = State::Blank;
  EXPECT_EQ(memory.count(), 30u);
}

TEST(Ratchet, ThereAreThirtySteps) {
  OneTimeProgrammable memory;
  memory.rows.fill(State::Burnt);
  EXPECT_EQ(memory.count(), 30u);
}

/// Burns rows of OTP, but for those that are worn out.
class Burner final : public storage::Flash {
 public:
  explicit Burner(OneTimeProgrammable& memory) : memory_(memory) {}
  std::set<std::uint32_t> worn_out;
  bool raise() { return raise_ratchet(*this, memory_.reader()); }

  storage::FlashStatus read_row(std::uint32_t, Row&) override { return storage::FlashStatus::Failed; }
  storage::FlashStatus erase_page(std::uint32_t) override { return storage::FlashStatus::Failed; }
  storage::FlashStatus program_row(std::uint32_t address, const Row&) override {
    const std::uint32_t row = (address - 0x0BFA'0000) / 16;
    if (memory_.rows.at(row) != State::Blank) return storage::FlashStatus::Failed;
    if (!worn_out.contains(row)) memory_.rows[row] = State::Burnt;
    return storage::FlashStatus::Ok;
  }

 private:
  OneTimeProgrammable& memory_;
};

TEST(Ratchet, IsRaisedRowByRowThirtyTimes) {
  OneTimeProgrammable memory;
  Burner burner(memory);
  for (std::uint32_t step = 1; step <= 30; ++step) {
    EXPECT_TRUE(burner.raise());
    EXPECT_EQ(memory.count(), step);
  }
  EXPECT_FALSE(burner.raise());
}

TEST(Ratchet, ASpareRowStandsInForOneThatTakesNoProgramming) {
  OneTimeProgrammable memory;
  Burner burner(memory);
  burner.worn_out = {0, 7};
  for (std::uint32_t step = 1; step <= 30; ++step) EXPECT_TRUE(burner.raise());
  EXPECT_EQ(memory.count(), 30u);

  OneTimeProgrammable worse;
  Burner other(worse);
  other.worn_out = {0, 7, 8};
  for (std::uint32_t step = 1; step <= 29; ++step) EXPECT_TRUE(other.raise());
  EXPECT_FALSE(other.raise()) << "two rows are spare, not three";
}

class VaultAge : public ::testing::Test {
 protected:
  VaultAge() : flash_(power_) { start(0); }

  /// True if the vault was believed.
  bool start(std::uint32_t ratchet) { return start(flash_, ratchet); }
  static bool start(FlashModel& flash, std::uint32_t ratchet) {
    Store store(flash);
    EXPECT_EQ(store.mount(), StoreStatus::Ok);
    const bool current = check_vault_age(store, ratchet);
    EXPECT_TRUE(accept_ratchet(store, ratchet));
    return current;
  }
  static bool has_settings(FlashModel& flash) {
    Store store(flash);
    EXPECT_EQ(store.mount(), StoreStatus::Ok);
    std::array<std::uint8_t, 4> value{};
    std::size_t size = 0;
    return store.get(Key::Settings, value, size) == StoreStatus::Ok;
  }
  void put_settings() {
    Store store(flash_);
    ASSERT_EQ(store.mount(), StoreStatus::Ok);
    ASSERT_EQ(store.put(Key::Settings, std::array<std::uint8_t, 4>{1, 2, 3, 4}), StoreStatus::Ok);
  }

  PowerSupply power_;
  FlashModel flash_;
};

TEST_F(VaultAge, AVaultOfTheSameOrALaterRatchetIsBelieved) {
  put_settings();
  EXPECT_TRUE(start(0));
  Store store(flash_);
  ASSERT_EQ(store.mount(), StoreStatus::Ok);
  ASSERT_TRUE(accept_ratchet(store, 2));  // a kernel of ratchet 2 runs; OTP follows later
  EXPECT_TRUE(start(1));
  EXPECT_TRUE(start(2));
  EXPECT_TRUE(has_settings(flash_));
}

TEST_F(VaultAge, AnOlderVaultIsForgottenAndThenCounts) {
  put_settings();
  EXPECT_FALSE(start(1));
  EXPECT_FALSE(has_settings(flash_));
  put_settings();
  EXPECT_TRUE(start(1));
  EXPECT_TRUE(has_settings(flash_));
}

TEST_F(VaultAge, AnOlderVaultIsForgottenAlsoIfThePowerFails) {
  put_settings();
  PowerSupply count;
  FlashModel undisturbed(flash_, count);
  EXPECT_FALSE(start(undisturbed, 1));
  for (std::uint64_t operation = 1; operation <= count.operations(); ++operation) {
    for (std::uint32_t seed = 0; seed < 4; ++seed) {
      PowerSupply power;
      FlashModel flash(flash_, power);
      power.cut({operation, seed});
      try {
        (void)start(flash, 1);
      } catch (const PowerCut&) {
      }
      power.never_cut();
      (void)start(flash, 1);
      EXPECT_FALSE(has_settings(flash)) << operation << ":" << seed;
    }
  }
}

}  // namespace
}  // namespace microvisor::firmware::vault
