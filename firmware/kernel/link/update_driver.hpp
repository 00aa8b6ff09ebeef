// Drives updates from the link: fetches what they ask for, and reports how it goes (protocol/LINK.md,
// Updates).
//
// There are two, of Microvisor itself and of the application. They share one stream and the staging area:
// while an object of one is under way the other waits, and between objects Microvisor's goes first.
#pragma once

#include <array>

#include "firmware/kernel/link/fetch_window.hpp"
#include "firmware/kernel/link/frame_io.hpp"
#include "firmware/kernel/link/link_host.hpp"

namespace microvisor::firmware::link {

enum class UpdateKind : std::uint8_t { Kernel = 0, Application = 1 };

class UpdateDriver {
 public:
  explicit UpdateDriver(LinkHost& host) : host_(host) {}

  void connection_started();
  /// What has been fetched so far is kept.
  void connection_ended();
  /// `anew`: by a Target frame, not by Welcome; then a target that has failed is tried again.
  void target_named(UpdateKind kind, const microvisor_link_Target& target, bool anew);
  /// One step at `now` (microseconds). True if it did anything. May not return, when the update is installed.
  [[nodiscard]] bool step(FrameIo& io, std::uint64_t now);
  /// When step() should be called even if nothing else happens.
  [[nodiscard]] std::uint64_t next_deadline() const;
  /// True while objects are being fetched or verified.
  [[nodiscard]] bool active() const { return lanes_[0].active || lanes_[1].active; }

  // Events of a stream; false if the stream is not the one being fetched.
  [[nodiscard]] bool encoded(std::uint32_t stream, std::uint32_t version, bool& violation);
  [[nodiscard]] bool received(FrameIo& io, std::uint32_t stream, std::span<const std::uint8_t> bytes,
                              std::uint64_t now, bool& violation);
  [[nodiscard]] bool closed(FrameIo& io, std::uint32_t stream, microvisor_link_StreamError error,
                            std::uint64_t now);

 private:
  static constexpr std::uint32_t kReportStep = 64 * 1024;  // bytes between progress reports
  static constexpr unsigned kMaximumAttempts = 5;          // at one object, on one connection or over several
  static constexpr std::uint64_t kRetryAfter = 3'000'000;  // microseconds

  /// How one of the updates stands.
  struct Lane {
    UpdateKind kind;
    bool pending = false;  // target has been named and not been taken up
    bool anew = false;
    crypto::Digest target{};
    bool active = false;         // the update has things to fetch or to verify
    std::uint32_t reported = 0;  // bytes_done of the latest progress report
    unsigned attempts = 0;
    std::uint64_t retry_at = 0;
  };

  [[nodiscard]] update::Download& download(const Lane& lane);
  [[nodiscard]] bool report_result(Lane& lane, FrameIo& io);
  [[nodiscard]] bool take_target(Lane& lane, FrameIo& io);
  [[nodiscard]] bool next_object(Lane& lane, FrameIo& io, std::uint64_t now);
  [[nodiscard]] bool make_ready(Lane& lane, FrameIo& io);
  [[nodiscard]] bool report(const Lane& lane, FrameIo& io, microvisor_link_UpdateState state,
                            update::UpdateError error);
  static void offer_encodings(microvisor_link_Open& open, const update::ObjectRequest& request);
  void retry(Lane& lane, update::UpdateError error, std::uint64_t now);
  void abandon_stream(FrameIo& io);

  LinkHost& host_;
  std::array<Lane, 2> lanes_{{{UpdateKind::Kernel}, {UpdateKind::Application}}};
  std::uint32_t stream_ = 0;
  Lane* fetching_ = nullptr;  // whose stream that is
  FetchWindow window_;        // what is known of the link outlives the fetch
};

}  // namespace microvisor::firmware::link
