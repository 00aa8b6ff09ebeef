// Data channels: the application's end of a stream to the service. An opaque one carries bytes, the others
// messages (channel_message.hpp).
//
// The buffers are the application's memory; positions are the kernel's own, so nothing in the buffers is
// believed. A channel the application has closed gives its buffers back at once; what was not sent yet is
// kept by the kernel until the link has sent it, at most kLinger bytes of all such channels together. Used by
// system calls and, under Atomic, by the worker.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "abi/interface.hpp"
#include "firmware/kernel/channel_message.hpp"
#include "firmware/kernel/resident/application_ring.hpp"
#include "firmware/kernel/resident/endpoints.hpp"
#include "firmware/kernel/resident/handles.hpp"
#include "firmware/kernel/resident/memory_claims.hpp"
#include "firmware/kernel/resident/notifications.hpp"
#include "firmware/kernel/resident/pieces.hpp"
#include "firmware/kernel/resident/rate_limit.hpp"

namespace microvisor::firmware::kernel {

/// What a call that opens a channel has found out so far.
struct ChannelOpening {
  Caller by;                         // its stack pointer is 0 if there is none
  bool looked_up = false;            // so `endpoint_fits` says something
  bool endpoint_fits = false;        // the type of channel goes with it
  bool fits = false;                 // Channels::check has passed
  std::uint32_t claims_changes = 0;  // when it did
  abi::OpenChannelParams params{};
  EndpointName endpoint{};  // cut: one byte more than the longest
  std::uint32_t endpoint_length = 0;
  EndpointLookup lookup;

  [[nodiscard]] std::string_view name() const { return {endpoint.text.data(), endpoint_length}; }

  void end() { by.stack_pointer = 0; }
};

/// What an MQTT channel has asked for and not heard of.
struct MqttRequests {
  static constexpr std::uint8_t kPublications = 8;
  std::uint8_t publications = 0;
  bool subscription = false;
  bool end_of_subscription = false;
  bool disconnection = false;

  void answered(MessageKind response);
};

/// Messages of quality of service 2 that the application has read, the latest: a broker's session that goes
/// on over another channel is not to bring them again.
class DeliveredMessages {
 public:
  static constexpr unsigned kCount = 16;
  void reset() { *this = {}; }
  void add(std::uint32_t correlation_id) { ids_[next_++ % kCount] = correlation_id; }
  /// 0: none.
  [[nodiscard]] std::uint32_t operator[](unsigned index) const { return ids_[index]; }

 private:
  std::array<std::uint32_t, kCount> ids_{};
  unsigned next_ = 0;
};

class Channels {
 public:
  static constexpr unsigned kChannels = 4;
  static constexpr std::uint32_t kLinger = 1024;
  enum class State : std::uint8_t { Free, Open, Ended, Closing };
  struct Slot {
    State state = State::Free;
    abi::ChannelType type = abi::ChannelType::OPAQUEBYTES;
    abi::ChannelHandle id = 0;
    abi::NotificationHandle centre = 0;
    std::uint32_t tag = 0;
    EndpointName endpoint{};  // of an opaque one
    ApplicationRing receive;
    ApplicationRing send;
    Pieces pieces;            // of writing
    bool wants_room = false;  // a write was cut short: the application waits for WRITESPACE
    abi::ClosureReason reason = abi::ClosureReason::NONE;
    // Of a channel that carries messages.
    bool requested = false;  // the one request of its life has been made
    MessageWriter writer;
    MessageReader reader;
    MqttRequests mqtt;
    void forget_messages() {
      requested = false;
      writer.end();
      reader.reset();
      mqtt = {};
    }
    std::uint32_t linger_from = 0;  // what is left of it in linger_
    std::uint32_t linger_end = 0;
  };

  static constexpr std::uint32_t kStreamLimit = 1024;  // taken by one call at most
  static constexpr std::uint32_t kOpaqueMinimumReceive = 16;
  static constexpr std::uint32_t kGranule = 512;

  void reset(std::uint32_t seed);

  // --- system calls ---
  /// The checks that need nothing but the parameters, in the documented order. `endpoint_fits`: its name has
  /// been looked at.
  [[nodiscard]] static abi::Status check(const abi::OpenChannelParams& params, bool endpoint_fits,
                                         const MemoryClaims& claims);
  /// What the next one to be opened leads to. In a trap of its own: open() has none to spare.
  void name_next(const EndpointName& endpoint);
  /// kAgain: another place than was named is the next now, or a channel that was closing has given its place
  /// up for it.
  [[nodiscard]] abi::Status open(const abi::OpenChannelParams& params, MemoryClaims& claims,
                                 std::uint64_t now, abi::ChannelHandle& handle);
  [[nodiscard]] abi::Status close(abi::ChannelHandle handle, MemoryClaims& claims);
  [[nodiscard]] abi::Status closure_reason(abi::ChannelHandle handle, abi::ClosureReason& reason) const;
  // These copy by pieces: kAgain until the last one, before which nothing is visible to the link.
  /// As many as there is room for, at most kStreamLimit.
  [[nodiscard]] abi::Status write_stream(abi::ChannelHandle handle, Address data, std::uint32_t length,
                                         std::uint32_t& written);
  /// All or nothing. `available`: room that is left.
  [[nodiscard]] abi::Status write_whole(abi::ChannelHandle handle, Address data, std::uint32_t length,
                                        std::uint32_t& available);
  [[nodiscard]] abi::Status room(abi::ChannelHandle handle, std::uint32_t& available);
  [[nodiscard]] abi::Status unread(abi::ChannelHandle handle, Address& data, std::uint32_t& length);
  [[nodiscard]] abi::Status consume(abi::ChannelHandle handle, std::uint32_t length);

  // --- calls on channels that carry messages (calls/messages.hpp) ---
  /// The channel of this handle, if it is of this type.
  [[nodiscard]] Slot* find(abi::ChannelHandle handle, abi::ChannelType type) {
    const auto index = handles_.find(handle);
    return index && slots_[*index].type == type ? &slots_[*index] : nullptr;
  }

  // --- link ---
  [[nodiscard]] abi::ChannelType type(unsigned slot) const { return slots_[slot].type; }
  [[nodiscard]] abi::ChannelHandle id(unsigned slot) const { return slots_[slot].id; }
  [[nodiscard]] std::string_view endpoint(unsigned slot) const { return slots_[slot].endpoint.text.data(); }
  [[nodiscard]] bool closing(unsigned slot) const { return slots_[slot].state == State::Closing; }
  [[nodiscard]] std::uint32_t take_sent(unsigned slot, std::span<std::uint8_t> into,
                                        Notifications& notifications, std::uint64_t now);
  [[nodiscard]] std::uint32_t receive_room(unsigned slot) const;
  void received(unsigned slot, std::span<const std::uint8_t> bytes, Notifications& notifications,
                std::uint64_t now);
  /// Tells the application of one message that has arrived as a whole. True: there was one.
  [[nodiscard]] bool announce(unsigned slot, Notifications& notifications, std::uint64_t now);
  void ended(unsigned slot, abi::ClosureReason reason, Notifications& notifications, std::uint64_t now);
  void released(unsigned slot);

 private:
  [[nodiscard]] static bool put_piece(Slot& slot, Address data, std::uint32_t total);
  [[nodiscard]] bool save_rest(Slot& slot);
  void free_linger();
  [[nodiscard]] Slot* find(abi::ChannelHandle handle);
  [[nodiscard]] const Slot* find(abi::ChannelHandle handle) const;
  /// For calls that move bytes: one that carries messages is an object of another kind.
  [[nodiscard]] Slot* find_stream(abi::ChannelHandle handle) {
    return find(handle, abi::ChannelType::OPAQUEBYTES);
  }

  HandleTable<HandleKind::Channel, kChannels> handles_;
  std::array<Slot, kChannels> slots_;
  unsigned named_ = 0;  // which place by name_next(); kChannels, as reset() makes it: none
  RateLimit<8, 8> rate_;
  std::array<std::uint8_t, kLinger> linger_{};  // of channels that are closing, one behind the other
  std::uint32_t linger_used_ = 0;
  Pieces linger_pieces_;  // of saving what is left
};

}  // namespace microvisor::firmware::kernel
