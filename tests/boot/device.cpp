#include "tests/boot/device.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

#include "cli/factory.hpp"
#include "firmware/layout.hpp"

namespace microvisor::tests {

namespace {

constexpr std::uint32_t kSecureHideControl = 0x5002'20C0;  // FLASH_SECHDPCR
constexpr std::uint32_t kHideBank2 = 1u << 1;

/// Cell number of an address in bank 2.
std::uint32_t cell(std::uint32_t address) {
  return board::kFlashBankSize + address - firmware::kMicrovisorFlash;
}

}  // namespace

firmware::image::FlashImage factory_image() {
  firmware::image::Identity identity;
  identity.device_sid = "UV00112233445566778899aabbccddeeff";
  identity.device_private_key.fill(1);
  identity.device_certificate.assign(300, 0x30);
  identity.gateway_host = "gateway.invalid";
  identity.gateway_port = 1;
  identity.gateway_server_name = "gateway.invalid";
  identity.gateway_ca.assign(300, 0x30);
  return firmware::image::build_flash_image(identity);
}

Device::Device() : memories_(*board::BoardMemories::in_memory(board::BoardIdentity::from_seed(kDeviceSeed))) {
  cli::program(memories_.flash(), factory_image());
}

board::FlashCells& Device::cells() { return board_ ? board_->memories().flash() : memories_.flash(); }

void Device::flip(std::uint32_t address, unsigned bit) {
  const auto byte = static_cast<std::uint8_t>(cells().array()[cell(address)] ^ (1u << bit));
  cells().load(cell(address), std::array{byte});
}

void Device::write(std::uint32_t address, std::span<const std::uint8_t> bytes) {
  cells().load(cell(address), bytes);
}

void Device::spoil(std::uint32_t address) { cells().mark(cell(address), board::RowState::Bad); }

void Device::program_ratchet(std::uint32_t rows) {
  for (std::uint32_t row = 0; row < rows; ++row) burn_ratchet_row(row);
}

void Device::burn_ratchet_row(std::uint32_t row) {
  // The cells of OTP follow those of the main array.
  const std::vector<std::uint8_t> zeros(board::kFlashRowSize, 0);
  cells().load(board::kOtpCells + row * board::kFlashRowSize, zeros);
}

void Device::tear_ratchet_row(std::uint32_t row) {
  cells().mark(board::kOtpCells + row * board::kFlashRowSize, board::RowState::Bad);
}

void Device::write_application(std::span<const std::uint8_t> bytes) { cells().load(0, bytes); }

void Device::write_nor(std::uint32_t offset, std::span<const std::uint8_t> bytes) {
  board::NorArray nor = memories_.nor().array();
  for (std::size_t i = 0; i < bytes.size(); ++i) nor.poke(offset + i, bytes[i]);
}

std::vector<std::uint8_t> Device::read_nor(std::uint32_t offset, std::uint32_t size) {
  const board::NorArray nor = board_->memories().nor().array();
  std::vector<std::uint8_t> bytes(size);
  for (std::uint32_t i = 0; i < size; ++i) bytes[i] = nor.read(offset + i);
  return bytes;
}

void Device::switch_on() {
  auto created = board::Board::create(std::move(memories_), {});
  ASSERT_TRUE(created) << created.error().message;
  board_ = std::move(*created);
}

void Device::power_cycle() {
  const auto cycled = board_->power_cycle();
  ASSERT_TRUE(cycled) << cycled.error().message;
}

void Device::run(std::uint64_t instructions) { end_ = board_->run({.instructions = instructions}); }

bool Device::boots() {
  constexpr std::uint64_t kSlice = 20'000;
  switch_on();
  for (std::uint64_t done = 0; done < kPlenty; done += kSlice) {
    run(kSlice);
    if (handed_over()) return true;
    if (end_ != board::RunEnd::Limit) break;
  }
  const firmware::BootStatus why = status();
  std::printf("stopped in stage %u: %s, detail 0x%x, at 0x%08x\n", static_cast<unsigned>(why.stage),
              firmware::describe(why.code), why.detail, board_->core().state.r[15]);
  return false;
}

bool Device::handed_over() { return (word(kSecureHideControl) & kHideBank2) != 0; }

std::uint32_t Device::word(std::uint32_t address) {
  std::uint32_t value = 0;
  EXPECT_TRUE(board_->bus().peek(address, 4, value));
  return value;
}

void Device::read_words(std::uint32_t address, void* out, std::size_t size) {
  for (std::size_t at = 0; at < size; at += sizeof(std::uint32_t)) {
    const std::uint32_t value = word(address + static_cast<std::uint32_t>(at));
    std::memcpy(static_cast<std::uint8_t*>(out) + at, &value, sizeof value);
  }
}

firmware::BootStatus Device::status() {
  firmware::BootStatus value{};
  read_words(firmware::kBootStatus, &value, sizeof value);
  return value;
}

firmware::BootMeasurements Device::measurements() {
  firmware::BootMeasurements value{};
  read_words(firmware::kBootMeasurements, &value, sizeof value);
  return value;
}

firmware::image::JournalState Device::journal() {
  std::vector<std::uint32_t> unreadable;
  for (std::uint32_t row = 0; row < board::kFlashBankSize / board::kFlashRowSize; ++row) {
    if (cells().bad(board::kFlashBankSize + row * board::kFlashRowSize)) unreadable.push_back(row);
  }
  return firmware::image::read_update_journal(
      cells().array().subspan(board::kFlashBankSize, board::kFlashBankSize), unreadable);
}

std::span<const std::uint8_t> Device::application_bank() {
  return cells().array().first(board::kFlashBankSize);
}

std::span<const std::uint8_t> Device::microvisor_bank() {
  return cells().array().subspan(board::kFlashBankSize, board::kFlashBankSize);
}

}  // namespace microvisor::tests
