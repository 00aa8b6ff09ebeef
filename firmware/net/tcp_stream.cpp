// See tcp_stream.hpp.
#include "firmware/net/tcp_stream.hpp"

#include <lwip/dns.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "firmware/limits.hpp"

namespace microvisor::firmware::net {
namespace {

/// One look-up at a time; a late answer to an abandoned one is told by its number.
struct Lookup {
  std::uint32_t number = 0;
  bool done = false;
  bool found = false;
  ip_addr_t address{};
} lookup;

void name_found(const char*, const ip_addr_t* address, void* argument) {
  if (reinterpret_cast<std::uintptr_t>(argument) != lookup.number) return;
  lookup.done = true;
  lookup.found = address != nullptr;
  if (lookup.found) lookup.address = *address;
}

}  // namespace

struct TcpStream::Callbacks {
  static TcpStream& self(void* argument) { return *static_cast<TcpStream*>(argument); }

  static err_t connected(void* argument, tcp_pcb*, err_t) {
    self(argument).connected_ = true;
    return ERR_OK;
  }

  static err_t received(void* argument, tcp_pcb*, pbuf* data, err_t) {
    TcpStream& stream = self(argument);
    if (data == nullptr) {
      stream.peer_closed_ = true;
    } else if (stream.received_ == nullptr) {
      stream.received_ = data;
    } else {
      pbuf_cat(stream.received_, data);
    }
    return ERR_OK;
  }

  /// lwIP has freed the connection by itself: reset, or too many retransmissions.
  static void failed(void* argument, err_t) {
    TcpStream& stream = self(argument);
    stream.pcb_ = nullptr;
    stream.peer_closed_ = true;
  }

  /// Before lwIP looks at an acknowledgement without data. What is repeated goes out when it has.
  static void acknowledged(tcp_pcb* pcb, std::uint32_t number, std::uint32_t window) {
    if (pcb->callback_arg == nullptr || !is_watched(pcb)) return;
    if (number != pcb->lastack || window != pcb->snd_wnd) return;
    LossWatch& losses = self(pcb->callback_arg).losses_;
    const bool again = losses.has_repeated();
    if (losses.duplicate(flight(pcb))) repeat(pcb);
    if (again) TCP_WND_INC(pcb->cwnd, pcb->mss);  // a segment has left the network (RFC 5681 section 3.2)
  }

  /// When lwIP has looked at an acknowledgement of something new.
  static err_t progress(void* argument, tcp_pcb* pcb, u16_t) {
    if (self(argument).losses_.progress(flight(pcb)) && is_watched(pcb)) repeat(pcb);
    return ERR_OK;
  }

  /// With each tick of lwIP's retransmission timer.
  static err_t tick(void* argument, tcp_pcb* pcb) {
    if ((pcb->flags & TF_RTO) != 0) self(argument).losses_.timed_out(flight(pcb));
    if (!is_watched(pcb)) return ERR_OK;
    const int round_trip = pcb->sa >> 3;
    if (round_trip == 0 || pcb->rtime < 0) return ERR_OK;
    const auto usual = static_cast<std::uint32_t>(std::max(2 * round_trip, round_trip + (pcb->sv >> 1)));
    const auto waited = static_cast<std::uint32_t>(pcb->rtime);
    if (!self(argument).losses_.silence(flight(pcb), waited, usual)) return ERR_OK;
    repeat(pcb);
    static_cast<void>(tcp_output(pcb));
    return ERR_OK;
  }

  /// After a time-out lwIP sends one segment after the other by itself.
  static bool is_watched(const tcp_pcb* pcb) { return pcb->unacked != nullptr && (pcb->flags & TF_RTO) == 0; }

  static Flight flight(const tcp_pcb* pcb) {
    Flight flight{.begin = pcb->lastack,
                  .end = pcb->snd_nxt,
                  .now = tcp_ticks,
                  .round_trip = static_cast<std::uint32_t>(pcb->sa >> 3)};
    for (const tcp_seg* one = pcb->unacked; one != nullptr; one = one->next) ++flight.segments;
    return flight;
  }

  /// lwIP counts what it repeats for the length of the next time-out and to give up: that stays a matter of
  /// time-outs.
  static void repeat(tcp_pcb* pcb) {
    const std::uint8_t time_outs = pcb->nrtx;
    tcp_clear_flags(pcb, TF_INFR);
    tcp_rexmit_fast(pcb);
    pcb->nrtx = time_outs;
  }
};

ConnectResult TcpStream::connect(std::string_view host, std::uint16_t port, std::uint64_t timeout) {
  abort();
  const std::uint64_t deadline = stack_.platform().now() + timeout;
  std::uint32_t address = 0;
  if (!resolve(host, deadline, address)) return ConnectResult::NoName;
  pcb_ = tcp_new();
  if (pcb_ == nullptr) return ConnectResult::NoMemory;
  tcp_arg(pcb_, this);
  tcp_recv(pcb_, Callbacks::received);
  tcp_err(pcb_, Callbacks::failed);
  tcp_sent(pcb_, Callbacks::progress);
  tcp_poll(pcb_, Callbacks::tick, 1);
  tcp_nagle_disable(pcb_);
  ip_addr_t target{};
  ip_addr_set_ip4_u32(&target, address);
  if (tcp_connect(pcb_, &target, port, Callbacks::connected) != ERR_OK) {
    abort();
    return ConnectResult::NoMemory;
  }
  while (!connected_ && pcb_ != nullptr && stack_.up() && stack_.platform().now() < deadline)
    stack_.wait(deadline);
  if (connected_ && pcb_ != nullptr) return ConnectResult::Connected;
  const bool refused = pcb_ == nullptr;
  abort();
  return refused ? ConnectResult::Refused : ConnectResult::TimedOut;
}

bool TcpStream::resolve(std::string_view host, std::uint64_t deadline, std::uint32_t& address) {
  std::array<char, kMaximumHostNameSize + 1> name{};
  if (host.empty() || host.size() >= name.size()) return false;
  std::copy(host.begin(), host.end(), name.begin());
  ++lookup.number;
  lookup.done = lookup.found = false;
  void* number = reinterpret_cast<void*>(std::uintptr_t{lookup.number});
  const err_t result = dns_gethostbyname(name.data(), &lookup.address, name_found, number);
  if (result == ERR_OK) lookup.done = lookup.found = true;
  if (result != ERR_OK && result != ERR_INPROGRESS) return false;
  while (!lookup.done && stack_.up() && stack_.platform().now() < deadline) stack_.wait(deadline);
  if (!lookup.found) {
    ++lookup.number;  // whatever comes now is too late
    return false;
  }
  address = ip_addr_get_ip4_u32(&lookup.address);
  return true;
}

std::size_t TcpStream::read(std::span<std::uint8_t> into) {
  std::size_t total = 0;
  while (received_ != nullptr && total < into.size()) {
    const std::size_t count = std::min<std::size_t>(received_->len - received_offset_, into.size() - total);
    std::memcpy(into.data() + total, static_cast<const std::uint8_t*>(received_->payload) + received_offset_,
                count);
    total += count;
    received_offset_ += count;
    if (received_offset_ < received_->len) break;
    received_offset_ = 0;
    pbuf* const rest = received_->next;
    if (rest != nullptr) pbuf_ref(rest);
    pbuf_free(received_);
    received_ = rest;
  }
  if (total != 0 && pcb_ != nullptr) tcp_recved(pcb_, static_cast<u16_t>(total));
  return total;
}

std::size_t TcpStream::write(std::span<const std::uint8_t> bytes) {
  if (pcb_ == nullptr || !connected_) return 0;
  const std::size_t count = std::min<std::size_t>({bytes.size(), tcp_sndbuf(pcb_), 0xFFFF});
  if (count == 0 || tcp_write(pcb_, bytes.data(), static_cast<u16_t>(count), TCP_WRITE_FLAG_COPY) != ERR_OK)
    return 0;
  static_cast<void>(tcp_output(pcb_));  // what does not go out now goes out with the next timer
  return count;
}

bool TcpStream::delivered() const {
  return pcb_ != nullptr && pcb_->unsent == nullptr && pcb_->unacked == nullptr;
}

bool TcpStream::held_back() const { return pcb_ != nullptr && pcb_->unsent != nullptr; }

bool TcpStream::flush(std::uint64_t deadline) {
  while (pcb_ != nullptr && !delivered()) {
    if (!stack_.up() || stack_.platform().now() >= deadline) return false;
    stack_.wait(deadline);
  }
  return pcb_ != nullptr;
}

void TcpStream::close() {
  if (pcb_ == nullptr) return forget();
  tcp_pcb* const pcb = pcb_;
  tcp_arg(pcb, nullptr);
  tcp_recv(pcb, nullptr);
  tcp_err(pcb, nullptr);
  tcp_sent(pcb, nullptr);
  tcp_poll(pcb, nullptr, 0);
  pcb_ = nullptr;
  forget();
  if (tcp_close(pcb) != ERR_OK) tcp_abort(pcb);
}

void TcpStream::abort() {
  if (pcb_ != nullptr) {
    tcp_pcb* const pcb = pcb_;
    tcp_arg(pcb, nullptr);
    tcp_recv(pcb, nullptr);
    tcp_err(pcb, nullptr);
    tcp_sent(pcb, nullptr);
    tcp_poll(pcb, nullptr, 0);
    pcb_ = nullptr;
    tcp_abort(pcb);
  }
  forget();
}

void TcpStream::forget() {
  if (received_ != nullptr) pbuf_free(received_);
  received_ = nullptr;
  received_offset_ = 0;
  connected_ = peer_closed_ = false;
  losses_ = {};
}

}  // namespace microvisor::firmware::net

extern "C" std::int8_t microvisor_net_segment(tcp_pcb* pcb, const tcp_hdr* header, const pbuf* data) {
  using microvisor::firmware::net::TcpStream;
  const bool bare = data->tot_len == 0 && (TCPH_FLAGS(header) & (TCP_SYN | TCP_FIN | TCP_RST)) == 0;
  if (bare) TcpStream::Callbacks::acknowledged(pcb, header->ackno, header->wnd);
  return ERR_OK;
}
