// What the cloud remembers, and the interface to whatever keeps it.
//
// A Store is used from one thread at a time. Its functions throw StoreError when the medium fails; "not
// there" and "name taken" are ordinary results. Everything that belongs together is changed in one
// transaction inside the store.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "cloud/clock/clock.hpp"
#include "protocol/bundle/bytes.hpp"

namespace microvisor::cloud {

class StoreError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Account {
  std::string sid;
  std::string auth_token_hash;        ///< SHA-256, hex; the token itself is random and is not kept
  std::string owner_public_key;       ///< PEM
  protocol::Bytes owner_private_key;  ///< PEM, sealed
  Timestamp created = 0;
};

struct ApiKey {
  std::string sid;
  std::string account_sid;
  std::string secret_hash;  ///< SHA-256, hex
  std::string name;
  Timestamp created = 0;
};

struct App {
  std::int64_t sequence = 0;  ///< order of creation, set by the store
  std::string sid;
  std::string account_sid;
  std::optional<std::string> unique_name;
  protocol::Hash manifest_hash{};  ///< of the signed manifest
  protocol::Bytes manifest;        ///< signed
  std::vector<protocol::Hash> layers;
  Timestamp created = 0;
  Timestamp updated = 0;
};

/// Progress of the latest deployment, as far as the device has told.
struct UpdateProgress {
  int state = 0;  ///< link::UpdateState
  std::uint32_t bytes_done = 0;
  std::uint32_t bytes_total = 0;
  std::uint32_t shown = 0;       ///< bit n: state n stands in the log stream already
  std::uint32_t bytes_sent = 0;  ///< that have travelled: less than bytes_done where objects go encoded
};

enum class UpdateStatus : int { UpToDate = 0, Pending = 1, Error = 2 };

/// A release of Microvisor itself or of a module's firmware, as its vendor has signed it.
struct Kernel {
  std::int64_t sequence = 0;  ///< order of upload, set by the store
  std::string account_sid;
  protocol::Hash manifest_hash{};
  std::string version;
  std::uint32_t version_number = 0;
  std::uint32_t security_ratchet = 0;
  std::uint32_t device_type = 0;
  std::string module;  ///< the kind of module that it is for; empty: Microvisor itself
  Timestamp created = 0;
};

/// Which of them a device, or its module, should run and runs.
struct KernelState {
  std::optional<protocol::Hash>
      running;  ///< its manifest, as the device has told; of a module, as it was updated
  std::optional<protocol::Hash> target;
  std::optional<Timestamp> targeted;
  UpdateStatus status = UpdateStatus::UpToDate;
  int error_code = 0;  ///< link::UpdateError
  UpdateProgress progress;
};

/// What has carried a device's last connection, as it has told. All zeros: it has told nothing.
struct BearerState {
  int kind = 0;        ///< link::Bearer
  int signal_dbm = 0;  ///< 0: not known
  bool roaming = false;
  int other_failed = 0;  ///< link::BearerFailure
};

struct Device {
  std::int64_t sequence = 0;  ///< order of creation, set by the store
  std::string sid;
  std::string account_sid;
  std::optional<std::string> unique_name;
  std::string certificate_hash;  ///< SHA-256 of the certificate (DER) that the device may use, hex
  Timestamp created = 0;
  Timestamp updated = 0;
  // Target.
  std::optional<std::string> target_sid;
  std::optional<protocol::Hash> target_hash;
  std::optional<Timestamp> targeted;
  UpdateStatus status = UpdateStatus::UpToDate;
  int error_code = 0;
  UpdateProgress progress;
  bool encodings_allowed = true;  ///< it may come as a difference, or compressed
  // Reported.
  std::optional<std::string> reported_sid;
  std::optional<protocol::Hash> reported_hash;
  std::optional<Timestamp> reported;
  // Logging.
  bool logging_enabled = true;
  std::optional<Timestamp> logging_expires;  ///< empty: does not expire
  // Presence.
  std::optional<Timestamp> last_seen;
  std::string kernel_version;
  std::uint32_t kernel_version_number = 0;
  bool app_running = false;
  std::uint64_t boot_count = 0;
  std::uint32_t wake_reason = 0;
  KernelState kernel;
  std::string module;  ///< kind of its Wi-Fi module, as it has told; empty: it has not
  std::uint32_t module_version = 0;
  KernelState module_firmware;
  BearerState bearer;
  // Whose signatures it accepts, as it has told.
  std::vector<std::uint64_t> signers;     ///< key ids
  std::uint64_t keys_sequence = 0;        ///< of the last change of keys it took
  int keys_error = 0;                     ///< link::KeysError of the last one it was sent
  std::vector<std::uint64_t> layer_keys;  ///< ids of the keys to encrypted layers that it has
  std::string certificate;                ///< PEM, that it has connected with last; empty: never
};

/// A change of keys (protocol/bundle/key_change.hpp) that devices of the account have to take.
struct StoredKeyChange {
  std::string account_sid;
  std::uint64_t sequence = 0;
  std::string device_sid;  ///< empty: for all of them
  protocol::Bytes message;
};

/// When a device's application gives way to the last good one (cloud/deployments/returns.hpp).
struct AppReturn {
  std::uint32_t after_crashes = 0;  ///< the owner's policy; 0: never
  std::uint32_t within_seconds = 600;
  std::vector<Timestamp> crashes;            ///< of the application that it runs, the latest last
  std::optional<std::string> last_good;      ///< SID of an App
  std::optional<std::string> returned_from;  ///< SID of the App that the last return has replaced
  Timestamp returned = 0;                    ///< when that was named as the target
};

/// Who may have a device next. Of devices that came off a production line (docs/factory.md).
struct Custody {
  std::string device_sid;
  std::string maker_sid;                   ///< account whose production line made it
  std::optional<protocol::Hash> claim;     ///< of the code on its label
  bool claimable = false;                  ///< whoever knows that code may have it
  std::optional<protocol::Hash> offer;     ///< of a code that its owner has given away
  std::optional<Timestamp> offer_expires;  ///< set with `offer`
  std::string receiver_sid;                ///< account that is to have it; empty: nobody
  bool erase = false;                      ///< and the device is to forget its owner's data before
  std::uint64_t sequence = 0;              ///< of the change of keys that it has to take; 0: not signed yet
};

/// A line of the log that a production line's test application has written, or its verdict.
struct TestRecord {
  std::string device_sid;
  Timestamp time = 0;
  std::optional<std::uint32_t> verdict;  ///< of mvTestingComplete: 0 is passed
  std::string text;
};
inline constexpr std::size_t kTestRecordsKept = 1000;  ///< of a device; older ones give way

enum class AttestationStatus : int { None = 0, Failed = 1, Verified = 2 };

/// What came of asking a device what it runs (cloud/attestation).
struct AttestationRecord {
  AttestationStatus status = AttestationStatus::None;
  std::string reason;                 ///< if it failed
  std::optional<Timestamp> checked;   ///< when that was found
  protocol::Bytes statement;          ///< the last one that was verified; empty: there was none
  std::optional<Timestamp> verified;  ///< when
};

/// A measurement that the operator trusts.
struct Measurement {
  protocol::Hash digest{};
  std::string name;
};

/// What an opaque channel of a name leads to (cloud/relay/endpoint_url.hpp).
struct Endpoint {
  std::string name;
  std::string url;
};

/// A crash report as the device sent it. The cloud has no key to it.
struct CrashReport {
  std::string device_sid;
  protocol::Hash hash{};  ///< SHA-256 of the content: its name
  Timestamp received = 0;
  std::size_t size = 0;     ///< of the content, set by the store
  protocol::Bytes content;  ///< empty in lists
};
inline constexpr std::size_t kCrashReportsKept = 100;  ///< of a device; older ones give way

// Configs and secrets (cloud/configuration). The numbers are those by which an application names the stores.
enum class EntryKind : int { Secret = 0, Config = 1 };

/// Where a config or secret is: within one place its key is its own.
struct EntryPlace {
  std::string account_sid;
  std::string device_sid;  ///< empty: account scope
  EntryKind kind = EntryKind::Config;
};

struct ConfigurationEntry {
  std::int64_t sequence = 0;  ///< order of creation, set by the store
  EntryPlace place;
  std::string key;
  protocol::Bytes value;  ///< of a secret: sealed
  Timestamp changed = 0;
};

/// Which part of a list, newest first. Items are found by their place in the order of creation, so that pages
/// stay right while others add and remove.
struct PageRequest {
  std::size_t limit = 50;
  std::optional<std::int64_t> before;  ///< items older than this sequence number
  std::optional<std::int64_t> after;   ///< the last `limit` items newer than this one (instead of `before`)
  std::size_t offset = 0;              ///< items to skip
};
template <class T>
struct Page {
  std::vector<T> items;  ///< newest first
  bool has_newer = false;
  bool has_older = false;
};

/// Layers and manifests by their hashes.
using Objects = std::vector<std::pair<protocol::Hash, protocol::ByteView>>;

enum class Insert : std::uint8_t { Done, NameTaken, SidTaken };

class Store {
 public:
  virtual ~Store() = default;

  virtual void add_account(const Account& account) = 0;
  virtual std::optional<Account> account(const std::string& sid) = 0;
  virtual std::optional<Account> first_account() = 0;
  virtual void add_api_key(const ApiKey& key) = 0;
  virtual std::optional<ApiKey> api_key(const std::string& sid) = 0;

  /// The app with its objects (layers and manifest), all or nothing. Objects that are there already are
  /// shared.
  virtual Insert add_app(const App& app, const Objects& objects) = 0;
  /// By SID or unique name.
  virtual std::optional<App> app(const std::string& account_sid, const std::string& name) = 0;
  /// The account's app with this manifest; the newest if there are several.
  virtual std::optional<App> app_with_manifest(const std::string& account_sid,
                                               const protocol::Hash& hash) = 0;
  virtual Page<App> apps(const std::string& account_sid, const PageRequest& page) = 0;
  /// Also takes it away from the devices it is the target of, and drops objects nobody refers to any more.
  /// False: not there.
  virtual bool remove_app(const std::string& account_sid, const std::string& sid) = 0;

  /// The release with its objects (layers and manifest), all or nothing. False: it is there already.
  virtual bool add_kernel(const Kernel& kernel, const Objects& objects) = 0;
  /// Newest first.
  virtual std::vector<Kernel> kernels(const std::string& account_sid) = 0;
  /// Also takes it away from the devices it is the target of, and drops objects nobody refers to any more.
  virtual void remove_kernel(const std::string& account_sid, const protocol::Hash& hash) = 0;

  virtual Insert add_device(const Device& device) = 0;
  /// By SID or unique name.
  virtual std::optional<Device> device(const std::string& account_sid, const std::string& name) = 0;
  /// Whoever owns it.
  virtual std::optional<Device> device_by_sid(const std::string& sid) = 0;
  virtual Page<Device> devices(const std::string& account_sid, const PageRequest& page) = 0;
  /// Replaces everything but SID, account and creation date.
  virtual Insert update_device(const Device& device) = 0;

  /// What the owner and its crashes have made of it; defaults for a device that nothing is known of.
  virtual AppReturn app_return(const std::string& device_sid) = 0;
  virtual void set_app_return(const std::string& device_sid, const AppReturn& record) = 0;
  /// To another account, which finds it without name, target, history, and configs and secrets of its own.
  virtual void move_device(const std::string& sid, const std::string& account_sid) = 0;
  virtual std::optional<Custody> custody(const std::string& device_sid) = 0;
  virtual void set_custody(const Custody& custody) = 0;

  virtual AttestationRecord attestation(const std::string& device_sid) = 0;
  virtual void set_attestation(const std::string& device_sid, const AttestationRecord& record) = 0;
  /// In the order of their names.
  virtual std::vector<Measurement> measurements(const std::string& account_sid) = 0;
  /// One that is there already gets the new name.
  virtual void set_measurement(const std::string& account_sid, const Measurement& measurement) = 0;
  /// False: not there.
  virtual bool remove_measurement(const std::string& account_sid, const protocol::Hash& digest) = 0;

  /// Hosts that the account's devices may speak to through the cloud (cloud/relay/policy.hpp), in their
  /// order.
  virtual std::vector<std::string> allowed_hosts(const std::string& account_sid) = 0;
  /// False: it is there already.
  virtual bool allow_host(const std::string& account_sid, const std::string& host) = 0;
  /// False: not there.
  virtual bool disallow_host(const std::string& account_sid, const std::string& host) = 0;

  /// In the order of their names.
  virtual std::vector<Endpoint> endpoints(const std::string& account_sid) = 0;
  /// One of this name that is there already gives way.
  virtual void set_endpoint(const std::string& account_sid, const Endpoint& endpoint) = 0;
  /// False: not there.
  virtual bool remove_endpoint(const std::string& account_sid, const std::string& name) = 0;

  virtual void add_key_change(const StoredKeyChange& change) = 0;
  /// Messages to all devices of the account, oldest first.
  virtual std::vector<protocol::Bytes> account_key_changes(const std::string& account_sid) = 0;
  /// Sequence of the account's last change, whomever it is for; 0: there was none.
  virtual std::uint64_t last_key_change(const std::string& account_sid) = 0;
  /// Messages that the device still has to take, oldest first: those to all and to itself that are newer than
  /// the last one it took.
  virtual std::vector<protocol::Bytes> pending_key_changes(const Device& device) = 0;

  virtual void add_test_record(const TestRecord& record) = 0;
  /// Oldest first.
  virtual std::vector<TestRecord> test_records(const std::string& device_sid) = 0;

  /// False: it is there already.
  virtual bool add_crash_report(const CrashReport& report) = 0;
  /// Newest first, without their contents.
  virtual std::vector<CrashReport> crash_reports(const std::string& device_sid) = 0;
  virtual std::optional<CrashReport> crash_report(const std::string& device_sid,
                                                  const protocol::Hash& hash) = 0;
  /// False: not there.
  virtual bool remove_crash_report(const std::string& device_sid, const protocol::Hash& hash) = 0;

  /// NameTaken: the place has the key already.
  virtual Insert add_entry(const ConfigurationEntry& entry) = 0;
  /// Another value and moment. False: not there.
  virtual bool change_entry(const ConfigurationEntry& entry) = 0;
  virtual std::optional<ConfigurationEntry> entry(const EntryPlace& place, const std::string& key) = 0;
  virtual Page<ConfigurationEntry> entries(const EntryPlace& place, const PageRequest& page) = 0;
  /// False: not there.
  virtual bool remove_entry(const EntryPlace& place, const std::string& key) = 0;

  /// An object, if an app or a release of the account refers to it.
  virtual std::optional<protocol::Bytes> object(const std::string& account_sid,
                                                const protocol::Hash& hash) = 0;

  /// Small named values of the installation itself (certificates, sealed keys).
  virtual void set_value(const std::string& name, protocol::ByteView value) = 0;
  virtual std::optional<protocol::Bytes> value(const std::string& name) = 0;
};

/// Opens or makes the database file. Throws StoreError with one clear line: unreadable, made by a newer
/// version, in use.
std::unique_ptr<Store> open_sqlite_store(const std::string& path);

}  // namespace microvisor::cloud
