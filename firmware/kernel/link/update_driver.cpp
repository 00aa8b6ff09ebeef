// See update_driver.hpp.
#include "firmware/kernel/link/update_driver.hpp"

#include <algorithm>
#include <cstring>

namespace microvisor::firmware::link {

using update::Phase;
using update::UpdateError;

update::Download& UpdateDriver::download(const Lane& lane) {
  if (lane.kind == UpdateKind::Kernel) return host_.kernel_updater();
  return host_.updater();
}

void UpdateDriver::connection_started() {
  stream_ = 0;
  for (Lane& lane : lanes_) lane.retry_at = 0;
}

void UpdateDriver::connection_ended() {
  if (stream_ != 0) download(*fetching_).interrupt_object();
  stream_ = 0;
  for (Lane& lane : lanes_) {
    lane.active = false;  // the next Welcome names the target again
    lane.pending = false;
  }
}

void UpdateDriver::target_named(UpdateKind kind, const microvisor_link_Target& target, bool anew) {
  Lane& lane = lanes_[static_cast<std::size_t>(kind)];
  const auto& hash = target.manifest_hash;
  if (hash.size != lane.target.size()) return;
  std::copy_n(hash.bytes, lane.target.size(), lane.target.begin());
  lane.pending = true;
  lane.anew = anew;
}

std::uint64_t UpdateDriver::next_deadline() const {
  std::uint64_t next = ~std::uint64_t{0};
  for (const Lane& lane : lanes_) {
    if (lane.active && stream_ == 0 && lane.retry_at != 0) next = std::min(next, lane.retry_at);
  }
  return next;
}

bool UpdateDriver::step(FrameIo& io, std::uint64_t now) {
  for (Lane& lane : lanes_) {
    if (report_result(lane, io)) return true;
  }
  for (Lane& lane : lanes_) {
    if (lane.pending) return take_target(lane, io);
  }
  for (Lane& lane : lanes_) {
    if (lane.active && stream_ == 0 && now >= lane.retry_at) return next_object(lane, io, now);
  }
  return false;
}

/// What an installation or a failure has left to say. The states of success go out in one breath.
bool UpdateDriver::report_result(Lane& lane, FrameIo& io) {
  update::Download& update = download(lane);
  if (update.reported()) return false;
  if (update.phase() == Phase::Installed) {
    if (!report(lane, io, microvisor_link_UpdateState_UPDATE_STATE_STARTING_NEW_APP, UpdateError::None))
      return false;
    if (!report(lane, io, microvisor_link_UpdateState_UPDATE_STATE_COMPLETE, UpdateError::None)) return false;
  } else if (update.phase() == Phase::Failed) {
    if (!report(lane, io, microvisor_link_UpdateState_UPDATE_STATE_FAILED, update.error())) return false;
    lane.active = false;
  } else if (update.phase() == Phase::Fetching && update.error() != UpdateError::None) {
    if (!report(lane, io, microvisor_link_UpdateState_UPDATE_STATE_FETCHING, update.error())) return false;
  } else {
    return false;
  }
  if (!io.flush()) return false;
  update.set_reported();
  return true;
}

bool UpdateDriver::take_target(Lane& lane, FrameIo& io) {
  lane.pending = false;
  update::Download& update = download(lane);
  const bool under_way = stream_ != 0 && fetching_ == &lane;
  if (lane.active && under_way && update.target() == lane.target) return false;
  if (under_way) abandon_stream(io);
  const bool was_ready = update.phase() == Phase::Ready;
  lane.active = update.begin(lane.target, host_.anchors(), lane.anew);
  const bool is_ready = update.phase() == Phase::Ready;
  if (was_ready && !is_ready) host_.withdraw_update();
  lane.attempts = 0;
  lane.retry_at = 0;
  if (!lane.active) return false;
  if (is_ready) return make_ready(lane, io);
  lane.reported = update.progress().bytes_done;
  return report(lane, io, microvisor_link_UpdateState_UPDATE_STATE_FETCHING, UpdateError::None);
}

bool UpdateDriver::next_object(Lane& lane, FrameIo& io, std::uint64_t now) {
  update::Download& update = download(lane);
  const auto request = update.next_object();
  if (!request) return make_ready(lane, io);
  const auto offset = update.open_object(*request);
  if (!offset) {
    retry(lane, UpdateError::Storage, now);
    return true;
  }
  stream_ = io.new_stream();
  fetching_ = &lane;
  const std::uint32_t credit = window_.open(now);
  Frame& frame = io.begin(stream_, microvisor_link_Frame_open_tag);
  frame.kind.open.service = microvisor_link_Service_SERVICE_FETCH;
  frame.kind.open.credit = credit;
  frame.kind.open.offset = *offset;
  frame.kind.open.object_hash.size = static_cast<pb_size_t>(request->hash.size());
  std::memcpy(frame.kind.open.object_hash.bytes, request->hash.data(), request->hash.size());
  offer_encodings(frame.kind.open, *request);
  return io.send();
}

void UpdateDriver::offer_encodings(microvisor_link_Open& open, const update::ObjectRequest& request) {
  if (!request.accepts_encodings) return;
  open.accepts_encodings = 1U << protocol::transfer::kFormatVersion;
  if (request.base.bytes.empty()) return;
  open.base_address = request.base.address;
  open.base_hash.size = static_cast<pb_size_t>(request.base.hash.size());
  std::memcpy(open.base_hash.bytes, request.base.hash.data(), request.base.hash.size());
}

/// Everything is staged. A failure is told by report_result(). INSTALLING_APP must have reached the gateway
/// before the reset; if it cannot be confirmed, the next connection begins here again.
bool UpdateDriver::make_ready(Lane& lane, FrameIo& io) {
  update::Download& update = download(lane);
  lane.active = false;
  if (update.phase() == Phase::Failed || update.mark_ready() != UpdateError::None) return true;
  const auto state = microvisor_link_UpdateState_UPDATE_STATE_INSTALLING_APP;
  if (!report(lane, io, state, UpdateError::None) || !io.flush()) return false;
  const bool for_module = lane.kind == UpdateKind::Kernel && host_.kernel_updater().for_module() != nullptr;
  if (!for_module) host_.install_update();  // that waits for a quiet moment, and costs no reset
  return true;
}

bool UpdateDriver::encoded(std::uint32_t stream, std::uint32_t version, bool& violation) {
  if (stream == 0 || stream != stream_) return false;
  violation = !download(*fetching_).begin_encoding(version);
  return true;
}

bool UpdateDriver::received(FrameIo& io, std::uint32_t stream, std::span<const std::uint8_t> bytes,
                            std::uint64_t now, bool& violation) {
  if (stream == 0 || stream != stream_) return false;
  if (!window_.take(static_cast<std::uint32_t>(bytes.size()), now)) {
    violation = true;
    return true;
  }
  Lane& lane = *fetching_;
  update::Download& update = download(lane);
  if (const UpdateError error = update.write(bytes); error != UpdateError::None) {
    abandon_stream(io);
    retry(lane, error, 0);
    return true;
  }
  lane.attempts = 0;
  if (const std::uint32_t credit = window_.grant(now); credit != 0 && !io.send_credit(stream_, credit))
    return true;
  if (update.progress().bytes_done >= lane.reported + kReportStep) {
    lane.reported = update.progress().bytes_done;
    static_cast<void>(report(lane, io, microvisor_link_UpdateState_UPDATE_STATE_FETCHING, UpdateError::None));
  }
  return true;
}

bool UpdateDriver::closed(FrameIo& io, std::uint32_t stream, microvisor_link_StreamError error,
                          std::uint64_t now) {
  if (stream == 0 || stream != stream_) return false;
  stream_ = 0;
  Lane& lane = *fetching_;
  update::Download& update = download(lane);
  if (error == microvisor_link_StreamError_STREAM_ERROR_NONE) {
    static_cast<void>(io.send_close(stream, error));
    if (const UpdateError result = update.close_object(); result != UpdateError::None)
      retry(lane, result, now);
  } else if (error == microvisor_link_StreamError_STREAM_ERROR_NOT_FOUND) {
    update.interrupt_object();
    update.fail(UpdateError::Fetch);
  } else {
    update.interrupt_object();
    retry(lane, UpdateError::Fetch, now);
  }
  return true;
}

/// Tries the object again a few times, unless the update has given the target up by itself.
void UpdateDriver::retry(Lane& lane, UpdateError error, std::uint64_t now) {
  update::Download& update = download(lane);
  if (update.phase() == Phase::Failed) return;
  if (++lane.attempts >= kMaximumAttempts) return update.fail(error);
  lane.retry_at = now + kRetryAfter;
}

void UpdateDriver::abandon_stream(FrameIo& io) {
  if (stream_ == 0) return;
  static_cast<void>(io.send_close(stream_, microvisor_link_StreamError_STREAM_ERROR_CANCELLED));
  download(*fetching_).interrupt_object();
  stream_ = 0;
}

bool UpdateDriver::report(const Lane& lane, FrameIo& io, microvisor_link_UpdateState state,
                          UpdateError error) {
  const update::Download& update = download(lane);
  const update::Progress progress = update.progress();
  const bool kernel = lane.kind == UpdateKind::Kernel;
  auto& kind =
      io.begin(0, kernel ? microvisor_link_Frame_kernel_report_tag : microvisor_link_Frame_update_report_tag)
          .kind;
  auto& message = kernel ? kind.kernel_report : kind.update_report;
  message.state = state;
  message.error = static_cast<microvisor_link_UpdateError>(error);
  message.manifest_hash.size = static_cast<pb_size_t>(update.target().size());
  std::memcpy(message.manifest_hash.bytes, update.target().data(), update.target().size());
  message.bytes_done = progress.bytes_done;
  message.bytes_total = progress.bytes_total;
  return io.send();
}

}  // namespace microvisor::firmware::link
