// See stack.hpp.
#include "firmware/net/stack.hpp"

#include <lwip/dns.h>
#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/timeouts.h>
#include <netif/ppp/ppp.h>
#include <netif/ppp/pppos.h>

#include <algorithm>
#include <array>

#include "firmware/crypto/crypto.hpp"

namespace microvisor::firmware::net {
namespace {

constexpr std::uint64_t kNegotiationTime = 20 * kSeconds;
constexpr std::uint64_t kTerminationTime = 10 * kSeconds;
constexpr std::uint64_t kStuckLine = 2 * kSeconds;  // without room in the transmitter: the module has gone

Platform* clock_source = nullptr;
netif ppp_interface;
ppp_pcb* ppp = nullptr;
Stack* the_stack = nullptr;  // for lwIP's hook

u32_t output(ppp_pcb*, u8_t* data, u32_t length, void* context) {
  return static_cast<Stack*>(context)->transmit(data, length);
}

/// Something of Microvisor's waits to be sent, or to be acknowledged.
bool own_traffic_under_way() {
  for (const tcp_pcb* pcb = tcp_active_pcbs; pcb != nullptr; pcb = pcb->next) {
    if (pcb->unsent != nullptr || pcb->unacked != nullptr) return true;
  }
  return false;
}

Ipv4Address number_of(const ip4_addr_t* address) { return lwip_ntohl(ip4_addr_get_u32(address)); }

void status_changed(ppp_pcb*, int error, void* context) { static_cast<Stack*>(context)->link_status(error); }

}  // namespace

Stack::Stack(Platform& platform) : platform_(platform), dialler_(platform), wifi_(platform) {
  clock_source = &platform;
  the_stack = this;
  static bool initialised = false;
  if (!initialised) {
    lwip_init();
    initialised = true;
  } else {
    sys_restart_timeouts();  // a later stack of the same process has a clock of its own
  }
  ppp = pppos_create(&ppp_interface, output, status_changed, this);
  ppp_set_usepeerdns(ppp, 1);
  ppp_set_default(ppp);
}

Stack::~Stack() {
  if (up_) ppp_close(ppp, 1);  // as if the line had been cut
  hang_up();
  ppp_free(ppp);
  ppp = nullptr;
  the_stack = nullptr;
  clock_source = nullptr;
}

DialResult Stack::bring_up_cellular(std::string_view apn) {
  take_line(Bearer::Cellular);
  return negotiate(dialler_.dial(apn));
}

DialResult Stack::bring_up_wifi(const WifiCredentials& wifi) {
  take_line(Bearer::Wifi);
  return negotiate(wifi_.dial(wifi));
}

void Stack::take_line(Bearer bearer) {
  hang_up();
  bearer_ = bearer;
  platform_.select_line(bearer);
}

/// PPP, once there is a call.
DialResult Stack::negotiate(DialResult dialled) {
  if (dialled != DialResult::Connected) return dialled;
  data_mode_ = true;
  carrier_.begin();
  ended_ = false;
  if (ppp_connect(ppp, 0) != ERR_OK) {
    ended_ = true;
    data_mode_ = false;
    return DialResult::Refused;
  }
  const std::uint64_t deadline = platform_.now() + kNegotiationTime;
  while (!up_ && !ended_ && platform_.now() < deadline) wait(deadline);
  if (up_) return DialResult::Connected;
  hang_up();
  return DialResult::Refused;
}

/// PPP repeats its Terminate-Request once and then ends by itself, whether anybody answers or not.
void Stack::hang_up() {
  if (!ended_) ppp_close(ppp, 0);
  const std::uint64_t deadline = platform_.now() + kTerminationTime;
  while (!ended_ && platform_.now() < deadline) wait(deadline);
  up_ = data_mode_ = false;
  tell_bearer();
}

DialResult Stack::join_beside(const WifiCredentials& wifi) {
  platform_.select_line(Bearer::Wifi);
  const DialResult result = wifi_.join(wifi, WifiModule::kAnswerTime);
  platform_.select_line(bearer_);
  return result;
}

void Stack::leave_wifi() {
  platform_.select_line(Bearer::Wifi);
  wifi_.leave();
  platform_.select_line(bearer_);
}

void Stack::link_status(int error) {
  up_ = error == PPPERR_NONE;
  if (!up_) ended_ = true;
  tell_bearer();
}

void Stack::tell_bearer() {
  if (traffic_ == nullptr) return;
  if (!up_) return traffic_->bearer_is({}, 0);
  const BearerAddresses bearer{
      .own = number_of(netif_ip4_addr(&ppp_interface)),
      .peer = number_of(netif_ip4_gw(&ppp_interface)),
      .name_servers = {number_of(dns_getserver(0)), number_of(dns_getserver(1))},
  };
  traffic_->bearer_is(bearer, std::min<std::uint32_t>(ppp_interface.mtu, kMaximumPacket));
}

/// One packet of the application's, when nothing else is to be done. True: there may be more.
bool Stack::carry() {
  if (traffic_ == nullptr || !up_) return false;
  const auto [taken, packet] = traffic_->next(own_traffic_under_way(), platform_.now());
  if (packet.empty()) return taken;
  pbuf* const buffer = pbuf_alloc(PBUF_RAW, static_cast<u16_t>(packet.size()), PBUF_REF);
  if (buffer == nullptr) return taken;  // a packet may get lost
  buffer->payload = packet.data();
  static_cast<void>(ppp_interface.output(&ppp_interface, buffer, nullptr));
  pbuf_free(buffer);
  return true;
}

bool Stack::is_application_packet(const pbuf* packet) {
  if (traffic_ == nullptr || !traffic_->expects(platform_.now())) return false;
  const std::span<std::uint8_t> room = traffic_->room();
  if (packet->tot_len > room.size()) return false;
  const std::size_t size = pbuf_copy_partial(packet, room.data(), packet->tot_len, 0);
  return traffic_->received(size, platform_.now());
}

bool Stack::poll() {
  bool any = false;
  if (data_mode_) {
    std::array<std::uint8_t, 256> bytes;
    while (const std::size_t count = platform_.serial_read(bytes)) {
      for (std::size_t at = 0; at < count; ++at) carrier_.take(bytes[at], platform_.now());
      pppos_input(ppp, bytes.data(), static_cast<int>(count));
      any = true;
    }
    if (carrier_.lost(platform_.now())) {
      carrier_.begin();
      if (!ended_) ppp_close(ppp, 1);
    }
  }
  sys_check_timeouts();
  return any;
}

void Stack::wait(std::uint64_t moment) {
  if (poll() || carry()) return;
  if (const std::uint32_t sleep = sys_timeouts_sleeptime(); sleep != SYS_TIMEOUTS_SLEEPTIME_INFINITE) {
    moment = std::min(moment, platform_.now() + std::max<std::uint64_t>(sleep, 1) * kMilliseconds);
  }
  if (data_mode_) moment = std::min(moment, carrier_.deadline());
  if (moment > platform_.now()) platform_.wait(moment);
  poll();
}

std::size_t Stack::receive(std::span<std::uint8_t> into) {
  return data_mode_ ? 0 : platform_.serial_read(into);
}

/// PPP hands over what it has encoded and expects all of it to be taken. A line that takes nothing any more
/// loses the rest; the peers of every protocol above recover from that, or time out.
std::uint32_t Stack::transmit(const std::uint8_t* bytes, std::uint32_t size) {
  std::span<const std::uint8_t> rest(bytes, size);
  std::uint64_t deadline = platform_.now() + kStuckLine;
  while (!rest.empty()) {
    const std::size_t taken = platform_.serial_write(rest);
    rest = rest.subspan(taken);
    if (taken != 0) {
      deadline = platform_.now() + kStuckLine;
    } else if (platform_.now() >= deadline) {
      break;
    } else {
      platform_.wait(platform_.now() + kMilliseconds);
    }
  }
  return size - static_cast<std::uint32_t>(rest.size());
}

}  // namespace microvisor::firmware::net

extern "C" {

/// lwIP's clock, in milliseconds; wraps.
u32_t sys_now(void) {
  using microvisor::firmware::net::clock_source;
  return clock_source == nullptr ? 0 : static_cast<u32_t>(clock_source->now() / 1000);
}

u32_t sys_jiffies(void) { return sys_now(); }

uint32_t microvisor_net_random(void) {
  std::array<std::uint8_t, 4> bytes{};
  // A random source that fails gives numbers an outsider may guess; they only protect against blind injection
  // below TLS.
  static_cast<void>(microvisor::firmware::crypto::random(bytes));
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 |
         bytes[3];
}

int microvisor_net_input(pbuf* packet) {
  using microvisor::firmware::net::the_stack;
  if (the_stack == nullptr || !the_stack->is_application_packet(packet)) return 0;
  pbuf_free(packet);
  return 1;
}

void microvisor_net_assert(void) { __builtin_trap(); }
}
