// One channel of a DMA controller: its registers, the data on its way, and the linked list it works off.
//
// A channel knows nothing of time and of other channels. It says what it could do next (work()), and does one
// piece of it (transfer_burst(), load_link()) when the controller lets it. Each beat is final once it is on
// the bus: a piece that meets a busy flash bank returns Stall and goes on from there when it is called again.
// Rules: RM0456 section 17.4 (GPDMA) and 18.4 (LPDMA), registers 17.8.6 to 17.8.19.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "board/bus/archive.hpp"
#include "board/bus/bus.hpp"

namespace microvisor::board {

/// What the hardware of a channel can do.
struct DmaAbilities {
  Master master = Master::Gpdma;
  bool bursts = true;            ///< burst lengths, byte exchange, packing, destination requests (GPDMA)
  bool two_dimensional = false;  ///< repeated blocks and address offsets (GPDMA channels 12 to 15)
};

class DmaChannel {
 public:
  /// Register offsets from the channel's base (0x50 + 0x80 * x).
  enum Offset : std::uint32_t {
    kLbar = 0x00,
    kFcr = 0x0C,
    kSr = 0x10,
    kCr = 0x14,
    kTr1 = 0x40,
    kTr2 = 0x44,
    kBr1 = 0x48,
    kSar = 0x4C,
    kDar = 0x50,
    kTr3 = 0x54,
    kBr2 = 0x58,
    kLlr = 0x7C,
    kEnd = 0x80,
  };

  explicit DmaChannel(const DmaAbilities& abilities) : abilities_(abilities) {}

  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const;
  /// `secure` channels only: SSEC and DSEC may be among the bits of `lanes`.
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, bool secure_channel);
  void reset();
  void serialise(Archive& archive);

  /// SECCFGR has made the channel non-secure: its transfers are, from now on.
  void lose_security();

  // What it waits for.
  [[nodiscard]] bool active() const { return enabled_ && !suspended_; }
  [[nodiscard]] bool by_software() const;
  /// REQSEL, meaningful unless by_software().
  [[nodiscard]] unsigned request_number() const;
  [[nodiscard]] bool trigger_enabled() const;
  [[nodiscard]] unsigned trigger_number() const;
  /// The edge that TRIGPOL names, on the selected trigger.
  [[nodiscard]] bool trigger_on_rising() const;
  void trigger_hit();
  /// A peripheral asks for `count` bursts and does not hold its line (timers). What has not been served is
  /// not asked for twice.
  void pulse(unsigned count);
  [[nodiscard]] unsigned priority() const;

  enum class Work : std::uint8_t { None, Burst, Link };
  /// What could be done now, given the level of the selected request line.
  [[nodiscard]] Work work(bool requested) const;
  /// Clock cycles of that work on an AHB without wait states: an address phase and a data phase a beat.
  [[nodiscard]] unsigned cycles(Work work) const;

  struct Events {
    bool completed = false;  ///< a transfer complete event (TCEM decides of what)
    bool ended = false;      ///< the channel has worked off its list
  };
  /// Moves one burst that a request, a trigger or software stands for. Stall: call again later.
  Outcome transfer_burst(Bus& bus, bool secure, bool privileged, Events& events);
  /// Loads the next linked-list item.
  Outcome load_link(Bus& bus, bool secure, bool privileged, Events& events);

  /// Level of the interrupt line.
  [[nodiscard]] bool interrupt() const;

 private:
  static constexpr unsigned kFifoBytes = 512;

  /// Puts what load_link() has read, a word for each register that the link names, into the registers.
  void take_item(std::span<const std::uint32_t> loaded, bool secure);

  // Fields of the registers
  [[nodiscard]] unsigned source_width() const;
  [[nodiscard]] unsigned destination_width() const;
  [[nodiscard]] unsigned source_beats() const;
  [[nodiscard]] unsigned destination_beats() const;
  [[nodiscard]] bool packing() const;
  [[nodiscard]] bool destination_requests() const;
  [[nodiscard]] unsigned trigger_mode() const;
  [[nodiscard]] unsigned complete_mode() const;
  [[nodiscard]] std::uint32_t block_bytes() const;
  [[nodiscard]] std::uint32_t repeats() const;
  [[nodiscard]] bool last_item() const;

  void store_control(std::uint32_t value, std::uint32_t lanes);
  void store_configuration(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, bool secure);
  [[nodiscard]] std::uint32_t writable(std::uint32_t offset) const;
  std::uint32_t& word(std::uint32_t offset);
  void enable();
  void stop();
  void fail(unsigned flag);
  [[nodiscard]] bool valid_settings() const;
  [[nodiscard]] bool aligned() const;
  void start_item();
  void start_block();

  [[nodiscard]] bool granted() const;
  void consume_grant();

  [[nodiscard]] bool burst_wants_read() const;
  Outcome read_beat(Bus& bus, const Access& access);
  Outcome write_beat(Bus& bus, const Access& access);
  void note_half();
  void end_of_block(Events& events);
  void end_of_item(Events& events);

  const DmaAbilities abilities_;
  std::uint32_t lbar_ = 0, flags_ = 0, cr_ = 0, tr1_ = 0, tr2_ = 0, br1_ = 0, sar_ = 0, dar_ = 0, tr3_ = 0,
                br2_ = 0, llr_ = 0;
  bool enabled_ = false;
  bool suspended_ = false;
  bool block_requested_ = false;        ///< BREQ: the request for this block has been seen
  bool link_due_ = false;               ///< the data of this item has been moved
  bool void_item_ = false;              ///< no data to move before the first link
  bool burst_open_ = false;             ///< a burst has begun and not ended (it met a stall)
  bool burst_read_ = false;             ///< its source burst is done
  std::uint32_t to_write_ = 0;          ///< destination beats it still owes (destination requests)
  std::uint32_t programmed_block_ = 0;  ///< BNDT and BRC as last written or loaded
  std::uint32_t moved_ = 0;             ///< source bytes of this block that have reached the destination
  unsigned source_beat_ = 0;            ///< within the programmed burst
  unsigned destination_beat_ = 0;
  unsigned pulses_ = 0;  ///< bursts that a pulse still stands for
  unsigned hits_ = 0;    ///< 1: the trigger grants a transfer, 2: and another hit is remembered
  std::array<std::uint8_t, kFifoBytes> fifo_{};
  unsigned fifo_level_ = 0;
};

}  // namespace microvisor::board
