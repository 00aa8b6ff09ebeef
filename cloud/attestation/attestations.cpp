#include "cloud/attestation/attestations.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <stdexcept>

namespace microvisor::cloud {
namespace {

constexpr const char* kNoAnswer = "no answer";

protocol::Hash random_nonce() {
  protocol::Hash nonce;
  if (RAND_bytes(nonce.data(), static_cast<int>(nonce.size())) != 1)
    throw std::runtime_error("no random numbers");
  return nonce;
}

/// Whether the kernel that runs is one that has attested before, or a later one: then it has to.
bool has_attested(const AttestationRecord& record, std::uint32_t kernel_version) {
  protocol::AttestationStatement statement;
  return protocol::read_statement(record.statement, statement) &&
         kernel_version >= statement.boot.kernel_version;
}

}  // namespace

std::string check_attestation(const link::Attestation& answer, const protocol::PublicKey& key,
                              const protocol::Hash& nonce, protocol::AttestationStatement& statement) {
  const auto bytes = protocol::as_bytes(answer.statement());
  protocol::Signature signature{};
  if (!protocol::read_statement(bytes, statement) || answer.signature().size() != signature.size())
    return "malformed";
  std::copy(answer.signature().begin(), answer.signature().end(), signature.begin());
  if (!protocol::verify(key, bytes, signature)) return "wrong signature";
  if (statement.nonce != nonce) return "answers another nonce";
  return {};
}

protocol::Hash Attestations::connected(const std::string& device_sid, const link::Hello& hello) {
  const Question question{random_nonce(), clock_.now()};
  questions_.erase(device_sid);
  if (hello.attestation_version() != 0) {
    questions_[device_sid] = question;
    return question.nonce;
  }
  AttestationRecord record = store_.attestation(device_sid);
  if (has_attested(record, hello.kernel_version_number())) {
    fail(device_sid, "it does not attest any more");
  } else if (record.status != AttestationStatus::None) {
    record.status = AttestationStatus::None;
    record.reason.clear();
    keep(device_sid, std::move(record));
  }
  return question.nonce;
}

void Attestations::answered(const std::string& device_sid, const protocol::PublicKey& key,
                            const link::Attestation& answer) {
  const auto question = questions_.find(device_sid);
  if (question == questions_.end()) return;
  protocol::AttestationStatement statement;
  const std::string reason = check_attestation(answer, key, question->second.nonce, statement);
  questions_.erase(question);
  if (!reason.empty()) return fail(device_sid, reason);
  ++counters_.verified;
  AttestationRecord record;
  record.status = AttestationStatus::Verified;
  record.statement.assign(answer.statement().begin(), answer.statement().end());
  record.verified = clock_.now();
  keep(device_sid, std::move(record));
}

void Attestations::disconnected(const std::string& device_sid) {
  const auto question = questions_.find(device_sid);
  if (question == questions_.end()) return;
  const bool late = overdue(question->second);
  questions_.erase(question);
  if (late) fail(device_sid, kNoAnswer);
}

void Attestations::tick() {
  for (auto at = questions_.begin(); at != questions_.end();) {
    const auto question = at++;
    if (!overdue(question->second)) continue;
    const std::string device_sid = question->first;
    questions_.erase(question);
    fail(device_sid, kNoAnswer);
  }
}

void Attestations::keep(const std::string& device_sid, AttestationRecord record) {
  record.checked = clock_.now();
  store_.set_attestation(device_sid, record);
  bus_.publish(DeviceChanged{device_sid});
}

/// What was verified last stays to be looked at.
void Attestations::fail(const std::string& device_sid, const std::string& reason) {
  ++counters_.failed;
  AttestationRecord record = store_.attestation(device_sid);
  record.status = AttestationStatus::Failed;
  record.reason = reason;
  keep(device_sid, std::move(record));
  bus_.publish(LogRecord{clock_.now(), device_sid, log_type::kEvent, "attestation failed: " + reason});
}

}  // namespace microvisor::cloud
