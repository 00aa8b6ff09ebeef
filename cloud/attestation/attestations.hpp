// Whether devices run what they say they run: each connection asks with a nonce of its own, and the answer
// has to be signed by the key of the device's certificate (protocol/LINK.md, "Attestation").
//
// What comes of it is remembered and shown; it never ends a connection, because a device that cannot be
// reached cannot be repaired. Whether what was measured is known is asked when it is shown (known.hpp). Lives
// on the service thread.
#pragma once

#include <map>
#include <string>

#include "cloud/bus/bus.hpp"
#include "cloud/store/store.hpp"
#include "protocol/bundle/crypto.hpp"
#include "protocol/link.pb.h"
#include "protocol/link/attestation.hpp"

namespace microvisor::cloud {

/// A device that says it attests has so long for its answer.
inline constexpr Timestamp kAttestationTime = 30 * kSecond;

struct AttestationCounters {
  std::uint64_t verified = 0;
  std::uint64_t failed = 0;
};

/// Why an answer is not believed; empty: it is. `statement` holds it then.
std::string check_attestation(const link::Attestation& answer, const protocol::PublicKey& key,
                              const protocol::Hash& nonce, protocol::AttestationStatement& statement);

class Attestations {
 public:
  Attestations(Store& store, Bus& bus, const Clock& clock) : store_(store), bus_(bus), clock_(clock) {}

  /// The device has said Hello. Returns what it is to be asked with.
  protocol::Hash connected(const std::string& device_sid, const link::Hello& hello);
  /// `key`: of the certificate that it has connected with. Only the first answer of a connection counts.
  void answered(const std::string& device_sid, const protocol::PublicKey& key,
                const link::Attestation& answer);
  /// A question that is open for too long has failed; one that was cut short says nothing.
  void disconnected(const std::string& device_sid);
  /// About once a second.
  void tick();

  [[nodiscard]] const AttestationCounters& counters() const { return counters_; }

 private:
  struct Question {
    protocol::Hash nonce{};
    Timestamp asked = 0;
  };
  [[nodiscard]] bool overdue(const Question& question) const {
    return clock_.now() - question.asked > kAttestationTime;
  }
  void keep(const std::string& device_sid, AttestationRecord record);
  void fail(const std::string& device_sid, const std::string& reason);

  Store& store_;
  Bus& bus_;
  const Clock& clock_;
  std::map<std::string, Question> questions_;  // open ones, by device
  AttestationCounters counters_;
};

}  // namespace microvisor::cloud
