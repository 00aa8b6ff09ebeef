#include "tests/faults/erasure.hpp"

#include <algorithm>

#include "board/memory/random_bits.hpp"
#include "protocol/bundle/key_change.hpp"
#include "tests/faults/application_update.hpp"

namespace microvisor::tests {
namespace {

constexpr std::uint32_t kExternalStart = 0x1000;

std::vector<std::uint64_t> signers_of(board::BoardMemories& memories) {
  return firmware::image::read_manifest_signers(memories.flash().array().subspan(board::kFlashBankSize),
                                                unreadable_rows(memories));
}

/// Bank 1 and the whole NOR, and every row of bank 1 can be read.
bool is_blank(board::BoardMemories& memories) {
  const auto bank = memories.flash().array().first(board::kFlashBankSize);
  return std::ranges::all_of(bank, [](std::uint8_t byte) { return byte == 0xFF; }) &&
         !memories.flash().any_flawed(0, board::kFlashBankSize) &&
         memories.nor().array().blank(0, memories.nor().size());
}

std::vector<protocol::ExternalImage> drawn_data(std::size_t size, std::uint64_t seed) {
  board::RandomBits random(seed);
  protocol::Bytes bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
  return {{kExternalStart, std::move(bytes)}};
}

}  // namespace

Erasure::Erasure(const std::string& application, std::size_t external, std::uint64_t seed)
    : UpdateKind(seed), application_(add_application(image_of(application), drawn_data(external, seed))) {
  protocol::KeyChange change;
  change.sequence = kSequence;
  change.device_sid = kDeviceSid;
  change.remove_signers = {owner().id()};
  change.add_signers = {receiver_.public_key()};
  change.erase = true;
  change_ = protocol::sign_key_change(change, owner());
}

void Erasure::begin_life(board::Board& board) {
  UpdateKind::begin_life(board);
  told_before_ = gateway().seen().keys.size();
}

/// Nothing of the former owner's may start once its signer counts for nothing.
std::string Erasure::application_starts(board::BoardMemories& memories) {
  if (signers_of(memories) != std::vector{owner().id()})
    return "the former owner's application starts on a device that is another's";
  if (!is_installed(application_, memories)) return "the application has changed";
  show(Version::Old);
  return UpdateKind::application_starts(memories);
}

void Erasure::look(board::BoardMemories& memories) {
  if (told_in_this_life() && signers_of(memories) == std::vector{receiver_.id()} && is_blank(memories))
    show(Version::New);
}

bool Erasure::told_in_this_life() {
  const auto told = gateway().seen().keys;
  return told.size() > told_before_ && told.back().sequence() == kSequence;
}

bool Erasure::complete(Version version, board::BoardMemories& /*memories*/) {
  if (version == Version::New) return shown() == version;
  const auto reports = gateway().seen().reports;
  return shown() == version && !reports.empty() && reports.back() == "COMPLETE";
}

void Erasure::offer(Version version) {
  if (version == Version::Old) return gateway().set_target(application_.manifest);
  gateway().clear_target();
  gateway().set_key_changes({change_});
}

}  // namespace microvisor::tests
