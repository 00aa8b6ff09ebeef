#include "tests/faults/kernel_update.hpp"

#include <algorithm>

#include "protocol/bundle/manifest.hpp"
#include "tests/faults/application_update.hpp"

namespace microvisor::tests {
namespace {

namespace fw = firmware;

}  // namespace

KernelUpdate::KernelUpdate(const std::string& application, bool with_stages, std::uint64_t seed)
    : UpdateKind(seed), application_(add_application(image_of(application))) {
  release_.stages = with_stages;
  release_.sign(vendor_key());
  target_ = protocol::sha256(release_.envelope);
  for (const Bytes* object : {&release_.envelope, &release_.kernel, &release_.bootrom, &release_.upgrader})
    gateway().add_object(*object);
  new_kernel_ = release_.kernel;
  new_kernel_.resize(fw::kKernelMaximumSize, 0xFF);
  const Bytes trailer = release_.trailer();
  new_kernel_.insert(new_kernel_.end(), trailer.begin(), trailer.end());
}

bool KernelUpdate::hold(fw::Pages pages, std::span<const std::uint8_t> image,
                        board::BoardMemories& memories) {
  const std::uint32_t first = board::kFlashBankSize + pages.address() - fw::kMicrovisorFlash;
  const auto found = memories.flash().array().subspan(first, pages.size());
  return !memories.flash().any_flawed(first, pages.size()) &&
         std::ranges::equal(image, found.first(image.size())) &&
         std::ranges::all_of(found.subspan(image.size()), [](std::uint8_t byte) { return byte == 0xFF; });
}

bool KernelUpdate::is_whole(fw::Pages pages, char copy, const Bytes& layer,
                            board::BoardMemories& memories) const {
  return hold(pages, shipped(pages, pages.size()), memories) ||
         (release_.stages && hold(pages, half_of(layer, copy), memories));
}

std::string KernelUpdate::application_starts(board::BoardMemories& memories) {
  if (hold(fw::kKernel, kernel_pages(), memories)) show(Version::Old);
  if (hold(fw::kKernel, new_kernel_, memories)) show(Version::New);
  if (!shown()) return "a kernel runs that is neither the old nor the new one";
  const fw::image::JournalState journal = journal_of(memories);
  const fw::Pages bootrom = journal.bootrom == 'A' ? fw::kBootromA : fw::kBootromB;
  if (!is_whole(bootrom, journal.bootrom, release_.bootrom, memories)) return "the bootrom is in pieces";
  const fw::Pages upgrader = journal.upgrader == 'A' ? fw::kUpgraderA : fw::kUpgraderB;
  if (!is_whole(upgrader, journal.upgrader, release_.upgrader, memories)) return "the upgrader is in pieces";
  if (!is_installed(application_, memories)) return "the application has changed";
  return UpdateKind::application_starts(memories);
}

bool KernelUpdate::complete(Version version, board::BoardMemories& memories) {
  if (shown() != version) return false;
  const test::Seen seen = gateway().seen();
  if (version == Version::Old) return !seen.reports.empty() && seen.reports.back() == "COMPLETE";
  if (seen.kernel_hashes.back() != protocol::to_hex(target_)) return false;
  const fw::image::JournalState journal = journal_of(memories);
  return journal.kernel_phase == "Confirmed" && !journal.on_trial;
}

void KernelUpdate::offer(Version version) {
  gateway().set_target(application_.manifest);
  if (version == Version::New) gateway().set_kernel_target(target_);
}

}  // namespace microvisor::tests
