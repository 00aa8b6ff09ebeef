#include "tests/faults/forged_update.hpp"

#include <algorithm>
#include <stdexcept>

#include "board/memory/random_bits.hpp"
#include "firmware/layout.hpp"
#include "firmware/update/update_error.hpp"

namespace microvisor::tests {
namespace {

using firmware::update::UpdateError;

constexpr std::size_t kSize = 0x1000;
constexpr std::uint32_t kEntry = 0x400;

/// Vectors, "wfi; b .-2", and something behind it that tells it from others.
protocol::Bytes sleeping(std::uint64_t seed) {
  protocol::Bytes image(kSize);
  const std::uint32_t words[] = {firmware::kApplicationRam + firmware::kApplicationRamSize,
                                 firmware::kApplicationFlash + kEntry + 1};
  for (std::size_t i = 0; i < sizeof words; ++i)
    image[i] = static_cast<std::uint8_t>(words[i / 4] >> i % 4 * 8);
  const std::uint8_t code[] = {0x30, 0xBF, 0xFD, 0xE7};
  std::ranges::copy(code, image.begin() + kEntry);
  board::RandomBits random(seed);
  for (std::size_t at = kEntry + sizeof code; at < kSize; ++at)
    image[at] = static_cast<std::uint8_t>(random.next());
  return image;
}

protocol::Bytes signed_by(const protocol::SigningKey& signer, const protocol::Bytes& image,
                          const protocol::BundleOptions& options = {}) {
  const auto envelope = protocol::sign_manifest(protocol::make_manifest(image, options), signer);
  if (!envelope) throw std::runtime_error("cannot sign");
  return *envelope;
}

/// The body of one with the signature of the other: it is the last field of both.
protocol::Bytes with_signature_of(protocol::Bytes envelope, const protocol::Bytes& other) {
  constexpr auto kSignature = static_cast<std::ptrdiff_t>(sizeof(protocol::Signature));
  std::copy(other.end() - kSignature, other.end(), envelope.end() - kSignature);
  return envelope;
}

std::string failed(UpdateError error) { return "FAILED " + std::to_string(static_cast<unsigned>(error)); }

}  // namespace

ForgedUpdate::ForgedUpdate(std::uint64_t seed) : ApplicationUpdate(seed) {
  const auto stranger = protocol::SigningKey::generate();
  of(Version::Old) = add_application(sleeping(seed));
  of(Version::New) = add_application(sleeping(seed + 1));
  const protocol::Bytes& staged = of(Version::New).image;
  const protocol::Bytes other = sleeping(seed + 2);
  gateway().add_object(other);
  // The first names what is staged already: once it is accepted, nothing else has to come for it to start.
  add("staged", failed(UpdateError::UnknownSigner), signed_by(stranger, staged));
  add("signer", failed(UpdateError::UnknownSigner), signed_by(stranger, other));
  add("content", failed(UpdateError::Signature),
      with_signature_of(signed_by(owner(), other), signed_by(owner(), staged)));
  protocol::BundleOptions for_another, for_later;
  for_another.device_sid = "UVffeeddccbbaa99887766554433221100";
  for_later.minimum_kernel_version = 0x7FFF'FFFF;
  add("device", failed(UpdateError::OtherDevice), signed_by(owner(), other, for_another));
  add("kernel", failed(UpdateError::KernelTooOld), signed_by(owner(), other, for_later));
}

void ForgedUpdate::add(const char* name, const std::string& refusal, const protocol::Bytes& envelope) {
  gateway().add_object(envelope);
  forgeries_.push_back({name, refusal, protocol::sha256(envelope), envelope.size()});
}

void ForgedUpdate::offer(const Forgery& forgery) {
  forging_ = true;
  gateway().set_target(forgery.manifest);
}

std::string ForgedUpdate::application_starts(board::BoardMemories& memories) {
  if (forging_ && !is_installed(of(Version::Old), memories)) forged_runs_ = true;
  return ApplicationUpdate::application_starts(memories);
}

}  // namespace microvisor::tests
