#include "cloud/accounts/signers.hpp"

#include <algorithm>

namespace microvisor::cloud {
namespace {

using protocol::KeyChange;
using protocol::PublicKey;
using protocol::Refusal;

/// A sequence is a time. One from further ahead would keep every later change from being taken.
constexpr Timestamp kClockDifference = 24 * 3600 * kSecond;

PublicKey account_key(const Account& account) {
  const auto key = protocol::public_key_from_pem(account.owner_public_key);
  if (!key) throw std::runtime_error("the public key of " + account.sid + " cannot be read");
  return *key;
}

bool contains(const std::vector<PublicKey>& keys, const PublicKey& key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

}  // namespace

Signers::State Signers::state(const Account& account) const {
  State state{{account_key(account)}, store_.last_key_change(account.sid)};
  for (const protocol::Bytes& message : store_.account_key_changes(account.sid)) {
    const auto read = protocol::read_key_change(message);
    auto next = read ? protocol::apply_key_change(read->change, state.keys) : tl::unexpected(read.error());
    if (!next) throw std::runtime_error("a stored change of keys of " + account.sid + " does not apply");
    state.keys = std::move(*next);
  }
  return state;
}

bool Signers::signs(const Account& account) const {
  return contains(state(account).keys, account_key(account));
}

protocol::Bytes Signers::sign(const Account& account, const KeyChange& change) const {
  return protocol::sign_key_change(change, accounts_.owner_key(account));
}

protocol::Result<void> Signers::change(const Account& account, KeyChange change) {
  const State now = state(account);
  if (!signs(account)) {
    return protocol::refuse(
        Refusal::BadSignature,
        "the account's own key is not a signer any more: sign the change with a key that is");
  }
  change.sequence = std::max(static_cast<std::uint64_t>(clock_.now()), now.sequence + 1);
  return publish(account, sign(account, change));
}

protocol::Result<void> Signers::publish(const Account& account, protocol::ByteView message) {
  const auto read = protocol::read_key_change(message);
  if (!read) return tl::unexpected(read.error());
  const KeyChange& change = read->change;
  const State now = state(account);
  const bool known = std::any_of(now.keys.begin(), now.keys.end(), [&](const PublicKey& key) {
    return protocol::is_signed_by(read->envelope, key);
  });
  if (!known)
    return protocol::refuse(Refusal::BadSignature, "none of the signers has signed the change of keys");
  if (change.sequence <= now.sequence)
    return protocol::refuse(Refusal::OldKeyChange, "the change of keys is not newer than the last one");
  if (change.sequence > static_cast<std::uint64_t>(clock_.now() + kClockDifference))
    return protocol::refuse(Refusal::OldKeyChange, "the change of keys is dated in the future");
  if (const auto next = protocol::apply_key_change(change, now.keys); !next)
    return tl::unexpected(next.error());
  store_.add_key_change({account.sid, change.sequence, change.device_sid, {message.begin(), message.end()}});
  bus_.publish(SignersChanged{account.sid});
  return {};
}

}  // namespace microvisor::cloud
