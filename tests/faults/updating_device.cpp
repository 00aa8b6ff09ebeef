#include "tests/faults/updating_device.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>
#include <vector>

#include "board/memory/random_bits.hpp"
#include "cli/factory.hpp"
#include "firmware/image/image.hpp"
#include "firmware/layout.hpp"
#include "protocol/bundle/elf.hpp"
#include "tests/link/device_identity.hpp"
#include "tests/link/seeded_random.hpp"

namespace microvisor::tests {
namespace {

constexpr std::uint32_t kLpuart1 = 0x4600'2400;
constexpr const char* kGatewayName = "gateway.example";
/// Board time in which any update has to come to its end, back-off after lost connections included.
constexpr board::Time kPatience = 600 * board::kTicksPerSecond;
constexpr board::Time kSlice = board::kTicksPerSecond / 100;
/// Behind the application in each version: some rows, and the end inside of a row.
constexpr std::size_t kAppended = 1'003;

protocol::Bytes image_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const protocol::Bytes elf{std::istreambuf_iterator<char>(file), {}};
  const auto image = protocol::elf_to_image(elf);
  if (!image) throw std::runtime_error(path + " is no application");
  return *image;
}

}  // namespace

UpdateServer::UpdateServer(const std::string& application, std::uint64_t seed)
    : seed_((test::seed_openssl(seed), seed)), owner_(protocol::SigningKey::generate()) {
  gateway_.stand_still();
  board::RandomBits random(seed);
  for (std::size_t version = 0; version < 2; ++version) {
    images_[version] = image_of(application);
    for (std::size_t i = 0; i < kAppended + 64 * version; ++i)
      images_[version].push_back(static_cast<std::uint8_t>(random.next()));
    const auto manifest = protocol::sign_manifest(protocol::make_manifest(images_[version], {}), owner_);
    if (!manifest) throw std::runtime_error("cannot sign");
    gateway_.add_object(images_[version]);
    gateway_.add_object(*manifest);
    manifests_[version] = protocol::sha256(*manifest);
  }
}

board::BoardMemories UpdateServer::factory_board() {
  identity_ = test::identity_for(gateway_, kSid, kGatewayName, owner_);
  identity_.gateway_port = 4443;  // the joined network has no ports of the host's
  const firmware::image::FlashImage image = firmware::image::build_flash_image(identity_);
  board::BoardMemories memories =
      std::move(*board::BoardMemories::in_memory(board::BoardIdentity::from_seed(seed_)));
  cli::program(memories.flash(), image);
  return memories;
}

void UpdateServer::deploy(std::size_t version) { gateway_.set_target(manifests_[version]); }

std::optional<std::size_t> UpdateServer::version_in(std::span<const std::uint8_t> bank) const {
  for (std::size_t version = 0; version < 2; ++version) {
    const protocol::Bytes& image = images_[version];
    const bool there = std::equal(image.begin(), image.end(), bank.begin());
    const auto rest = bank.subspan(image.size());
    if (there && std::ranges::all_of(rest, [](std::uint8_t byte) { return byte == 0xFF; })) return version;
  }
  return std::nullopt;
}

UpdatingDevice::UpdatingDevice(UpdateServer& server, board::BoardMemories memories) : server_(server) {
  auto created = board::Board::create(std::move(memories));
  if (!created) throw std::runtime_error(created.error().message);
  board_ = std::move(*created);
  board::JoinedOptions options;
  options.names = {{kGatewayName, board::kGatewayAddress}};
  network_ = std::make_unique<board::JoinedNetwork>(
      board_->scheduler(),
      [&server](board::JoinedConnection& connection, std::uint32_t, std::uint16_t) {
        return server.gateway().join(connection);
      },
      options);
  board_->set_host(network_.get());
  modem_ = std::make_unique<board::AtModem>(board_->scheduler(), *network_);
  modem_->attach(*board_->serial(kLpuart1));
  board_->core().on_first_nonsecure = [this] { application_starts(); };
}

void UpdatingDevice::application_starts() {
  running_ = server_.version_in(memories().flash().array().first(board::kFlashBankSize));
  if (!running_) problem_ = "something that is neither application was started";
  if (memories().flash().any_flawed(0, board::kFlashBankSize))
    problem_ = "an application with unreadable rows was started";
}

firmware::image::JournalState UpdatingDevice::journal() {
  std::vector<std::uint32_t> unreadable;
  board::FlashCells& cells = memories().flash();
  for (std::uint32_t row = 0; row < board::kFlashBankSize / board::kFlashRowSize; ++row) {
    if (cells.bad(board::kFlashBankSize + row * board::kFlashRowSize)) unreadable.push_back(row);
  }
  return firmware::image::read_update_journal(cells.array().subspan(board::kFlashBankSize), unreadable);
}

bool UpdatingDevice::complete(std::size_t version) {
  if (running_ != version) return false;
  const auto reports = server_.gateway().seen().reports;
  return !reports.empty() && reports.back() == "COMPLETE" && journal().installed == server_.manifest(version);
}

std::string UpdatingDevice::run_until_complete(std::size_t version) {
  while (problem_.empty() && !complete(version)) {
    const board::Time now = board_->scheduler().now();
    if (now > kPatience) {
      return "not complete after " + std::to_string(kPatience / board::kTicksPerSecond) +
             " s of board time, phase " + journal().phase;
    }
    switch (board_->run({.until = now + kSlice})) {
      case board::RunEnd::Limit: break;
      case board::RunEnd::PowerCut: return {};
      default: return "the device has stopped, phase " + journal().phase;
    }
  }
  return problem_;
}

board::BoardMemories UpdatingDevice::switch_off() { return board_->take_memories(); }

board::BoardMemories UpdatingDevice::abandon() {
  board::BoardMemories memories = board_->take_memories();
  memories.supply().observe({});
  (void)board_.release();
  (void)network_.release();
  (void)modem_.release();
  return memories;
}

}  // namespace microvisor::tests
