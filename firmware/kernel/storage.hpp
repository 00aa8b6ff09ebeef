// The kernel's storage: flash, external flash, vault and updater, and what was read from them at start-up.
// Owned by start-up code, then by the worker.
#pragma once

#include "firmware/kernel/crash_store.hpp"
#include "firmware/manifest/new_keys.hpp"
#include "firmware/net/dialler.hpp"
#include "firmware/net/wifi_module.hpp"
#include "firmware/update/updater.hpp"
#include "firmware/upgrader/kernel_updater.hpp"
#include "firmware/upgrader/trial.hpp"
#include "firmware/vault/identity.hpp"
#include "firmware/vault/store.hpp"
#include "firmware/vault/trust_anchors.hpp"
#include "protocol/link/attestation.hpp"

namespace microvisor::firmware::kernel {

/// Reads the vault and finishes an update that is ready or was interrupted. Before lock_flash(): this writes
/// the application's flash. True if a new application was installed by this call.
bool start_storage();

[[nodiscard]] update::Updater& updater();
[[nodiscard]] upgrader::KernelUpdater& kernel_updater();
/// One of the two is ready: what it is of is installed by the next reset.
[[nodiscard]] bool update_ready();
[[nodiscard]] vault::Store& store();
[[nodiscard]] CrashStore& crash_store();
/// This kernel's, after an update of it.
[[nodiscard]] upgrader::Trial& kernel_trial();
[[nodiscard]] const vault::Identity& identity();
[[nodiscard]] const vault::TrustAnchors& anchors();
/// The keys to encrypted layers. Worker only.
[[nodiscard]] vault::LayerKeys layer_keys();
/// Checks a change of keys and puts it into the vault. Worker only.
[[nodiscard]] manifest::KeysError change_keys(std::span<const std::uint8_t> message);
/// A change of keys asks for everything of the owner's to be erased, which the next start does.
[[nodiscard]] bool erasure_is_due();
/// With what to join a Wi-Fi network: the password is nowhere else in RAM. Worker only.
[[nodiscard]] net::WifiCredentials wifi_credentials();
/// Keeps them in the vault; without a name, none. Worker only.
[[nodiscard]] bool set_wifi(const net::WifiCredentials& wifi);
/// The packet network that the modem is to be in. Worker only.
[[nodiscard]] net::AccessPointName access_point_name();
/// Keeps it in the vault; without a name, none. Worker only.
[[nodiscard]] bool set_access_point_name(const net::AccessPointName& apn);
/// The device has made its identity and waits for the certificate that belongs to it.
[[nodiscard]] bool certificate_is_due();
/// Completes the identity with a certificate that has been checked. False if the vault did not take it.
/// Worker only; the device has to be reset then.
[[nodiscard]] bool take_certificate(std::span<const std::uint8_t> certificate);
/// The worker's errand: does what services().storage_jobs asks for, if anything, and keeps the verdict of a
/// factory test that was passed.
void serve_storage_job();
/// What the bootrom has measured; all zeros if it is one that measures something else.
[[nodiscard]] protocol::BootEvidence boot_evidence();
/// Starts of the kernel since manufacturing.
[[nodiscard]] std::uint64_t boot_count();
/// How the device stands with the factory.
[[nodiscard]] vault::FactoryTest factory_test();

}  // namespace microvisor::firmware::kernel
