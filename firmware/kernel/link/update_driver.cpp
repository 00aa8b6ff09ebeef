// See update_driver.hpp.
#include "firmware/kernel/link/update_driver.hpp"

#include <algorithm>
#include <cstring>

namespace microvisor::firmware::link {

using update::Phase;
using update::UpdateError;

void UpdateDriver::connection_started() {
  stream_ = 0;
  retry_at_ = 0;
}

void UpdateDriver::connection_ended() {
  if (stream_ != 0) host_.updater().interrupt_object();
  stream_ = 0;
  active_ = false;  // the next Welcome names the target again
  pending_ = false;
}

void UpdateDriver::target_named(std::span<const std::uint8_t> manifest_hash, bool anew) {
  if (manifest_hash.size() != target_.size()) return;
  std::copy(manifest_hash.begin(), manifest_hash.end(), target_.begin());
  pending_ = true;
  anew_ = anew;
}

std::uint64_t UpdateDriver::next_deadline() const {
  return active_ && stream_ == 0 && retry_at_ != 0 ? retry_at_ : ~std::uint64_t{0};
}

bool UpdateDriver::step(FrameIo& io, std::uint64_t now) {
  if (report_result(io)) return true;
  if (pending_) return take_target(io);
  if (!active_ || stream_ != 0 || now < retry_at_) return false;
  return next_object(io, now);
}

/// What an installation or a failure has left to say. The states of success go out in one breath.
bool UpdateDriver::report_result(FrameIo& io) {
  update::Updater& updater = host_.updater();
  if (updater.reported()) return false;
  if (updater.phase() == Phase::Installed) {
    if (!report(io, microvisor_link_UpdateState_UPDATE_STATE_STARTING_NEW_APP, UpdateError::None))
      return false;
    if (!report(io, microvisor_link_UpdateState_UPDATE_STATE_COMPLETE, UpdateError::None)) return false;
  } else if (updater.phase() == Phase::Failed) {
    if (!report(io, microvisor_link_UpdateState_UPDATE_STATE_FAILED, updater.error())) return false;
    active_ = false;
  } else if (updater.phase() == Phase::Fetching && updater.error() != UpdateError::None) {
    if (!report(io, microvisor_link_UpdateState_UPDATE_STATE_FETCHING, updater.error())) return false;
  } else {
    return false;
  }
  if (!io.flush()) return false;
  updater.set_reported();
  return true;
}

bool UpdateDriver::take_target(FrameIo& io) {
  pending_ = false;
  update::Updater& updater = host_.updater();
  if (active_ && stream_ != 0 && updater.target() == target_) return false;  // on its way already
  abandon_stream(io);
  const bool was_ready = updater.phase() == Phase::Ready;
  active_ = updater.begin(target_, host_.anchors(), anew_);
  const bool is_ready = updater.phase() == Phase::Ready;
  if (was_ready && !is_ready) host_.withdraw_update();
  attempts_ = 0;
  retry_at_ = 0;
  if (!active_) return false;
  if (is_ready) return make_ready(io);
  reported_ = updater.progress().bytes_done;
  return report(io, microvisor_link_UpdateState_UPDATE_STATE_FETCHING, UpdateError::None);
}

bool UpdateDriver::next_object(FrameIo& io, std::uint64_t now) {
  update::Updater& updater = host_.updater();
  const auto request = updater.next_object();
  if (!request) return make_ready(io);
  const auto offset = updater.open_object(*request);
  if (!offset) {
    retry(UpdateError::Storage, now);
    return true;
  }
  stream_ = io.new_stream();
  granted_ = kWindow;
  Frame& frame = io.begin(stream_, microvisor_link_Frame_open_tag);
  frame.kind.open.service = microvisor_link_Service_SERVICE_FETCH;
  frame.kind.open.credit = kWindow;
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
bool UpdateDriver::make_ready(FrameIo& io) {
  update::Updater& updater = host_.updater();
  active_ = false;
  if (updater.phase() == Phase::Failed || updater.mark_ready() != UpdateError::None) return true;
  if (!report(io, microvisor_link_UpdateState_UPDATE_STATE_INSTALLING_APP, UpdateError::None) || !io.flush())
    return false;
  host_.install_update();
  return true;
}

bool UpdateDriver::encoded(std::uint32_t stream, std::uint32_t version, bool& violation) {
  if (stream == 0 || stream != stream_) return false;
  violation = !host_.updater().begin_encoding(version);
  return true;
}

bool UpdateDriver::received(FrameIo& io, std::uint32_t stream, std::span<const std::uint8_t> bytes,
                            bool& violation) {
  if (stream == 0 || stream != stream_) return false;
  if (bytes.size() > granted_) {
    violation = true;
    return true;
  }
  granted_ -= static_cast<std::uint32_t>(bytes.size());
  update::Updater& updater = host_.updater();
  if (const UpdateError error = updater.write(bytes); error != UpdateError::None) {
    abandon_stream(io);
    retry(error, 0);
    return true;
  }
  attempts_ = 0;
  if (granted_ <= kWindow / 2) {
    if (!io.send_credit(stream_, kWindow - granted_)) return true;
    granted_ = kWindow;
  }
  if (updater.progress().bytes_done >= reported_ + kReportStep) {
    reported_ = updater.progress().bytes_done;
    static_cast<void>(report(io, microvisor_link_UpdateState_UPDATE_STATE_FETCHING, UpdateError::None));
  }
  return true;
}

bool UpdateDriver::closed(FrameIo& io, std::uint32_t stream, microvisor_link_StreamError error,
                          std::uint64_t now) {
  if (stream == 0 || stream != stream_) return false;
  stream_ = 0;
  update::Updater& updater = host_.updater();
  if (error == microvisor_link_StreamError_STREAM_ERROR_NONE) {
    static_cast<void>(io.send_close(stream, error));
    if (const UpdateError result = updater.close_object(); result != UpdateError::None) retry(result, now);
  } else if (error == microvisor_link_StreamError_STREAM_ERROR_NOT_FOUND) {
    updater.interrupt_object();
    updater.fail(UpdateError::Fetch);
  } else {
    updater.interrupt_object();
    retry(UpdateError::Fetch, now);
  }
  return true;
}

/// Tries the object again a few times, unless the updater has given the target up by itself.
void UpdateDriver::retry(UpdateError error, std::uint64_t now) {
  update::Updater& updater = host_.updater();
  if (updater.phase() == Phase::Failed) return;
  if (++attempts_ >= kMaximumAttempts) return updater.fail(error);
  retry_at_ = now + kRetryAfter;
}

void UpdateDriver::abandon_stream(FrameIo& io) {
  if (stream_ == 0) return;
  static_cast<void>(io.send_close(stream_, microvisor_link_StreamError_STREAM_ERROR_CANCELLED));
  host_.updater().interrupt_object();
  stream_ = 0;
}

bool UpdateDriver::report(FrameIo& io, microvisor_link_UpdateState state, UpdateError error) {
  update::Updater& updater = host_.updater();
  const update::Progress progress = updater.progress();
  auto& message = io.begin(0, microvisor_link_Frame_update_report_tag).kind.update_report;
  message.state = state;
  message.error = static_cast<microvisor_link_UpdateError>(error);
  message.manifest_hash.size = static_cast<pb_size_t>(updater.target().size());
  std::memcpy(message.manifest_hash.bytes, updater.target().data(), updater.target().size());
  message.bytes_done = progress.bytes_done;
  message.bytes_total = progress.bytes_total;
  return io.send();
}

}  // namespace microvisor::firmware::link
