#include "cloud/accounts/custody.hpp"

#include <algorithm>

#include "cloud/accounts/sid.hpp"
#include "protocol/factory/device_request.hpp"

namespace microvisor::cloud {
namespace {

using protocol::KeyChange;
using protocol::PublicKey;
using protocol::Refusal;

constexpr Timestamp kOfferTime = 7 * 24 * 3600 * kSecond;

/// 80 random bits in base32 (RFC 4648), as the codes on labels.
std::string make_code() {
  constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const auto bytes = protocol::from_hex(random_hex(16));
  std::string code;
  for (const std::uint8_t byte : *bytes) code += kLetters[byte & 31];
  return code;
}

bool contains(const std::vector<PublicKey>& keys, const PublicKey& key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

protocol::Result<void> bad_claim() {
  return protocol::refuse(Refusal::BadClaim, "there is no device to be claimed with this SID and code");
}

}  // namespace

bool hand_over_if_due(Store& store, const Device& device) {
  auto custody = store.custody(device.sid);
  if (!custody || custody->sequence == 0 || device.keys_sequence < custody->sequence) return false;
  const bool given_back = custody->receiver_sid == custody->maker_sid && custody->erase;
  store.move_device(device.sid, custody->receiver_sid);
  custody->claimable = given_back && custody->claim.has_value();
  custody->receiver_sid.clear();
  custody->erase = false;
  custody->sequence = 0;
  store.set_custody(*custody);
  return true;
}

Custody Custodian::custody_of(const Device& device) const {
  if (auto known = store_.custody(device.sid)) return *known;
  Custody made;  // of a device that did not come off a production line
  made.device_sid = device.sid;
  made.maker_sid = device.account_sid;
  return made;
}

Account Custodian::account(const std::string& sid) const {
  auto found = store_.account(sid);
  if (!found) throw std::runtime_error("account " + sid + " is missing");
  return std::move(*found);
}

TransferState Custodian::state(const Device& device) const {
  const Custody custody = custody_of(device);
  if (custody.sequence != 0) return TransferState::Pending;
  if (!custody.receiver_sid.empty()) return TransferState::AwaitingSignature;
  return custody.offer && custody.offer_expires.value_or(0) > clock_.now() ? TransferState::Offered
                                                                           : TransferState::None;
}

std::optional<Custodian::Offer> Custodian::offer(const Device& device, bool erase) {
  Custody custody = custody_of(device);
  if (!custody.receiver_sid.empty()) return std::nullopt;
  const Offer made{make_code(), clock_.now() + kOfferTime};
  custody.offer = protocol::claim_hash(device.sid, made.code);
  custody.offer_expires = made.expires;
  custody.erase = erase;
  store_.set_custody(custody);
  return made;
}

bool Custodian::withdraw(const Device& device) {
  if (state(device) != TransferState::Offered) return false;
  Custody custody = custody_of(device);
  custody.offer.reset();
  custody.offer_expires.reset();
  custody.erase = false;
  store_.set_custody(custody);
  return true;
}

protocol::Result<void> Custodian::claim(const Account& receiver, const std::string& sid,
                                        const std::string& code) {
  const auto device = store_.device_by_sid(sid);
  auto custody = store_.custody(sid);
  if (!device || !custody || !custody->receiver_sid.empty() || device->account_sid == receiver.sid)
    return bad_claim();
  const protocol::Hash shown = protocol::claim_hash(sid, code);
  const bool by_label = custody->claimable && custody->claim == shown;
  const bool by_offer = custody->offer == shown && custody->offer_expires.value_or(0) > clock_.now();
  if (!by_label && !by_offer) return bad_claim();
  if (!by_offer) custody->erase = false;
  custody->receiver_sid = receiver.sid;
  custody->claimable = false;
  custody->offer.reset();
  custody->offer_expires.reset();
  return begin(account(device->account_sid), std::move(*custody));
}

protocol::Result<void> Custodian::decommission(const Account& owner, const Device& device) {
  Custody custody = custody_of(device);
  if (!custody.receiver_sid.empty())
    return protocol::refuse(Refusal::BadClaim, "the device is on its way to another account");
  custody.receiver_sid = custody.maker_sid;
  custody.erase = true;
  custody.offer.reset();
  custody.offer_expires.reset();
  return begin(owner, std::move(custody));
}

KeyChange Custodian::needed_change(const Account& owner, const Custody& custody) const {
  const Signers::State now = signers_.state(owner);
  const Signers::State then = signers_.state(account(custody.receiver_sid));
  KeyChange change;
  change.device_sid = custody.device_sid;
  change.erase = custody.erase;
  change.sequence = std::max({static_cast<std::uint64_t>(clock_.now()), now.sequence + 1, then.sequence + 1});
  for (const PublicKey& key : now.keys) {
    if (!contains(then.keys, key)) change.remove_signers.push_back(protocol::signer_id(key));
  }
  for (const PublicKey& key : then.keys) {
    if (!contains(now.keys, key)) change.add_signers.push_back(key);
  }
  // The former owner's encrypted layers are nobody else's business.
  if (const auto device = store_.device_by_sid(custody.device_sid))
    change.remove_layer_keys = device->layer_keys;
  change.remove_layer_keys.resize(std::min(change.remove_layer_keys.size(), protocol::kMaxLayerKeys));
  return change;
}

/// Where the cloud has a signer's key of the owner's it signs at once; otherwise the owner has to.
protocol::Result<void> Custodian::begin(const Account& owner, Custody custody) {
  custody.sequence = 0;
  store_.set_custody(custody);
  if (!signers_.signs(owner)) return {};
  return approve(owner, *store_.device_by_sid(custody.device_sid),
                 signers_.sign(owner, needed_change(owner, custody)));
}

protocol::Result<void> Custodian::approve(const Account& owner, const Device& device,
                                          protocol::ByteView message) {
  Custody custody = custody_of(device);
  if (custody.receiver_sid.empty() || custody.sequence != 0)
    return protocol::refuse(Refusal::BadClaim, "nobody waits for a signature on the transfer of this device");
  const auto read = protocol::read_key_change(message);
  if (!read) return tl::unexpected(read.error());
  KeyChange needed = needed_change(owner, custody);
  needed.sequence = read->change.sequence;  // whether it is new enough is seen below
  if (!(read->change == needed) || needed.sequence <= signers_.state(account(custody.receiver_sid)).sequence)
    return protocol::refuse(Refusal::KeyChangeMalformed,
                            "the change of keys is not the one that this transfer needs");
  if (auto published = signers_.publish(owner, message); !published) return published;
  custody.sequence = read->change.sequence;
  store_.set_custody(custody);
  return {};
}

}  // namespace microvisor::cloud
