// Drives the Updater from the link: fetches what it asks for, and reports how it goes (protocol/LINK.md,
// Updates).
#pragma once

#include "firmware/kernel/link/frame_io.hpp"
#include "firmware/kernel/link/link_host.hpp"

namespace microvisor::firmware::link {

class UpdateDriver {
 public:
  explicit UpdateDriver(LinkHost& host) : host_(host) {}

  void connection_started();
  /// What has been fetched so far is kept.
  void connection_ended();
  /// `anew`: by a Target frame, not by Welcome; then a target that has failed is tried again.
  void target_named(std::span<const std::uint8_t> manifest_hash, bool anew);
  /// One step at `now` (microseconds). True if it did anything. May not return, when the update is installed.
  [[nodiscard]] bool step(FrameIo& io, std::uint64_t now);
  /// When step() should be called even if nothing else happens.
  [[nodiscard]] std::uint64_t next_deadline() const;
  /// True while objects are being fetched or verified.
  [[nodiscard]] bool active() const { return active_; }

  // Events of a stream; false if the stream is not the one being fetched.
  [[nodiscard]] bool encoded(std::uint32_t stream, std::uint32_t version, bool& violation);
  [[nodiscard]] bool received(FrameIo& io, std::uint32_t stream, std::span<const std::uint8_t> bytes,
                              bool& violation);
  [[nodiscard]] bool closed(FrameIo& io, std::uint32_t stream, microvisor_link_StreamError error,
                            std::uint64_t now);

 private:
  static constexpr std::uint32_t kWindow = 16 * 1024;      // credit of a fetch
  static constexpr std::uint32_t kReportStep = 64 * 1024;  // bytes between progress reports
  static constexpr unsigned kMaximumAttempts = 5;          // at one object, on one connection or over several
  static constexpr std::uint64_t kRetryAfter = 3'000'000;  // microseconds

  [[nodiscard]] bool report_result(FrameIo& io);
  [[nodiscard]] bool take_target(FrameIo& io);
  [[nodiscard]] bool next_object(FrameIo& io, std::uint64_t now);
  [[nodiscard]] bool make_ready(FrameIo& io);
  [[nodiscard]] bool report(FrameIo& io, microvisor_link_UpdateState state, update::UpdateError error);
  static void offer_encodings(microvisor_link_Open& open, const update::ObjectRequest& request);
  void retry(update::UpdateError error, std::uint64_t now);
  void abandon_stream(FrameIo& io);

  LinkHost& host_;
  bool pending_ = false;  // target_ has been named and not been taken up
  bool anew_ = false;
  crypto::Digest target_{};
  bool active_ = false;  // the updater has things to fetch or to verify
  std::uint32_t stream_ = 0;
  std::uint32_t granted_ = 0;   // of the window, what the gateway may still send
  std::uint32_t reported_ = 0;  // bytes_done of the latest progress report
  unsigned attempts_ = 0;
  std::uint64_t retry_at_ = 0;
};

}  // namespace microvisor::firmware::link
