// An object that travels in a transfer encoding (protocol/transfer/FORMAT.md), decoded on its way into the
// staging area.
//
// A transfer goes on at a whole segment, the staging area at a whole sector: what the first segment has in
// front of the sector has been stored already and is dropped. Holds the memory of the decoder, 12 KiB.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "firmware/update/staging.hpp"
#include "protocol/transfer/decoder.hpp"

namespace microvisor::firmware::update {

class Decoding final : private protocol::transfer::Sink {
 public:
  using YieldHook = void (*)();
  Decoding(Staging& staging, YieldHook hook) : staging_(staging), yield_(hook) {}

  /// What comes from now on is an encoding of the staging area's open object, of which `offset` bytes are
  /// there. `base` has to stay until end().
  void begin(std::uint32_t offset, std::uint32_t maximum_size, std::span<const std::uint8_t> base);
  [[nodiscard]] bool active() const { return decoder_.has_value(); }
  /// WrongHash: this is no encoding that leads to the object; all other errors are the staging area's.
  [[nodiscard]] StagingStatus decode(std::span<const std::uint8_t> piece);
  /// The encoding has come to its end, and with it the object.
  [[nodiscard]] bool complete() const { return complete_; }
  void end() { decoder_.reset(); }

 private:
  [[nodiscard]] bool write(std::span<const std::uint8_t> bytes) override;  // Sink

  Staging& staging_;
  YieldHook yield_;
  std::uint32_t stored_ = 0;  // bytes still to come that are in the staging area already
  StagingStatus sink_status_ = StagingStatus::Ok;
  bool complete_ = false;
  std::optional<protocol::transfer::Decoder> decoder_;
};

}  // namespace microvisor::firmware::update
