// The application's channels as streams of the link, one for each open slot of the kernel's channel
// table.
#pragma once

#include "firmware/kernel/link/frame_io.hpp"
#include "firmware/kernel/link/link_host.hpp"

namespace microvisor::firmware::link {

class ChannelStreams {
 public:
  explicit ChannelStreams(LinkHost& host) : host_(host) {}

  void connection_started() { slots_ = {}; }
  /// Tells the kernel of every open channel that its connection is gone.
  void connection_ended();
  /// Opens, sends, grants credit and closes as the kernel's table asks. True if it sent anything.
  [[nodiscard]] bool step(FrameIo& io);
  // Events of a stream; false if the stream is none of these. `violation` tells that the peer broke the
  // rules.
  [[nodiscard]] bool received(std::uint32_t stream, std::span<const std::uint8_t> bytes, bool& violation);
  [[nodiscard]] bool credited(std::uint32_t stream, std::uint32_t bytes);
  [[nodiscard]] bool closed(std::uint32_t stream, microvisor_link_StreamError error);
  /// No channel that the application has closed still has something to send.
  [[nodiscard]] bool idle() const;
  /// There is a channel, whether anything goes over it or not.
  [[nodiscard]] bool any() const;

 private:
  struct Slot {
    std::uint32_t id = 0;       // of the kernel's channel; 0: none
    std::uint32_t stream = 0;   // 0: the stream is gone
    std::uint32_t credit = 0;   // we may send
    std::uint32_t granted = 0;  // the gateway may send
  };

  [[nodiscard]] bool step_slot(FrameIo& io, unsigned index);
  [[nodiscard]] bool open(FrameIo& io, unsigned index, const Channel& channel);
  [[nodiscard]] bool transfer(FrameIo& io, unsigned index);
  [[nodiscard]] bool grant(FrameIo& io, unsigned index);
  [[nodiscard]] bool finish(FrameIo& io, unsigned index);
  [[nodiscard]] Slot* find(std::uint32_t stream);
  [[nodiscard]] unsigned index_of(const Slot* slot) const {
    return static_cast<unsigned>(slot - slots_.data());
  }

  LinkHost& host_;
  std::array<Slot, kChannelSlots> slots_{};
};

}  // namespace microvisor::firmware::link
