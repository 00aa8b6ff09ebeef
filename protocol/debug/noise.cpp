// Sections 4 and 5 of the Noise Protocol Framework, as far as the pattern KK uses them. Secrets are wiped
// where they are used up.
#include "protocol/debug/noise.hpp"

#include <algorithm>
#include <string_view>

namespace microvisor::protocol::debug {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::string_view kProtocolName = "Noise_KK_P256_AESGCM_SHA256";
constexpr std::string_view kPrologueText = "microvisor debug 1";

/// HMAC-SHA256 (RFC 2104) of a key of 32 bytes.
Digest hmac(Crypto& crypto, const Digest& key, Bytes first, Bytes second = {}) {
  std::array<std::uint8_t, 64> block{};
  std::copy(key.begin(), key.end(), block.begin());
  for (auto& byte : block) byte ^= 0x36;
  const Digest inner = crypto.sha256({block, first, second});
  for (auto& byte : block) byte ^= 0x36 ^ 0x5C;
  const Digest digest = crypto.sha256({block, inner});
  wipe(block);
  return digest;
}

/// HKDF() of section 4.3 with two outputs.
void derive(Crypto& crypto, const Digest& chaining_key, Bytes input, Digest& first, Digest& second) {
  constexpr std::uint8_t kOne[] = {1};
  constexpr std::uint8_t kTwo[] = {2};
  Digest temporary = hmac(crypto, chaining_key, input);
  first = hmac(crypto, temporary, kOne);
  second = hmac(crypto, temporary, first, kTwo);
  wipe(temporary);
}

/// Section 12.4, AESGCM: 32 bits of zeros, then n, big-endian.
CipherNonce nonce_of(std::uint64_t n) {
  CipherNonce nonce{};
  for (std::size_t i = 0; i < 8; ++i) nonce[4 + i] = static_cast<std::uint8_t>(n >> (56 - 8 * i));
  return nonce;
}

Point ephemeral_of(const HandshakeMessage& message) {
  Point point{};
  std::copy_n(message.begin(), point.size(), point.begin());
  return point;
}

void put_ephemeral(const Point& point, HandshakeMessage& message) {
  std::copy(point.begin(), point.end(), message.begin());
}

std::span<const std::uint8_t, kTagBytes> tag_of(const HandshakeMessage& message) {
  return std::span(message).last<kTagBytes>();
}

}  // namespace

Prologue prologue_of(std::span<const std::uint8_t, kDeviceSidBytes> device_sid, const Digest& manifest_hash) {
  static_assert(kPrologueText.size() + kDeviceSidBytes + sizeof(Digest) == sizeof(Prologue));
  Prologue prologue{};
  auto at = std::copy(kPrologueText.begin(), kPrologueText.end(), prologue.begin());
  at = std::copy(device_sid.begin(), device_sid.end(), at);
  std::copy(manifest_hash.begin(), manifest_hash.end(), at);
  return prologue;
}

void wipe(std::span<std::uint8_t> secret) {
  for (volatile std::uint8_t& byte : secret) byte = 0;
}

// Transport

bool Transport::seal(Crypto& crypto, std::span<std::uint8_t> data, Tag& tag) {
  if (!alive_) return false;
  if (crypto.encrypt(send_key_, nonce_of(sent_), {}, data, tag)) {
    ++sent_;
    return true;
  }
  end();
  return false;
}

bool Transport::open(Crypto& crypto, std::span<std::uint8_t> data, const Tag& tag) {
  if (!alive_) return false;
  if (crypto.decrypt(receive_key_, nonce_of(received_), {}, data, tag)) {
    ++received_;
    return true;
  }
  end();
  return false;
}

void Transport::end() {
  alive_ = false;
  wipe(send_key_);
  wipe(receive_key_);
}

void Transport::take(Transport& from) {
  send_key_ = from.send_key_;
  receive_key_ = from.receive_key_;
  sent_ = from.sent_;
  received_ = from.received_;
  alive_ = from.alive_;
  from.end();
}

// SymmetricState

SymmetricState::~SymmetricState() {
  wipe(chaining_key_);
  wipe(key_);
}

void SymmetricState::start(const Prologue& prologue, const Point& initiator, const Point& responder) {
  static_assert(kProtocolName.size() <= sizeof(Digest));  // so it is padded with zeros, not hashed
  hash_ = {};
  std::copy(kProtocolName.begin(), kProtocolName.end(), hash_.begin());
  chaining_key_ = hash_;
  mix_hash(prologue);
  mix_hash(initiator);
  mix_hash(responder);
}

void SymmetricState::mix_hash(Bytes data) { hash_ = crypto_.sha256({hash_, data}); }

bool SymmetricState::mix_agreement(const Scalar& secret, const Point& peer) {
  Digest shared{};
  const bool agreed = crypto_.agree(secret, peer, shared);
  if (agreed) {
    Digest next{};
    derive(crypto_, chaining_key_, shared, next, key_);
    chaining_key_ = next;
    wipe(next);
  }
  wipe(shared);
  return agreed;
}

// Each key of the handshake is used once: the nonce is 0.

bool SymmetricState::put_tag(std::span<std::uint8_t, kTagBytes> out) {
  Tag tag{};
  if (!crypto_.encrypt(key_, nonce_of(0), hash_, {}, tag)) return false;
  std::copy(tag.begin(), tag.end(), out.begin());
  mix_hash(tag);
  return true;
}

bool SymmetricState::take_tag(std::span<const std::uint8_t, kTagBytes> in) {
  Tag tag{};
  std::copy(in.begin(), in.end(), tag.begin());
  if (!crypto_.decrypt(key_, nonce_of(0), hash_, {}, tag)) return false;
  mix_hash(tag);
  return true;
}

void SymmetricState::split(Role role, Transport& transport) {
  const bool initiator = role == Role::Initiator;
  derive(crypto_, chaining_key_, {}, initiator ? transport.send_key_ : transport.receive_key_,
         initiator ? transport.receive_key_ : transport.send_key_);
  transport.sent_ = 0;
  transport.received_ = 0;
  transport.alive_ = true;
}

// KK:  -> s,  <- s,  ...,  -> e, es, ss,  <- e, ee, se

Initiator::Initiator(Crypto& crypto, const StaticKeys& keys, const Prologue& prologue)
    : crypto_(crypto), keys_(keys), state_(crypto) {
  state_.start(prologue, keys.own_point, keys.peer);
}

bool Initiator::write(HandshakeMessage& message) {
  Point point{};
  if (!crypto_.generate(ephemeral_, point)) return false;
  put_ephemeral(point, message);
  state_.mix_hash(point);
  return state_.mix_agreement(ephemeral_, keys_.peer) && state_.mix_agreement(keys_.own_secret, keys_.peer) &&
         state_.put_tag(std::span(message).last<kTagBytes>());
}

bool Initiator::read(const HandshakeMessage& message, Transport& transport) {
  const Point point = ephemeral_of(message);
  state_.mix_hash(point);
  const bool good = state_.mix_agreement(ephemeral_, point) &&
                    state_.mix_agreement(keys_.own_secret, point) && state_.take_tag(tag_of(message));
  if (good) state_.split(SymmetricState::Role::Initiator, transport);
  wipe(ephemeral_);
  return good;
}

bool respond(Crypto& crypto, const StaticKeys& keys, const Prologue& prologue, const HandshakeMessage& first,
             HandshakeMessage& second, Transport& transport) {
  SymmetricState state(crypto);
  state.start(prologue, keys.peer, keys.own_point);
  const Point theirs = ephemeral_of(first);
  state.mix_hash(theirs);
  if (!state.mix_agreement(keys.own_secret, theirs) || !state.mix_agreement(keys.own_secret, keys.peer) ||
      !state.take_tag(tag_of(first))) {
    return false;
  }
  Scalar ephemeral{};
  Point point{};
  bool good = crypto.generate(ephemeral, point);
  put_ephemeral(point, second);
  state.mix_hash(point);
  good = good && state.mix_agreement(ephemeral, theirs) && state.mix_agreement(ephemeral, keys.peer) &&
         state.put_tag(std::span(second).last<kTagBytes>());
  if (good) state.split(SymmetricState::Role::Responder, transport);
  wipe(ephemeral);
  return good;
}

}  // namespace microvisor::protocol::debug
