// See module_installer.hpp.
#include "firmware/kernel/link/module_installer.hpp"

#include <algorithm>

#include "firmware/storage/bytes.hpp"

namespace microvisor::firmware::link {

using net::AtDialogue;
using net::WifiModule;
using update::UpdateError;

namespace {

constexpr std::uint64_t kFlashTime = 5 * net::kSeconds;  // in which it has stored or hashed what it was given
constexpr unsigned kPatience = 8;                        // times that it goes on where the module says

bool is_kind(const net::ModuleState& now, const manifest::ModuleManifest& image) {
  return now.name() == image.module.data();
}

}  // namespace

bool ModuleInstaller::runs(const net::ModuleState& now, const manifest::ModuleManifest& image) {
  return is_kind(now, image) && now.version == image.version && !now.on_trial;
}

bool ModuleInstaller::run(bool proven) {
  const UpdateError failed = updater_.module_tried() ? UpdateError::ModuleFailed : UpdateError::ModuleRefused;
  if (!wake()) return done(failed);
  const manifest::ModuleManifest& image = *updater_.for_module();
  const net::ModuleState& now = module_.firmware();
  if (!is_kind(now, image)) return done(UpdateError::WrongModule);
  if (runs(now, image)) return done(UpdateError::None);
  if (now.on_trial) return judge(proven && now.version == image.version);
  if (updater_.module_tried()) return done(failed);  // it has gone back by itself
  if (now.version > image.version && !image.may_replace_newer) return done(UpdateError::ModuleOlder);
  return give(image);
}

bool ModuleInstaller::done(UpdateError error) {
  updater_.module_done(error);
  return false;
}

/// What is not taken back by this goes by itself.
bool ModuleInstaller::judge(bool good) {
  const bool kept = accepts(good ? "AT+MVFWC" : "AT+MVFWR") && good;
  return done(kept ? UpdateError::None : UpdateError::ModuleFailed);
}

/// Whatever goes wrong with a piece, the module knows where to go on.
bool ModuleInstaller::give(const manifest::ModuleManifest& image) {
  for (unsigned attempt = 0; attempt < kPatience; ++attempt) {
    if (!wake() || !announce(image)) continue;
    const bool given = wake() && give_rest(image);
    if (updater_.for_module() == nullptr) return false;
    if (!given) continue;
    updater_.set_module_tried();
    if (accepts("AT+MVFWE") || (wake() && module_.firmware().on_trial)) return true;
    break;
  }
  return done(UpdateError::ModuleRefused);
}

bool ModuleInstaller::give_rest(const manifest::ModuleManifest& image) {
  static std::array<std::uint8_t, kPiece> buffer;  // too large for the worker's stack
  std::uint32_t offset = module_.firmware().offset;
  while (offset < image.size) {
    const auto piece = std::span(buffer).first(std::min<std::size_t>(kPiece, image.size - offset));
    if (!updater_.read_image(offset, piece)) return done(UpdateError::Storage);
    if (!give_piece(offset, piece)) return false;
    offset += static_cast<std::uint32_t>(piece.size());
  }
  return true;
}

bool ModuleInstaller::announce(const manifest::ModuleManifest& image) {
  say("AT+MVFW=", image.size);
  module_.dialogue().send(",");
  say_digits(image.hash);
  say(",", image.version);
  return accepts("");
}

bool ModuleInstaller::give_piece(std::uint32_t offset, std::span<const std::uint8_t> piece) {
  say("AT+MVFWD=", offset);
  say(",", static_cast<std::uint32_t>(piece.size()));
  say(",", storage::crc32(piece));
  return accepts("") && accepts({reinterpret_cast<const char*>(piece.data()), piece.size()});
}

bool ModuleInstaller::wake() { return module_.wake(WifiModule::kBootTime); }

bool ModuleInstaller::accepts(std::string_view command) {
  return module_.dialogue().command(command, kFlashTime) == AtDialogue::Answer::Ok;
}

void ModuleInstaller::say(std::string_view before, std::uint32_t number) {
  module_.dialogue().send(before);
  std::array<char, 10> digits;
  std::size_t at = digits.size();
  do {
    digits[--at] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  module_.dialogue().send({&digits[at], digits.size() - at});
}

void ModuleInstaller::say_digits(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (std::size_t at = 0; at < 2 * bytes.size(); ++at) {
    const unsigned shift = at % 2 == 0 ? 4 : 0;
    module_.dialogue().send({&kDigits[bytes[at / 2] >> shift & 15U], 1});
  }
}

}  // namespace microvisor::firmware::link
