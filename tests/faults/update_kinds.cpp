// The kinds themselves. Each is a handful of lines: what is old, what is new, and how to see from outside
// which of them is there.
#include <algorithm>
#include <functional>
#include <map>
#include <stdexcept>
#include <utility>

#include "board/memory/random_bits.hpp"
#include "protocol/bundle/key_change.hpp"
#include "tests/faults/application_update.hpp"
#include "tests/faults/erasure.hpp"
#include "tests/faults/kernel_update.hpp"
#include "tests/kernel/kernel_machine.hpp"

namespace microvisor::tests {
namespace {

/// The new version travels as what makes it of the old one: they differ in a byte here and there.
class DifferenceUpdate final : public ApplicationUpdate {
 public:
  DifferenceUpdate(const std::string& application, std::size_t size, std::uint64_t seed)
      : ApplicationUpdate(seed) {
    board::RandomBits random(seed);
    protocol::Bytes image = image_of(application);
    const std::size_t program = image.size();
    while (image.size() < size - 5) image.push_back(static_cast<std::uint8_t>(random.next()));
    of(Version::Old) = add_application(image);
    for (std::size_t at = program; at < image.size(); at += 500 + random.below(1'000)) image[at] ^= 0x55;
    of(Version::New) = add_application(std::move(image));
  }

  bool complete(Version version, board::BoardMemories& memories) override {
    if (!ApplicationUpdate::complete(version, memories)) return false;
    const auto encodings = gateway().seen().encodings;
    return version == Version::Old || std::ranges::find(encodings, "difference") != encodings.end();
  }

  void offer(Version version) override {
    ApplicationUpdate::offer(version);
    if (version == Version::New) gateway().encode_against(of(Version::Old).image);
  }
};

/// A second signer is accepted and the first no longer. The application stays.
class KeyUpdate final : public UpdateKind {
 public:
  KeyUpdate(const std::string& application, std::uint64_t seed)
      : UpdateKind(seed),
        application_(add_application(image_of(application))),
        change_(protocol::sign_key_change({kSequence, "", {owner().id()}, {next_.public_key()}}, owner())) {}

  std::string application_starts(board::BoardMemories& memories) override {
    const auto bank2 = memories.flash().array().subspan(board::kFlashBankSize);
    const auto signers = firmware::image::read_manifest_signers(bank2, unreadable_rows(memories));
    if (signers == std::vector{owner().id()}) show(Version::Old);
    if (signers == std::vector{next_.id()}) show(Version::New);
    if (!shown()) return "the signers are neither the old nor the new ones";
    if (!is_installed(application_, memories)) return "the application has changed";
    return UpdateKind::application_starts(memories);
  }

  bool complete(Version version, board::BoardMemories& memories) override {
    if (version == Version::Old) {
      const auto reports = gateway().seen().reports;
      return shown() && !reports.empty() && reports.back() == "COMPLETE";
    }
    const auto told = gateway().seen().keys;
    if (!shown() || told.empty() || told.back().sequence() != kSequence) return false;
    const auto bank2 = memories.flash().array().subspan(board::kFlashBankSize);
    return firmware::image::read_manifest_signers(bank2, unreadable_rows(memories)) ==
           std::vector{next_.id()};
  }

  void offer(Version version) override {
    gateway().set_target(application_.manifest);
    if (version == Version::New) gateway().set_key_changes({change_});
  }

 private:
  static constexpr std::uint64_t kSequence = 10;
  Application application_;
  protocol::SigningKey next_ = protocol::SigningKey::generate();
  protocol::Bytes change_;
};

/// Settings that the application stores in the vault, so often that the journal goes on to pages it has used
/// before (tests/kernel/guests/settings.c).
class SettingsUpdate final : public UpdateKind, private board::SerialDevice {
 public:
  explicit SettingsUpdate(std::uint64_t seed)
      : UpdateKind(seed), application_(add_application(guest_image("settings", {kStoredBefore, 0, 0}))) {}

  void begin_life(board::Board& board) override {
    UpdateKind::begin_life(board);
    line_.clear();
    stored_.clear();
    sessions_before_ = gateway().seen().sessions;
    board.serial(kUsart2)->connect(this);
  }

  std::string application_starts(board::BoardMemories& memories) override {
    if (!is_installed(application_, memories)) return "the application has changed";
    return UpdateKind::application_starts(memories);
  }

  bool complete(Version version, board::BoardMemories& /*memories*/) override {
    const std::string wanted = version == Version::Old ? "first" : "second";
    return stored_ == wanted && gateway().seen().sessions > sessions_before_;
  }

  void offer(Version /*version*/) override { gateway().set_target(application_.manifest); }

 private:
  static constexpr std::uint32_t kUsart2 = 0x4000'4400;
  /// Settings that a device has stored before: the journal's ring has been filled once.
  static constexpr std::uint32_t kStoredBefore = 1'500;

  void byte_from_chip(std::uint8_t byte) override {
    if (byte != '\n') {
      if (byte != '\r') line_ += static_cast<char>(byte);
      return;
    }
    if (line_ == "ssid first") show(Version::Old);
    if (line_ == "ssid second") show(Version::New);
    if (line_.starts_with("stored ")) stored_ = line_.substr(7);
    line_.clear();
  }
  void chip_ready_changed(bool /*ready*/) override {}

  Application application_;
  std::string line_;
  std::string stored_;
  unsigned sessions_before_ = 0;
};

constexpr std::size_t kSmallApplication = 24 * 1024;
constexpr std::size_t kFullApplication = 1024 * 1024;
constexpr std::size_t kExternal = 64 * 1024;

using Maker = std::function<std::unique_ptr<UpdateKind>(const std::string& application, std::uint64_t seed)>;
const std::map<std::string, Maker, std::less<>>& makers() {
  static const std::map<std::string, Maker, std::less<>> kMakers{
      {"application",
       [](const std::string& application, std::uint64_t seed) {
         return std::make_unique<ApplicationUpdate>(application, kSmallApplication, 0, seed);
       }},
      {"full-application",
       [](const std::string& application, std::uint64_t seed) {
         return std::make_unique<ApplicationUpdate>(application, kFullApplication, 0, seed);
       }},
      {"layers",
       [](const std::string& application, std::uint64_t seed) {
         return std::make_unique<ApplicationUpdate>(application, kSmallApplication, kExternal, seed);
       }},
      {"difference",
       [](const std::string& application, std::uint64_t seed) {
         return std::make_unique<DifferenceUpdate>(application, kSmallApplication, seed);
       }},
      {"kernel", [](const std::string& application,
                    std::uint64_t seed) { return std::make_unique<KernelUpdate>(application, false, seed); }},
      {"boot-stages",
       [](const std::string& application, std::uint64_t seed) {
         return std::make_unique<KernelUpdate>(application, true, seed);
       }},
      {"keys", [](const std::string& application,
                  std::uint64_t seed) { return std::make_unique<KeyUpdate>(application, seed); }},
      {"erasure", [](const std::string& application,
                     std::uint64_t seed) { return std::make_unique<Erasure>(application, kExternal, seed); }},
      {"settings",
       [](const std::string&, std::uint64_t seed) { return std::make_unique<SettingsUpdate>(seed); }},
  };
  return kMakers;
}

}  // namespace

std::vector<std::string> kind_names() {
  std::vector<std::string> names;
  for (const auto& [name, make] : makers()) names.push_back(name);
  return names;
}

std::unique_ptr<UpdateKind> make_kind(std::string_view name, const std::string& application,
                                      std::uint64_t seed) {
  const auto found = makers().find(name);
  if (found == makers().end()) throw std::runtime_error("no kind of update is called " + std::string(name));
  return found->second(application, seed);
}

}  // namespace microvisor::tests
