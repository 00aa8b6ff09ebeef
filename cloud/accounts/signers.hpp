// Whose signatures the devices of an account accept, and how that changes.
//
// A new device accepts the account's own key, which the cloud holds and signs uploads with. From there on
// every change is a message (protocol/bundle/key_change.hpp) signed by one of the signers before it, by the
// account's key here or by an owner's key that the cloud never sees. All of them are kept in order; a device
// is sent those it has not taken yet. The set in force is what follows from them. Lives on the service
// thread.
#pragma once

#include <string>
#include <vector>

#include "cloud/accounts/accounts.hpp"
#include "cloud/bus/bus.hpp"
#include "protocol/bundle/key_change.hpp"

namespace microvisor::cloud {

class Signers {
 public:
  Signers(Store& store, const Accounts& accounts, Bus& bus, const Clock& clock)
      : store_(store), accounts_(accounts), bus_(bus), clock_(clock) {}

  struct State {
    std::vector<protocol::PublicKey> keys;
    std::uint64_t sequence = 0;  ///< of the last change, also to one device only; 0: there was none
  };
  /// What the account's devices accept once they have taken everything.
  [[nodiscard]] State state(const Account& account) const;

  /// Signs a change with the account's own key and sends it to the devices. Refused if that key is not among
  /// the signers any more.
  [[nodiscard]] protocol::Result<void> change(const Account& account, protocol::KeyChange change);

  /// Whether the account's own key, which the cloud holds, is among its signers.
  [[nodiscard]] bool signs(const Account& account) const;
  /// With that key.
  [[nodiscard]] protocol::Bytes sign(const Account& account, const protocol::KeyChange& change) const;

  /// Takes a change that somebody else has signed and sends it to the devices.
  [[nodiscard]] protocol::Result<void> publish(const Account& account, protocol::ByteView message);

 private:
  Store& store_;
  const Accounts& accounts_;
  Bus& bus_;
  const Clock& clock_;
};

}  // namespace microvisor::cloud
