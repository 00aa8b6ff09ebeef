// A device stands in the line once, however many of its requests wait.
#include "cloud/relay/http_turns.hpp"

#include <algorithm>

namespace microvisor::cloud {

void HttpTurns::refill(Device& device, Moment now) const {
  const double seconds = std::chrono::duration<double>(now - device.refilled).count();
  device.tokens = std::min(limits_.burst_of_device, device.tokens + seconds * limits_.per_second_of_device);
  device.refilled = now;
}

/// A device without requests and with all its tokens is as one that was never seen.
void HttpTurns::forget_idle_devices(Moment now) {
  for (auto& [sid, device] : devices_) refill(device, now);
  std::erase_if(devices_, [&](const auto& entry) {
    const Device& device = entry.second;
    return device.waiting.empty() && device.running == 0 && device.tokens >= limits_.burst_of_device;
  });
  forget_at_ = 2 * devices_.size() + 64;
}

bool HttpTurns::enter(std::uint64_t request, const std::string& device, Moment now) {
  if (requests_.size() - running_ >= limits_.waiting) return false;
  if (devices_.size() >= forget_at_) forget_idle_devices(now);
  const auto [found, is_new] = devices_.try_emplace(device);
  Device& owner = found->second;
  if (is_new) owner = {{}, 0, limits_.burst_of_device, now};
  if (owner.waiting.size() >= limits_.waiting_of_device) return false;
  if (owner.waiting.empty()) line_.push_back(device);
  owner.waiting.push_back(request);
  requests_.emplace(request, Request{device, false});
  return true;
}

std::optional<std::uint64_t> HttpTurns::next(Moment now) {
  if (running_ >= limits_.running) return std::nullopt;
  for (auto place = line_.begin(); place != line_.end(); ++place) {
    Device& device = devices_.at(*place);
    refill(device, now);
    if (device.running >= limits_.running_of_device || device.tokens < 1) continue;
    const std::uint64_t request = device.waiting.front();
    device.waiting.pop_front();
    device.tokens -= 1;
    ++device.running;
    ++running_;
    requests_.at(request).running = true;
    if (device.waiting.empty()) {
      line_.erase(place);
    } else {
      line_.splice(line_.end(), line_, place);
    }
    return request;
  }
  return std::nullopt;
}

void HttpTurns::leave(std::uint64_t request) {
  const auto entry = requests_.extract(request);
  if (entry.empty()) return;
  const std::string& sid = entry.mapped().device;
  Device& device = devices_.at(sid);
  if (entry.mapped().running) {
    --device.running;
    --running_;
    return;
  }
  std::erase(device.waiting, request);
  if (device.waiting.empty()) line_.remove(sid);
}

std::optional<HttpTurns::Moment> HttpTurns::next_moment() const {
  if (running_ >= limits_.running) return std::nullopt;
  std::optional<Moment> earliest;
  for (const std::string& sid : line_) {
    const Device& device = devices_.at(sid);
    if (device.running >= limits_.running_of_device) continue;
    const std::chrono::duration<double> missing((1 - device.tokens) / limits_.per_second_of_device);
    const Moment moment = device.refilled + std::chrono::ceil<Moment::duration>(missing);
    if (!earliest || moment < *earliest) earliest = moment;
  }
  return earliest;
}

}  // namespace microvisor::cloud
