// See joined_network.hpp. DNS: RFC 1035.
#include "board/modem/joined_network.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "board/modem/packet.hpp"
#include "board/modem/tcp_endpoint.hpp"

namespace microvisor::board {
namespace {

constexpr std::uint16_t kDnsPort = 53;
constexpr std::size_t kDnsHeader = 12;
constexpr std::uint16_t kTypeA = 1;
constexpr std::uint16_t kNameError = 3;

/// The name in the first question and where the question ends; nothing if it is malformed.
std::optional<std::pair<std::string, std::size_t>> question_of(packet::View query) {
  if (query.size() < kDnsHeader || packet::get16(query, 4) != 1) return std::nullopt;
  std::string name;
  std::size_t at = kDnsHeader;
  while (at < query.size() && query[at] != 0) {
    const std::size_t label = query[at];
    if (label > 63 || at + 1 + label >= query.size()) return std::nullopt;
    if (!name.empty()) name += '.';
    name.append(query.begin() + static_cast<std::ptrdiff_t>(at + 1),
                query.begin() + static_cast<std::ptrdiff_t>(at + 1 + label));
    at += 1 + label;
  }
  if (at + 5 > query.size()) return std::nullopt;
  return std::pair(name, at + 5);
}

}  // namespace

JoinedNetwork::JoinedNetwork(Scheduler& scheduler, Accept accept, JoinedOptions options)
    : scheduler_(scheduler),
      accept_(std::move(accept)),
      options_(std::move(options)),
      delivery_(scheduler, [this] { deliver_due(); }) {}

JoinedNetwork::~JoinedNetwork() = default;

void JoinedNetwork::send(std::span<const std::uint8_t> bytes) {
  const auto ip = packet::parse_ip(bytes);
  if (!ip || (ip->source != kBoardAddress && ip->source != kWifiAddress)) return;
  remove_dead();
  if (const auto datagram = packet::parse_udp(*ip)) {
    if (ip->destination == kNameServerAddress && datagram->destination_port == kDnsPort)
      name_query(ip->source, *datagram);
  } else if (const auto segment = packet::parse_tcp(*ip)) {
    tcp_segment(ip->source, ip->destination, *segment);
  }
}

void JoinedNetwork::tcp_segment(std::uint32_t board, std::uint32_t address, const packet::Tcp& segment) {
  const Key key{board, segment.source_port, address, segment.destination_port};
  if (const auto found = connections_.find(key); found != connections_.end())
    return found->second->segment(segment);
  if ((segment.flags & packet::kRst) != 0) return;
  if ((segment.flags & (packet::kSyn | packet::kAck)) == packet::kSyn) {
    auto endpoint = std::make_unique<TcpEndpoint>(*this, board, address, segment);
    if (auto peer = accept_(*endpoint, address, segment.destination_port)) {
      TcpEndpoint& connection = *endpoint;
      connections_.emplace(key, std::move(endpoint));
      return connection.adopt(std::move(peer));
    }
  }
  // Nobody here (RFC 9293 section 3.5.2).
  const auto length =
      static_cast<std::uint32_t>(segment.data.size()) + ((segment.flags & packet::kSyn) != 0 ? 1 : 0);
  const bool acknowledges = (segment.flags & packet::kAck) != 0;
  to_board(packet::make_tcp(address, board,
                            {.source_port = segment.destination_port,
                             .destination_port = segment.source_port,
                             .sequence = acknowledges ? segment.acknowledgement : 0,
                             .acknowledgement = segment.sequence + length,
                             .flags = acknowledges ? std::uint8_t{packet::kRst}
                                                   : static_cast<std::uint8_t>(packet::kRst | packet::kAck),
                             .window = 0,
                             .data = {}}));
}

/// Answers a question for an address from the table; other types get an empty answer, other names NXDOMAIN.
void JoinedNetwork::name_query(std::uint32_t board, const packet::Udp& query) {
  const auto question = question_of(query.data);
  if (!question) return;
  const auto& [name, end] = *question;
  const auto found = options_.names.find(name);
  const bool known = found != options_.names.end();
  const bool answered = known && packet::get16(query.data, end - 4) == kTypeA;
  packet::Bytes answer(query.data.begin(), query.data.begin() + 2);
  packet::put16(answer, 0x8180U | (known ? 0U : kNameError));  // response, recursion desired and available
  packet::put16(answer, 1);
  packet::put16(answer, answered ? 1 : 0);
  packet::put32(answer, 0);
  answer.insert(answer.end(), query.data.begin() + kDnsHeader,
                query.data.begin() + static_cast<std::ptrdiff_t>(end));
  if (answered) {
    packet::put16(answer, 0xC000 + kDnsHeader);  // the name of the question
    packet::put16(answer, kTypeA);
    packet::put16(answer, 1);
    packet::put32(answer, 60);  // seconds
    packet::put16(answer, 4);
    packet::put32(answer, found->second);
  }
  to_board(packet::make_udp(kNameServerAddress, board, {kDnsPort, query.source_port, answer}));
}

void JoinedNetwork::to_board(std::vector<std::uint8_t> bytes) {
  line_free_ = std::max(line_free_, scheduler_.now());
  if (options_.bits_per_second != 0)
    line_free_ += 8 * bytes.size() * kTicksPerSecond / options_.bits_per_second;
  under_way_.emplace_back(line_free_ + options_.latency, std::move(bytes));
  if (!delivery_.armed()) delivery_.at(under_way_.front().first);
}

void JoinedNetwork::deliver_due() {
  while (!under_way_.empty() && under_way_.front().first <= scheduler_.now()) {
    const auto bytes = std::move(under_way_.front().second);
    under_way_.pop_front();
    if (receiver_) receiver_(bytes);
  }
  remove_dead();
  if (!under_way_.empty() && !delivery_.armed()) delivery_.at(under_way_.front().first);
}

void JoinedNetwork::remove_dead() {
  std::erase_if(connections_, [](const auto& entry) { return entry.second->dead(); });
}

/// Nothing comes from outside; the wait is for wake().
bool JoinedNetwork::poll(std::chrono::microseconds timeout) {
  if (timeout.count() == 0) return false;
  std::unique_lock lock(mutex_);
  woken_.wait_for(lock, timeout, [this] { return wake_; });
  wake_ = false;
  return false;
}

void JoinedNetwork::wake() {
  const std::lock_guard lock(mutex_);
  wake_ = true;
  woken_.notify_one();
}

}  // namespace microvisor::board
