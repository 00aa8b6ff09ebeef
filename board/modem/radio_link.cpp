// See radio_link.hpp.
#include "board/modem/radio_link.hpp"

#include <algorithm>

namespace microvisor::board {

RadioLink::RadioLink(Scheduler& scheduler, Network& behind, RadioConditions conditions)
    : scheduler_(scheduler),
      behind_(behind),
      conditions_(conditions),
      random_(conditions.seed),
      delivery_(scheduler, [this] { deliver_due(); }) {
  behind_.on_receive(
      [this](std::span<const std::uint8_t> packet) { arrived_ = enter(in_, packet) || arrived_; });
}

bool RadioLink::in_outage() const {
  if (conditions_.outage_every == 0) return false;
  const Time now = scheduler_.now();
  return now >= conditions_.outage_every && now % conditions_.outage_every < conditions_.outage;
}

void RadioLink::send(std::span<const std::uint8_t> packet) { enter(out_, packet); }

/// False: it gets lost.
bool RadioLink::enter(Way& way, std::span<const std::uint8_t> packet) {
  constexpr std::uint64_t kParts = 1'000'000;
  ++way.carried.packets;
  way.carried.bytes += packet.size();
  const Time now = scheduler_.now();
  const Time begins = std::max(way.free, now);
  const std::uint64_t rate = conditions_.bits_per_second;
  const bool crowded = rate != 0 && begins - now > 8 * conditions_.queue_bytes * kTicksPerSecond / rate;
  const bool unlucky = random_.below(kParts) < static_cast<std::uint64_t>(conditions_.loss * kParts);
  if (crowded || unlucky || in_outage()) {
    ++lost_;
    return false;
  }
  way.free = begins + (rate == 0 ? 0 : 8 * packet.size() * kTicksPerSecond / rate);
  way.packets.push_back({way.free + conditions_.delay, {packet.begin(), packet.end()}});
  if (!delivery_.armed() || way.packets.back().due < delivery_.due()) delivery_.at(way.packets.back().due);
  return true;
}

/// What one direction's delivery leads to may enter at once.
void RadioLink::deliver_due() {
  for (Way* way : {&out_, &in_}) {
    while (!way->packets.empty() && way->packets.front().due <= scheduler_.now()) {
      const auto packet = std::move(way->packets.front().packet);
      way->packets.pop_front();
      if (way == &out_) {
        behind_.send(packet);
      } else if (receiver_) {
        receiver_(packet);
      }
    }
  }
  for (const Way* way : {&out_, &in_}) {
    if (way->packets.empty()) continue;
    const Time due = way->packets.front().due;
    if (!delivery_.armed() || due < delivery_.due()) delivery_.at(due);
  }
}

bool RadioLink::poll(std::chrono::microseconds timeout) {
  arrived_ = false;
  const bool any = behind_.poll(timeout);
  return any || arrived_;
}

}  // namespace microvisor::board
