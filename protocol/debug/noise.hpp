// Noise_KK_P256_AESGCM_SHA256: the Noise Protocol Framework (revision 34) with the pattern KK, in which both
// sides know each other's static key beforehand. Names and sections are that document's.
//
// Where it leaves a choice: public keys are uncompressed points of P-256 (65 bytes), a Diffie-Hellman gives
// the X coordinate (32 bytes), and both payloads of the handshake are empty.
#pragma once

#include "protocol/debug/crypto.hpp"

namespace microvisor::protocol::debug {

inline constexpr std::size_t kTagBytes = 16;
/// Either message of the handshake: an ephemeral point, and the tag of an empty payload.
inline constexpr std::size_t kHandshakeBytes = 65 + kTagBytes;
using HandshakeMessage = std::array<std::uint8_t, kHandshakeBytes>;

/// "microvisor debug 1", the device's SID, SHA-256 of the manifest of the installed application: what a
/// session is about. Sides that mean different ones do not come together.
inline constexpr std::size_t kDeviceSidBytes = 34;
using Prologue = std::array<std::uint8_t, 18 + kDeviceSidBytes + 32>;
[[nodiscard]] Prologue prologue_of(std::span<const std::uint8_t, kDeviceSidBytes> device_sid,
                                   const Digest& manifest_hash);

/// Own static pair and the peer's static point. References: whoever makes one keeps what it names.
struct StaticKeys {
  const Scalar& own_secret;
  const Point& own_point;
  const Point& peer;
};

/// Overwrites what must not stay in memory, whatever the optimiser thinks of it.
void wipe(std::span<std::uint8_t> secret);

/// Two CipherStates (section 5.1) after Split(). Nonces count strictly: what is lost, comes twice or out of
/// turn does not verify. Whatever does not verify is the end: keys are wiped, and all else fails. 64-bit
/// nonces do not come to their end.
class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  ~Transport() { end(); }

  /// Encrypts `data` in place.
  [[nodiscard]] bool seal(Crypto& crypto, std::span<std::uint8_t> data, Tag& tag);
  /// Decrypts `data` in place.
  [[nodiscard]] bool open(Crypto& crypto, std::span<std::uint8_t> data, const Tag& tag);
  [[nodiscard]] bool alive() const { return alive_; }
  void end();
  /// Takes over the other's keys, which has none then.
  void take(Transport& from);

 private:
  friend class SymmetricState;
  CipherKey send_key_{};
  CipherKey receive_key_{};
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  bool alive_ = false;
};

/// Section 5.2, with the CipherState of the handshake.
class SymmetricState {
 public:
  enum class Role : std::uint8_t { Initiator, Responder };

  explicit SymmetricState(Crypto& crypto) : crypto_(crypto) {}
  SymmetricState(const SymmetricState&) = delete;
  SymmetricState& operator=(const SymmetricState&) = delete;
  ~SymmetricState();

  /// InitializeSymmetric(), MixHash(prologue), and the pre-messages: both static points.
  void start(const Prologue& prologue, const Point& initiator, const Point& responder);
  void mix_hash(std::span<const std::uint8_t> data);
  /// MixKey() of a Diffie-Hellman.
  [[nodiscard]] bool mix_agreement(const Scalar& secret, const Point& peer);
  /// EncryptAndHash() and DecryptAndHash() of an empty payload.
  [[nodiscard]] bool put_tag(std::span<std::uint8_t, kTagBytes> out);
  [[nodiscard]] bool take_tag(std::span<const std::uint8_t, kTagBytes> in);
  void split(Role role, Transport& transport);

 private:
  Crypto& crypto_;
  Digest chaining_key_{};
  Digest hash_{};
  CipherKey key_{};
};

/// The developer's machine.
class Initiator {
 public:
  Initiator(Crypto& crypto, const StaticKeys& keys, const Prologue& prologue);
  ~Initiator() { wipe(ephemeral_); }
  Initiator(const Initiator&) = delete;
  Initiator& operator=(const Initiator&) = delete;

  /// Message 1. False: cryptography failed, or the peer's static key is no point.
  [[nodiscard]] bool write(HandshakeMessage& message);
  /// Message 2, once. True proves that the device has its key, has got our message 1 and means the same
  /// application: `transport` is ready.
  [[nodiscard]] bool read(const HandshakeMessage& message, Transport& transport);

 private:
  Crypto& crypto_;
  StaticKeys keys_;
  SymmetricState state_;
  Scalar ephemeral_{};
};

/// The device: message 1 in, message 2 out, and nothing is kept in between. True proves only that message 1
/// was made by the machine's key once: it may be a copy. That the machine is there is known from the first
/// record that `transport` opens.
[[nodiscard]] bool respond(Crypto& crypto, const StaticKeys& keys, const Prologue& prologue,
                           const HandshakeMessage& first, HandshakeMessage& second, Transport& transport);

}  // namespace microvisor::protocol::debug
