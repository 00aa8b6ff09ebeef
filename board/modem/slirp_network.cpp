// See slirp_network.hpp.
#include "board/modem/slirp_network.hpp"

#include <libslirp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#include "board/modem/flow_table.hpp"

namespace microvisor::board {
namespace {

using Mac = std::array<std::uint8_t, 6>;
constexpr Mac kBoardMac{0x52, 0x54, 0x00, 0x0A, 0x02, 0x0F};
constexpr Mac kBroadcast{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
/// libslirp takes any frame that is addressed to its special network (52:55 and the address of its host).
constexpr Mac kSlirpMac{0x52, 0x55, 0x0A, 0x00, 0x02, 0x02};

constexpr std::size_t kEthernetHeader = 14;
constexpr std::uint16_t kTypeIp = 0x0800;
constexpr std::uint16_t kTypeArp = 0x0806;
constexpr std::uint16_t kArpRequest = 1;
constexpr std::uint16_t kArpReply = 2;
constexpr std::size_t kArpLength = 28;

/// libslirp's clock is a global variable: one instance at a time.
std::mutex slirp_mutex;

/// libslirp writes to sockets that may be closed at the other end; the signal's default would end the
/// process.
void ignore_broken_pipes() {
  struct sigaction action {};
  if (sigaction(SIGPIPE, nullptr, &action) == 0 && action.sa_handler == SIG_DFL)
    std::signal(SIGPIPE, SIG_IGN);
}

in_addr address(std::uint32_t host_order) { return in_addr{htonl(host_order)}; }

void put16(std::vector<std::uint8_t>& out, std::uint16_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

void put32(std::vector<std::uint8_t>& out, std::uint32_t value) {
  put16(out, static_cast<std::uint16_t>(value >> 16));
  put16(out, static_cast<std::uint16_t>(value));
}

std::vector<std::uint8_t> ethernet(const Mac& destination, std::uint16_t type) {
  std::vector<std::uint8_t> frame;
  frame.reserve(kEthernetHeader + kMaximumPacket);
  frame.insert(frame.end(), destination.begin(), destination.end());
  frame.insert(frame.end(), kBoardMac.begin(), kBoardMac.end());
  put16(frame, type);
  return frame;
}

/// An ARP packet of the board (RFC 826).
std::vector<std::uint8_t> arp(std::uint16_t operation, std::uint32_t own, const Mac& target,
                              std::uint32_t target_address) {
  auto frame = ethernet(target, kTypeArp);
  put16(frame, 1);  // Ethernet
  put16(frame, kTypeIp);
  frame.push_back(6);
  frame.push_back(4);
  put16(frame, operation);
  frame.insert(frame.end(), kBoardMac.begin(), kBoardMac.end());
  put32(frame, own);
  frame.insert(frame.end(), target.begin(), target.end());
  put32(frame, target_address);
  return frame;
}

}  // namespace

class SlirpNetwork::Implementation {
 public:
  explicit Implementation(const Scheduler& scheduler);
  ~Implementation();
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;

  void send(std::span<const std::uint8_t> packet);
  bool poll(std::chrono::microseconds timeout);
  void wake();

  Receiver receiver;
  FlowTable flows;

 private:
  struct Timer {
    SlirpTimerCb function;
    void* argument;
    std::int64_t due_ms;  // negative: not armed
  };

  [[nodiscard]] std::int64_t nanoseconds() const;
  void frame_from_slirp(std::span<const std::uint8_t> frame);
  void answer_arp(std::span<const std::uint8_t> packet);
  void input(std::vector<std::uint8_t> frame);
  void feed_slirp();
  bool deliver();
  void collect_descriptors();
  void report_descriptors(bool failed);
  void run_timers();
  static const SlirpCb& callbacks();
  static Implementation& self(void* opaque) { return *static_cast<Implementation*>(opaque); }

  const Scheduler& scheduler_;
  Slirp* slirp_ = nullptr;
  int wake_ = -1;
  std::vector<std::unique_ptr<Timer>> timers_;
  std::vector<pollfd> polled_;
  std::deque<std::vector<std::uint8_t>>
      to_slirp_;  // frames; libslirp does not like to be called from its own callbacks
  std::deque<std::vector<std::uint8_t>> to_board_;  // packets
};

SlirpNetwork::Implementation::Implementation(const Scheduler& scheduler) : scheduler_(scheduler) {
  ignore_broken_pipes();
  SlirpConfig config{};
  config.version = SLIRP_CONFIG_VERSION_MAX;
  config.in_enabled = true;
  config.vnetwork = address(kGatewayAddress & 0xFFFF'FF00);
  config.vnetmask = address(0xFFFF'FF00);
  config.vhost = address(kGatewayAddress);
  config.vdhcp_start = address(kBoardAddress);
  config.vnameserver = address(kNameServerAddress);
  config.disable_dhcp = true;
  wake_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake_ < 0) throw std::runtime_error("the host has no event descriptor left");
  {
    const std::lock_guard lock(slirp_mutex);
    slirp_ = slirp_new(&config, &callbacks(), this);
  }
  if (slirp_ == nullptr) {
    close(wake_);
    throw std::runtime_error("libslirp does not start");
  }
  // Gratuitous: libslirp knows the board from now on.
  for (const std::uint32_t own : {kBoardAddress, kWifiAddress}) input(arp(kArpRequest, own, kBroadcast, own));
}

SlirpNetwork::Implementation::~Implementation() {
  const std::lock_guard lock(slirp_mutex);
  slirp_cleanup(slirp_);
  close(wake_);
}

std::int64_t SlirpNetwork::Implementation::nanoseconds() const {
  const Time now = scheduler_.now();
  return static_cast<std::int64_t>(now / kTicksPerMicrosecond * 1000 +
                                   now % kTicksPerMicrosecond * 1000 / kTicksPerMicrosecond);
}

const SlirpCb& SlirpNetwork::Implementation::callbacks() {
  static const SlirpCb table = [] {
    SlirpCb cb{};
    cb.send_packet = [](const void* bytes, std::size_t length, void* opaque) -> ssize_t {
      self(opaque).frame_from_slirp({static_cast<const std::uint8_t*>(bytes), length});
      return static_cast<ssize_t>(length);
    };
    cb.guest_error = [](const char*, void*) {};
    cb.clock_get_ns = [](void* opaque) { return self(opaque).nanoseconds(); };
    cb.timer_new = [](SlirpTimerCb function, void* argument, void* opaque) -> void* {
      return self(opaque).timers_.emplace_back(std::make_unique<Timer>(Timer{function, argument, -1})).get();
    };
    cb.timer_free = [](void* timer, void* opaque) {
      std::erase_if(self(opaque).timers_, [timer](const auto& entry) { return entry.get() == timer; });
    };
    cb.timer_mod = [](void* timer, std::int64_t due, void*) { static_cast<Timer*>(timer)->due_ms = due; };
    cb.register_poll_fd = [](int, void*) {};
    cb.unregister_poll_fd = [](int, void*) {};
    cb.notify = [](void*) {};
    return cb;
  }();
  return table;
}

void SlirpNetwork::Implementation::frame_from_slirp(std::span<const std::uint8_t> frame) {
  if (frame.size() < kEthernetHeader) return;
  const auto type = static_cast<std::uint16_t>(frame[12] << 8 | frame[13]);
  const auto payload = frame.subspan(kEthernetHeader);
  if (type == kTypeArp) return answer_arp(payload);
  if (type != kTypeIp || payload.size() < 20) return;
  const std::size_t length = static_cast<std::size_t>(payload[2]) << 8 | payload[3];
  if (length < 20 || length > payload.size()) return;  // what follows the packet is padding of the frame
  to_board_.emplace_back(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(length));
}

void SlirpNetwork::Implementation::answer_arp(std::span<const std::uint8_t> packet) {
  if (packet.size() < kArpLength || (packet[6] << 8 | packet[7]) != kArpRequest) return;
  const auto address_at = [&](std::size_t at) {
    return std::uint32_t{packet[at]} << 24 | std::uint32_t{packet[at + 1]} << 16 |
           std::uint32_t{packet[at + 2]} << 8 | packet[at + 3];
  };
  const std::uint32_t asked = address_at(24);
  if (asked != kBoardAddress && asked != kWifiAddress) return;
  Mac asker{};
  std::copy_n(packet.begin() + 8, asker.size(), asker.begin());
  to_slirp_.push_back(arp(kArpReply, asked, asker, address_at(14)));
}

void SlirpNetwork::Implementation::send(std::span<const std::uint8_t> packet) {
  if (packet.empty() || packet.size() > kMaximumPacket) return;
  flows.from_board(packet, FlowTable::Clock::now());
  auto frame = ethernet(kSlirpMac, kTypeIp);
  frame.insert(frame.end(), packet.begin(), packet.end());
  input(std::move(frame));
  deliver();
}

void SlirpNetwork::Implementation::input(std::vector<std::uint8_t> frame) {
  to_slirp_.push_back(std::move(frame));
  const std::lock_guard lock(slirp_mutex);
  feed_slirp();
}

void SlirpNetwork::Implementation::feed_slirp() {
  while (!to_slirp_.empty()) {
    const auto frame = std::move(to_slirp_.front());
    to_slirp_.pop_front();
    slirp_input(slirp_, frame.data(), static_cast<int>(frame.size()));
  }
}

/// Hands packets to the board outside of the lock; the board may send in return.
bool SlirpNetwork::Implementation::deliver() {
  bool any = false;
  while (!to_board_.empty()) {
    const auto packet = std::move(to_board_.front());
    to_board_.pop_front();
    flows.to_board(packet, FlowTable::Clock::now());
    if (receiver) receiver(packet);
    any = true;
  }
  return any;
}

void SlirpNetwork::Implementation::run_timers() {
  const std::int64_t now_ms = nanoseconds() / 1'000'000;
  for (std::size_t index = 0; index < timers_.size(); ++index) {
    Timer& timer = *timers_[index];
    if (timer.due_ms < 0 || timer.due_ms > now_ms) continue;
    timer.due_ms = -1;
    timer.function(timer.argument);
  }
}

/// What libslirp waits for, behind our own wake-up in polled_[0].
void SlirpNetwork::Implementation::collect_descriptors() {
  polled_.clear();
  polled_.push_back({wake_, POLLIN, 0});
  std::uint32_t unused =
      UINT32_MAX;  // its timers are on the board's clock: the caller's wait does not bound them
  slirp_pollfds_fill(
      slirp_, &unused,
      [](int descriptor, int events, void* opaque) {
        short wanted = 0;
        if ((events & SLIRP_POLL_IN) != 0) wanted |= POLLIN;
        if ((events & SLIRP_POLL_OUT) != 0) wanted |= POLLOUT;
        if ((events & SLIRP_POLL_PRI) != 0) wanted |= POLLPRI;
        auto& polled = self(opaque).polled_;
        polled.push_back({descriptor, wanted, 0});
        return static_cast<int>(polled.size() - 1);
      },
      this);
}

void SlirpNetwork::Implementation::report_descriptors(bool failed) {
  slirp_pollfds_poll(
      slirp_, failed ? 1 : 0,
      [](int index, void* opaque) {
        const short events = self(opaque).polled_[static_cast<std::size_t>(index)].revents;
        int result = 0;
        if ((events & POLLIN) != 0) result |= SLIRP_POLL_IN;
        if ((events & POLLOUT) != 0) result |= SLIRP_POLL_OUT;
        if ((events & POLLPRI) != 0) result |= SLIRP_POLL_PRI;
        if ((events & POLLERR) != 0) result |= SLIRP_POLL_ERR;
        if ((events & POLLHUP) != 0) result |= SLIRP_POLL_HUP;
        return result;
      },
      this);
}

bool SlirpNetwork::Implementation::poll(std::chrono::microseconds timeout) {
  {
    const std::lock_guard lock(slirp_mutex);
    collect_descriptors();
  }
  const timespec wait{timeout.count() / 1'000'000, timeout.count() % 1'000'000 * 1000};
  const int ready = ppoll(polled_.data(), polled_.size(), &wait, nullptr);
  if (ready > 0 && polled_[0].revents != 0) {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto drained = read(wake_, &count, sizeof count);
  }
  {
    const std::lock_guard lock(slirp_mutex);
    report_descriptors(ready < 0);
    run_timers();
    feed_slirp();
  }
  return deliver();
}

void SlirpNetwork::Implementation::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(wake_, &one, sizeof one);
}

SlirpNetwork::SlirpNetwork(const Scheduler& scheduler)
    : implementation_(std::make_unique<Implementation>(scheduler)) {}
SlirpNetwork::~SlirpNetwork() = default;
void SlirpNetwork::send(std::span<const std::uint8_t> packet) { implementation_->send(packet); }
void SlirpNetwork::on_receive(Receiver receiver) { implementation_->receiver = std::move(receiver); }
bool SlirpNetwork::poll(std::chrono::microseconds timeout) { return implementation_->poll(timeout); }
bool SlirpNetwork::awaiting() const { return implementation_->flows.awaiting(FlowTable::Clock::now()); }
void SlirpNetwork::wake() { implementation_->wake(); }

}  // namespace microvisor::board
