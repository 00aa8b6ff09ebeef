#include "tests/faults/application_update.hpp"

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "board/memory/random_bits.hpp"
#include "protocol/bundle/elf.hpp"

namespace microvisor::tests {
namespace {

constexpr std::uint32_t kExternalStart = 0x1000;

protocol::Bytes drawn(board::RandomBits& random, std::size_t size) {
  protocol::Bytes bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
  return bytes;
}

}  // namespace

protocol::Bytes image_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const protocol::Bytes elf{std::istreambuf_iterator<char>(file), {}};
  const auto image = protocol::elf_to_image(elf);
  if (!image) throw std::runtime_error(path + " is no application");
  return *image;
}

ApplicationUpdate::ApplicationUpdate(const std::string& application, std::size_t size, std::size_t external,
                                     std::uint64_t seed)
    : UpdateKind(seed) {
  board::RandomBits random(seed);
  for (const Version version : {Version::Old, Version::New}) {
    protocol::Bytes image = image_of(application);
    // Versions of different lengths, and an end inside of a row.
    const std::size_t length = size - (version == Version::Old ? 64 + 5 : 5);
    while (image.size() < length) image.push_back(static_cast<std::uint8_t>(random.next()));
    std::vector<protocol::ExternalImage> parts;
    if (external != 0) parts.push_back({kExternalStart, drawn(random, external)});
    of(version) = add_application(std::move(image), std::move(parts));
  }
}

std::string ApplicationUpdate::application_starts(board::BoardMemories& memories) {
  for (const Version version : {Version::Old, Version::New}) {
    if (is_installed(of(version), memories)) show(version);
  }
  if (!shown()) return "something that is neither application was started";
  return UpdateKind::application_starts(memories);
}

bool ApplicationUpdate::complete(Version version, board::BoardMemories& memories) {
  if (shown() != version) return false;
  const auto reports = gateway().seen().reports;
  return !reports.empty() && reports.back() == "COMPLETE" &&
         journal_of(memories).installed == of(version).manifest;
}

void ApplicationUpdate::offer(Version version) { gateway().set_target(of(version).manifest); }

}  // namespace microvisor::tests
