#include "tests/faults/update_kind.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "cli/factory.hpp"
#include "firmware/layout.hpp"
#include "tests/faults/updating_device.hpp"
#include "tests/link/device_identity.hpp"
#include "tests/link/seeded_random.hpp"

namespace microvisor::tests {

const char* to_string(Version version) { return version == Version::Old ? "old" : "new"; }

UpdateKind::UpdateKind(std::uint64_t seed)
    : seed_((test::seed_openssl(seed), seed)),
      owner_(protocol::SigningKey::generate()),
      gateway_(kDeviceSid) {
  gateway_.stand_still();
}

UpdateKind::~UpdateKind() = default;

board::BoardMemories UpdateKind::factory_board() {
  identity_ = test::identity_for(gateway_, kDeviceSid, kGatewayName, owner_);
  identity_.gateway_port = 4443;  // the joined network has no ports of the host's
  const firmware::image::FlashImage image = firmware::image::build_flash_image(identity_);
  board::BoardMemories memories =
      std::move(*board::BoardMemories::in_memory(board::BoardIdentity::from_seed(seed_)));
  cli::program(memories.flash(), image);
  return memories;
}

board::BoardMemories UpdateKind::before() {
  offer(Version::Old);
  UpdatingDevice device(*this, factory_board());
  if (const std::string problem = device.run_until_complete(Version::Old); !problem.empty())
    throw std::runtime_error("the old version does not come: " + problem);
  offer(Version::New);
  return device.switch_off();
}

void UpdateKind::begin_life(board::Board& /*board*/) { shown_.reset(); }

std::string UpdateKind::application_starts(board::BoardMemories& memories) {
  if (memories.flash().any_flawed(0, board::kFlashBankSize))
    return "an application with unreadable rows was started";
  return {};
}

void UpdateKind::look(board::BoardMemories& /*memories*/) {}

UpdateKind::Application UpdateKind::add_application(protocol::Bytes image,
                                                    std::vector<protocol::ExternalImage> external) {
  const auto manifest = protocol::sign_manifest(protocol::make_manifest(image, {}, external), owner_);
  if (!manifest) throw std::runtime_error("cannot sign");
  gateway_.add_object(image);
  for (const protocol::ExternalImage& part : external) gateway_.add_object(part.bytes);
  gateway_.add_object(*manifest);
  return {std::move(image), std::move(external), protocol::sha256(*manifest)};
}

bool UpdateKind::is_installed(const Application& application, board::BoardMemories& memories) {
  const auto bank = memories.flash().array().first(board::kFlashBankSize);
  if (!std::ranges::equal(application.image, bank.first(application.image.size()))) return false;
  const auto rest = bank.subspan(application.image.size());
  if (!std::ranges::all_of(rest, [](std::uint8_t byte) { return byte == 0xFF; })) return false;
  return std::ranges::all_of(application.external, [&](const protocol::ExternalImage& part) {
    const std::uint32_t first = firmware::kApplicationNor + part.start;
    for (std::size_t i = 0; i < part.bytes.size(); ++i) {
      if (memories.nor().read(first + i) != part.bytes[i]) return false;
    }
    return true;
  });
}

std::vector<std::uint32_t> unreadable_rows(board::BoardMemories& memories) {
  std::vector<std::uint32_t> rows;
  for (std::uint32_t row = 0; row < board::kFlashBankSize / board::kFlashRowSize; ++row) {
    if (memories.flash().bad(board::kFlashBankSize + row * board::kFlashRowSize)) rows.push_back(row);
  }
  return rows;
}

firmware::image::JournalState journal_of(board::BoardMemories& memories) {
  return firmware::image::read_update_journal(memories.flash().array().subspan(board::kFlashBankSize),
                                              unreadable_rows(memories));
}

}  // namespace microvisor::tests
