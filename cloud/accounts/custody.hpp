// How a device goes from one account to another: claimed with the code on its label, handed over by its
// owner, or given back to whoever made it.
//
// Always the same thing happens. The owner's consent is a code (on the label of a device that is for sale, or
// made for one transfer). Whoever shows it becomes the receiver. Then a change of keys for this device alone,
// signed by the owner's signer, makes the receiver's signers the only ones, and when the device says that it
// has taken it, it moves. So the cloud can neither give a device away nor take it, once the owner's key is
// not its own. Lives on the service thread.
#pragma once

#include <optional>
#include <string>

#include "cloud/accounts/signers.hpp"

namespace microvisor::cloud {

enum class TransferState : std::uint8_t {
  None,
  Offered,            ///< a code is out
  AwaitingSignature,  ///< the receiver is known; the owner has to sign with a key of its own
  Pending,            ///< signed; the device has to take it
};

/// Moves the device if it has taken the change of keys that was to come before. True if it has moved or was
/// given back.
bool hand_over_if_due(Store& store, const Device& device);

class Custodian {
 public:
  Custodian(Store& store, Signers& signers, const Clock& clock)
      : store_(store), signers_(signers), clock_(clock) {}

  struct Offer {
    std::string code;  ///< to be shown once
    Timestamp expires = 0;
  };
  /// A code with which somebody else may have the device; it replaces an earlier one. With `erase` the device
  /// forgets application and data before. Nothing if a receiver is known already.
  std::optional<Offer> offer(const Device& device, bool erase);
  /// False if there is no offer, or somebody has accepted it.
  bool withdraw(const Device& device);

  /// Nothing to be had with this code: BadClaim, whatever the reason.
  [[nodiscard]] protocol::Result<void> claim(const Account& receiver, const std::string& sid,
                                             const std::string& code);
  /// Erased, without the owner's keys, the device goes back to its maker, who may sell it again.
  [[nodiscard]] protocol::Result<void> decommission(const Account& owner, const Device& device);

  [[nodiscard]] TransferState state(const Device& device) const;
  /// What the owner has to sign while the state is AwaitingSignature.
  [[nodiscard]] protocol::KeyChange needed_change(const Account& owner, const Custody& custody) const;
  /// Takes it, signed elsewhere.
  [[nodiscard]] protocol::Result<void> approve(const Account& owner, const Device& device,
                                               protocol::ByteView message);

 private:
  [[nodiscard]] Custody custody_of(const Device& device) const;
  [[nodiscard]] protocol::Result<void> begin(const Account& owner, Custody custody);
  [[nodiscard]] Account account(const std::string& sid) const;

  Store& store_;
  Signers& signers_;
  const Clock& clock_;
};

}  // namespace microvisor::cloud
