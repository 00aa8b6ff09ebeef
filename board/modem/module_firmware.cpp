// See module_firmware.hpp.
#include "board/modem/module_firmware.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace microvisor::board {
namespace {

constexpr std::size_t kHashDigits = 64;

template <typename Number>
std::optional<Number> parse(std::string_view text, int base) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// CRC-32 of IEEE 802.3.
std::uint32_t crc_of(const std::vector<std::uint8_t>& bytes) {
  std::uint32_t crc = ~0U;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB8'8320 : 0);
  }
  return ~crc;
}

std::string hash_of(const std::vector<std::uint8_t>& bytes) {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), hash.data(), &size, EVP_sha256(), nullptr);
  std::string text;
  for (unsigned at = 0; at < size; ++at) {
    text += "0123456789abcdef"[hash[at] >> 4];
    text += "0123456789abcdef"[hash[at] & 15];
  }
  return text;
}

}  // namespace

std::string ModuleFirmware::state_text() const {
  const int state = on_trial_ ? 2 : size_ != 0 ? 1 : 0;
  return "+MVFW:" + std::string(kKind) + "," + std::to_string(version_) + "," + std::to_string(state) + "," +
         std::to_string(image_.size());
}

bool ModuleFirmware::begin(std::string_view arguments) {
  const auto words = at::split_arguments(arguments);
  if (on_trial_ || words.size() != 3) return false;
  const auto size = parse<std::uint32_t>(words[0], 10), version = parse<std::uint32_t>(words[2], 10);
  const bool good = size && version && *size != 0 && *size <= kLargestImage && words[1].size() == kHashDigits;
  if (!good) return false;
  if (words[1] != hash_ || *size != size_) image_.clear();
  size_ = *size;
  hash_ = words[1];
  next_version_ = *version;
  return true;
}

std::size_t ModuleFirmware::begin_piece(std::string_view arguments) {
  const auto words = at::split_arguments(arguments);
  if (size_ == 0 || words.size() != 3) return 0;
  const auto offset = parse<std::size_t>(words[0], 10), length = parse<std::size_t>(words[1], 10);
  const auto check = parse<std::uint32_t>(words[2], 10);
  if (!offset || !length || !check || *offset != image_.size()) return 0;
  if (*length == 0 || *length > kLongestPiece || *length > size_ - image_.size()) return 0;
  wanted_ = *length;
  check_ = *check;
  piece_.clear();
  return wanted_;
}

ModuleFirmware::Taken ModuleFirmware::take(std::uint8_t byte) {
  piece_.push_back(byte);
  const bool second = !image_.empty();
  if (second && fault_ == FirmwareFault::Cut && piece_.size() == wanted_ / 2) {
    fault_ = FirmwareFault::None;
    drop_piece();
    return Taken::Restart;
  }
  if (piece_.size() < wanted_) return Taken::More;
  const bool good = crc_of(piece_) == check_ && !(second && fault_ == FirmwareFault::Bad);
  if (good) image_.insert(image_.end(), piece_.begin(), piece_.end());
  drop_piece();
  return good ? Taken::Stored : Taken::Refused;
}

void ModuleFirmware::drop_piece() {
  wanted_ = 0;
  piece_.clear();
}

bool ModuleFirmware::end() {
  if (size_ == 0 || image_.size() != size_) return false;
  const bool good = hash_of(image_) == hash_;
  if (good) {
    old_version_ = version_;
    version_ = next_version_;
    on_trial_ = true;
    starts_ = 0;
  }
  size_ = 0;
  image_.clear();
  hash_.clear();
  return good;
}

bool ModuleFirmware::confirm() {
  if (!on_trial_) return false;
  on_trial_ = false;
  return true;
}

bool ModuleFirmware::go_back() {
  if (!on_trial_) return false;
  on_trial_ = false;
  version_ = old_version_;
  return true;
}

void ModuleFirmware::started() {
  drop_piece();
  if (on_trial_ && ++starts_ >= kTrialStarts) static_cast<void>(go_back());
}

void ModuleFirmware::serialise(Archive& archive) {
  archive(version_, fault_, old_version_, on_trial_, starts_, size_, next_version_, hash_, image_, wanted_,
          check_, piece_);
}

}  // namespace microvisor::board
