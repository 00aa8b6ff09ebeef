// Crash reports, opened with the private key that belongs to the bundle's.
//
// A report is: format (1 byte), id of the key (8), encapsulated key (65), ciphertext, tag (16): HPKE (RFC
// 9180) in base mode with DHKEM(P-256, HKDF-SHA256), HKDF-SHA256 and AES-128-GCM; the info is
// "microvisor-crash-report-v1", the associated data the device's SID. Done by OpenSSL, beside and independent
// of the device's own code.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/bundle/hpke.hpp"
#include "protocol/crash.pb.h"

namespace microvisor::protocol {

/// Id of a key for crash reports: first 8 bytes of SHA-256(00 02 || point), hex.
std::string crash_key_id(const PublicKey& key);

/// The id of the key that `report` is encrypted to, hex; BadCrashReport if it is no report.
Result<std::string> key_id_of_crash_report(ByteView report);

/// Opens a report of device `device_sid`. ForeignCrashKey if it is for another key; BadCrashReport if it is
/// damaged, or another device's.
Result<crash::CrashReport> open_crash_report(ByteView report, const SigningKey& key,
                                             const std::string& device_sid);

}  // namespace microvisor::protocol
