#include "tests/faults/boot_scenarios.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "firmware/boot_status.hpp"
#include "firmware/bootrom/kernel_trailer.hpp"
#include "protocol/bundle/crypto.hpp"
#include "tests/boot/earlier_life.hpp"
#include "tests/boot/release.hpp"

namespace microvisor::tests {
namespace {

bool application_ran = false;

/// `size` bytes linked for `address`, with this stack.
Bytes spinning(std::uint32_t address, std::uint32_t stack, std::size_t size) {
  Bytes image(size);
  for (std::size_t at = 0; at + 1 < image.size(); at += 2) image[at] = 0xFE, image[at + 1] = 0xE7;
  const std::uint32_t words[] = {stack, address + 0x401};
  for (std::size_t i = 0; i < sizeof words; ++i)
    image[i] = static_cast<std::uint8_t>(words[i / 4] >> i % 4 * 8);
  return image;
}

Bytes spinning(firmware::Pages pages, std::size_t size) {
  return spinning(pages.address(), firmware::kMicrovisorRam + firmware::kMicrovisorRamSize, size);
}

Bytes spinning_kernel() { return spinning(firmware::kKernel, firmware::image::image_sizes().kernel_flash); }
/// The attacker's kernel beside the genuine manifest: only the hash stands in its way.
void replace_image(Device& device) { device.write(firmware::kKernel.address(), spinning_kernel()); }

/// And with a manifest that names its hash, under the genuine signature: only the signature does.
void replace_image_and_manifest(Device& device) {
  const auto pages = kernel_pages();
  const auto trailer = pages.last(firmware::kKernelTrailerSize);
  const Bytes image = spinning_kernel();
  const auto old_hash = protocol::sha256(pages.first(image.size()));
  const auto new_hash = protocol::sha256(image);
  const auto found = std::search(trailer.begin(), trailer.end(), old_hash.begin(), old_hash.end());
  if (found == trailer.end()) throw std::runtime_error("the manifest does not hold the kernel's hash");
  replace_image(device);
  device.write(firmware::kKernelTrailer + static_cast<std::uint32_t>(found - trailer.begin()), new_hash);
}

/// The genuine kernel on a device whose ratchet has gone on.
void raise_ratchet(Device& device) { device.program_ratchet(1); }

/// An update of all that can be updated, with a signature that is not the vendor's.
void ask_for_unsigned(Device& device) {
  constexpr std::size_t kSize = 0x800;
  Release release;
  release.kernel = spinning(firmware::kKernel, kSize);
  release.bootrom = layer_of(spinning(firmware::kBootromA, kSize), spinning(firmware::kBootromB, kSize));
  release.upgrader = layer_of(spinning(firmware::kUpgraderA, kSize), spinning(firmware::kUpgraderB, kSize));
  release.sign(vendor_key());
  release.envelope.back() ^= 1;
  ask_for(device, release);
}

constexpr std::size_t kApplicationSize = 0x2000;

Bytes install_genuine(Device& device) {
  Bytes image = spinning(firmware::kApplicationFlash,
                         firmware::kApplicationRam + firmware::kApplicationRamSize, kApplicationSize);
  device.write_application(image);
  record_application(device, kApplicationSize, firmware::crypto::sha256(image));
  return image;
}

/// Another application than has been installed: a bit of it has changed.
void replace_application(Device& device) {
  Bytes image = install_genuine(device);
  image.back() ^= 1;
  device.write_application(image);
}

constexpr Scenario kScenarios[] = {
    {"hash", replace_image, kAllPages, false},
    {"signature", replace_image_and_manifest, kAllPages, false},
    {"ratchet", raise_ratchet, kAllPages, false},
    {"upgrade", ask_for_unsigned, firmware::kUpgraderA, true},
    {"application", replace_application, firmware::kKernel, true},
};

std::uint32_t factory_word(std::uint32_t address) {
  static const firmware::image::FlashImage image = factory_image();
  const auto bytes = std::span(image.bank2).subspan(address - firmware::kMicrovisorFlash, 4);
  return std::uint32_t{bytes[0]} | std::uint32_t{bytes[1]} << 8 | std::uint32_t{bytes[2]} << 16 |
         std::uint32_t{bytes[3]} << 24;
}

bool changed_code_runs(Device& device) {
  const std::uint32_t at = device.board().core().state.r[15] & ~3u;
  return in_pages(device, kAllPages) && device.word(at) != factory_word(at);
}

}  // namespace

std::span<const Scenario> boot_scenarios() { return kScenarios; }

std::uint64_t past_refusal() {
  constexpr std::uint64_t kAfterwards = 5'000;
  Device genuine, replaced;
  (void)install_genuine(genuine);
  replace_application(replaced);
  genuine.switch_on();
  replaced.switch_on();
  const auto pc = [](Device& device) { return device.board().core().state.r[15]; };
  while (pc(genuine) == pc(replaced)) {
    if (genuine.instructions() > kPlenty) throw std::runtime_error("the applications are not told apart");
    genuine.run(1);
    replaced.run(1);
  }
  return replaced.instructions() + kAfterwards;
}

void watch(Device& device) {
  application_ran = false;
  device.board().core().on_first_nonsecure = [&device] {
    application_ran = true;
    device.board().stop();
  };
}

bool in_pages(Device& device, firmware::Pages pages) {
  const std::uint32_t pc = device.board().core().state.r[15];
  return pc >= pages.address() && pc < pages.end();
}

bool kernel_runs(Device& device) {
  return in_pages(device, firmware::kKernel) || device.handed_over() ||
         device.status().stage == firmware::BootStage::Kernel;
}

bool attacker_runs(Device& device, const Scenario& scenario) {
  if (application_ran || changed_code_runs(device)) return true;
  return !scenario.kernel_may_run && kernel_runs(device);
}

}  // namespace microvisor::tests
