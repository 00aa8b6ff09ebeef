#include "firmware/factory/line_dialogue.hpp"

namespace microvisor::firmware::factory {

Asked LineDialogue::take(std::uint8_t byte) {
  if (ended_) {
    length_ = digits_ = 0;
    ended_ = bad_ = false;
  }
  if (byte == '\n') return end_of_line();
  if (byte == '\r') return Asked::Nothing;
  if (word() == kCertificate) {
    take_digit(byte);
  } else if (length_ < word_.size()) {
    word_[length_++] = static_cast<char>(byte);
  } else {
    bad_ = true;
  }
  return Asked::Nothing;
}

void LineDialogue::take_digit(std::uint8_t byte) {
  const int value = byte >= '0' && byte <= '9'   ? byte - '0'
                    : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
                                                 : -1;
  if (value < 0 || digits_ / 2 == memory_.size()) {
    bad_ = true;
    return;
  }
  std::uint8_t& target = memory_[digits_ / 2];
  target = static_cast<std::uint8_t>(digits_ % 2 == 0 ? value << 4 : target | value);
  ++digits_;
}

Asked LineDialogue::end_of_line() {
  ended_ = true;
  if (bad_) return Asked::Unknown;
  if (length_ == 0) return Asked::Nothing;
  if (word() == kHello) return Asked::Request;
  return word() == kCertificate && digits_ != 0 && digits_ % 2 == 0 ? Asked::Certificate : Asked::Unknown;
}

}  // namespace microvisor::firmware::factory
