// Register offsets and bits of FLASH (RM0456 section 7.9), shared by the parts of the model.
#pragma once

#include <cstdint>

namespace microvisor::board::flash {

enum Register : std::uint32_t {
  kAcr = 0x00,
  kNsKeyr = 0x08,
  kSecKeyr = 0x0C,
  kOptKeyr = 0x10,
  kPdKey1r = 0x18,
  kPdKey2r = 0x1C,
  kNsSr = 0x20,
  kSecSr = 0x24,
  kNsCr = 0x28,
  kSecCr = 0x2C,
  kEccr = 0x30,
  kOpsr = 0x34,
  kOptr = 0x40,
  kNsBootAdd0r = 0x44,
  kNsBootAdd1r = 0x48,
  kSecBootAdd0r = 0x4C,
  kSecWm1r1 = 0x50,  // four registers for bank 1, the same at 0x60 for bank 2
  kSecWm2r2 = 0x64,
  kOem1Keyr1 = 0x70,
  kOem2Keyr2 = 0x7C,
  kSecBb1r1 = 0x80,
  kSecBb2r4 = 0xAC,
  kSecHdpcr = 0xC0,
  kPrivCfgr = 0xC4,
  kPrivBb1r1 = 0xD0,
  kPrivBb2r4 = 0xFC,
};

enum Control : std::uint32_t {
  kPg = 1U << 0,
  kPer = 1U << 1,
  kMer1 = 1U << 2,
  kPnb = 0x7FU << 3,
  kBker = 1U << 11,
  kBwr = 1U << 14,
  kMer2 = 1U << 15,
  kStrt = 1U << 16,
  kOptStrt = 1U << 17,
  kEopie = 1U << 24,
  kErrie = 1U << 25,
  kRdErrie = 1U << 26,
  kOblLaunch = 1U << 27,
  kInv = 1U << 29,
  kOptLock = 1U << 30,
  kLock = 1U << 31,
};

enum Status : std::uint32_t {
  kEop = 1U << 0,
  kOpErr = 1U << 1,
  kProgErr = 1U << 3,
  kWrpErr = 1U << 4,
  kPgaErr = 1U << 5,
  kSizErr = 1U << 6,
  kPgsErr = 1U << 7,
  kOptwErr = 1U << 13,
  kBsy = 1U << 16,
  kWdw = 1U << 17,
  kOem1Lock = 1U << 18,
  kOem2Lock = 1U << 19,
  kPd1 = 1U << 20,
};
inline constexpr std::uint32_t kProgramErrors = kProgErr | kWrpErr | kPgaErr | kSizErr | kPgsErr;
inline constexpr std::uint32_t kClearable = kEop | kOpErr | kProgramErrors | kOptwErr;

enum Interrupted : std::uint32_t {  // OPSR: ADDR_OP 19:0, CODE_OP 31:29
  kOpsrBank = 1U << 21,
  kOpsrSystem = 1U << 22,
};

enum Ecc : std::uint32_t {
  kEccBank = 1U << 21,
  kEccSystem = 1U << 22,
  kEccIe = 1U << 24,
  kEccCorrected = 1U << 30,
  kEccDetected = 1U << 31,
};

}  // namespace microvisor::board::flash
