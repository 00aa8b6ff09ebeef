// Faults in words, kind by kind. What a bit of CFSR, HFSR or SFSR means is the Armv8-M Architecture Reference
// Manual's (D1.2), what an address is the reference manual's (RM0456 section 2.3) and the table of what is
// reserved.
#include "cli/crash/fault_words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

namespace microvisor::cli {
namespace {

using microvisor::crash::CrashReport;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::uint32_t kPc = 0x0800'0100;
constexpr std::uint32_t kStrWord = 0x6018;    // STR r0, [r3] (T1)
constexpr std::uint32_t kLdrWord = 0x6818;    // LDR r0, [r3] (T1)
constexpr std::uint32_t kUdf7 = 0xDE07;       // UDF #7 (T1)
constexpr std::uint32_t kPush = 0xB510;       // PUSH {r4, lr} (T1)
constexpr std::uint32_t kLdrd = 0xE9D3'0100;  // LDRD r0, r1, [r3] (T1)
constexpr std::uint32_t kVstm = 0xECA3'0A02;  // VSTMIA r3!, {s0-s1} (T2)
constexpr std::uint32_t kVadd = 0xEE30'0A20;  // VADD.F32 s0, s0, s1 (T2)

struct Fault {
  const char* name = "";
  std::uint32_t instruction = 0;
  std::uint32_t sfsr = 0, sfar = 0;
  std::uint32_t cfsr_nonsecure = 0, mmfar = 0;
  std::uint32_t cfsr = 0, bfar = 0;
  std::uint32_t hfsr = 0;
  const char* words = "";
};

/// In the name of the test.
void PrintTo(const Fault& fault, std::ostream* to) { *to << fault.name; }

constexpr std::uint32_t kAuviol = 1u << 3 | 1u << 6, kInvep = 1u << 0;  // with SFARVALID
constexpr std::uint32_t kDaccviol = 1u << 1 | 1u << 7;                  // with MMARVALID
constexpr std::uint32_t kPreciserr = 1u << 9 | 1u << 15;                // with BFARVALID

constexpr Fault kFaults[] = {
    {"NullWrite", kStrWord, kAuviol, 0, 0, 0, 0, 0, 0, "write to 0x00000000 (null pointer)"},
    {"NullMemberRead", kLdrWord, kAuviol, 0x14, 0, 0, 0, 0, 0,
     "read from 0x00000014 (null pointer, and 20 bytes on)"},
    {"FlashOfMicrovisor", kLdrWord, kAuviol, 0x0C10'0000, 0, 0, 0, 0, 0,
     "read from 0x0c100000 (flash bank 2, secure alias, Microvisor's)"},
    {"RamOfMicrovisor", kVstm, kAuviol, 0x2008'0000, 0, 0, 0, 0, 0,
     "write to 0x20080000 (upper half of SRAM3, Microvisor's)"},
    {"FlashRegisters", kStrWord, kAuviol, 0x4002'2008, 0, 0, 0, 0, 0,
     "write to 0x40022008 (peripheral FLASH, reserved for Microvisor)"},
    {"SecurePeripherals", kLdrd, kAuviol, 0x5000'0400, 0, 0, 0, 0, 0,
     "read from 0x50000400 (peripherals, secure alias, Microvisor's)"},
    {"StackBelowTheRam", kPush, kAuviol, 0x1FFF'FFF8, 0, 0, 0, 0, 0,
     "write to 0x1ffffff8 (nothing is there; just below the RAM"},
    {"NoAccessKnown", kVadd, kAuviol, 0x1000'0000, 0, 0, 0, 0, 0, "access to 0x10000000 (nothing is there)"},
    {"NoAddressKnown", kPush, 1u << 3, 0x1234, 0, 0, 0, 0, 0, "write at an address that is not known"},
    {"NoSystemCall", 0, kInvep, 0, 0, 0, 0, 0, 0,
     "jump to 0x08000100 (the application's flash), where no system call begins"},
    {"Invis", 0, 1u << 1, 0, 0, 0, 0, 0, 0, "lost its signature"},
    {"Inver", 0, 1u << 2, 0, 0, 0, 0, 0, 0, "EXC_RETURN that is not allowed"},
    {"Invtran", 0, 1u << 4, 0, 0, 0, 0, 0, 0, "Secure side"},
    {"SecureLsperr", 0, 1u << 5, 0, 0, 0, 0, 0, 0, "memory that is Microvisor's"},
    {"SecureLserr", 0, 1u << 7, 0, 0, 0, 0, 0, 0, "belong to the other side"},
    {"Iaccviol", 0, 0, 0, 1u << 0, 0, 0, 0, 0,
     "instruction fetch from 0x08000100 (the application's flash), which the MPU forbids"},
    {"Daccviol", kStrWord, 0, 0, kDaccviol, 0x2000'1000, 0, 0, 0,
     "write to 0x20001000 (the application's RAM), which the MPU forbids"},
    {"Munstkerr", 0, 0, 0, 1u << 3, 0, 0, 0, 0, "returning from an exception the MPU forbids"},
    {"Mstkerr", 0, 0, 0, 1u << 4, 0, 0, 0, 0, "entering an exception the MPU forbids"},
    {"Mlsperr", 0, 0, 0, 1u << 5, 0, 0, 0, 0, "MPU forbids saving the floating-point registers"},
    {"Ibuserr", 0, 0, 0, 0, 0, 1u << 8, 0, 0,
     "instruction fetch from 0x08000100 (the application's flash): bus error"},
    {"Preciserr", kLdrWord, 0, 0, 0, 0, kPreciserr, 0x4800'0000, 0,
     "read from 0x48000000 (peripherals of the application): bus error"},
    {"Impreciserr", kStrWord, 0, 0, 0, 0, 1u << 10, 0, 0, "some instructions before PC"},
    {"Unstkerr", 0, 0, 0, 0, 0, 1u << 11, 0, 0, "bus error on reading the frame"},
    {"Stkerr", 0, 0, 0, 0, 0, 1u << 12, 0, 0, "bus error on writing the frame"},
    {"Lsperr", 0, 0, 0, 0, 0, 1u << 13, 0, 0, "bus error on saving the floating-point registers"},
    {"Undefinstr", kUdf7, 0, 0, 1u << 16, 0, 0, 0, 1u << 30, "undefined instruction UDF, 0xde07"},
    {"Invstate", 0, 0, 0, 1u << 17, 0, 0, 0, 0,
     "jump to 0x08000100 (the application's flash) by an address without bit 0"},
    {"Invpc", 0, 0, 0, 1u << 18, 0, 0, 0, 0,
     "return from an exception by a value or a frame that is not valid"},
    {"Nocp", kVadd, 0, 0, 1u << 19, 0, 0, 0, 0, "instruction VADD, 0xee300a20 of a coprocessor that is off"},
    {"Stkof", kPush, 0, 0, 1u << 20 | 1u << 4, 0, 0, 0, 0,
     "stack overflow: the main stack has reached its limit, MSPLIM = 0x20004000"},
    {"Unaligned", kLdrd, 0, 0, 1u << 24, 0, 0, 0, 0, "unaligned access by instruction LDRD, 0xe9d30100"},
    {"Divbyzero", 0, 0, 0, 1u << 25, 0, 0, 0, 0, "division by zero"},
    {"Breakpoint", 0, 0, 0, 0, 0, 0, 0, 1u << 31, "breakpoint instruction without a debugger"},
    {"Vecttbl", 0, 0, 0, 0, 0, 0, 0, 1u << 1, "vector of an exception cannot be read"},
    {"Nothing", 0, 0, 0, 0, 0, 0, 0, 0, "could not be taken"},
};

/// Flash with the instruction at kPc.
board::LoadedImage image_with(std::uint32_t instruction) {
  std::vector<std::uint8_t> bytes;
  const bool wide = instruction > 0xFFFF;
  for (const std::uint32_t half :
       {wide ? instruction >> 16 : instruction, wide ? instruction & 0xFFFF : 0xBF00}) {
    bytes.push_back(static_cast<std::uint8_t>(half));
    bytes.push_back(static_cast<std::uint8_t>(half >> 8));
  }
  return {.segments = {{.address = kPc, .bytes = bytes}}};
}

CrashReport report_of(const Fault& fault) {
  CrashReport report;
  report.set_cause(microvisor::crash::CAUSE_FAULT);
  auto& registers = *report.mutable_registers();
  registers.set_frame_known(true);
  registers.set_pc(kPc);
  registers.set_msplim(0x2000'4000);
  registers.set_psplim(0x2000'6000);
  auto& status = *report.mutable_faults();
  status.set_sfsr(fault.sfsr);
  status.set_sfar(fault.sfar);
  status.set_cfsr_nonsecure(fault.cfsr_nonsecure);
  status.set_mmfar_nonsecure(fault.mmfar);
  status.set_cfsr(fault.cfsr);
  status.set_bfar(fault.bfar);
  status.set_hfsr(fault.hfsr);
  return report;
}

Fault secure(std::uint32_t sfsr) {
  Fault fault;
  fault.sfsr = sfsr;
  return fault;
}
Fault plain(std::uint32_t cfsr_nonsecure) {
  Fault fault;
  fault.cfsr_nonsecure = cfsr_nonsecure;
  return fault;
}

std::string explain(const Fault& fault, const CrashReport& report) {
  return explain_fault(report, KnownMemory(report, image_with(fault.instruction)));
}

class FaultWordsOf : public ::testing::TestWithParam<Fault> {};

TEST_P(FaultWordsOf, SayWhatItWas) {
  EXPECT_THAT(explain(GetParam(), report_of(GetParam())), HasSubstr(GetParam().words));
}

INSTANTIATE_TEST_SUITE_P(EachFault, FaultWordsOf, ::testing::ValuesIn(kFaults),
                         [](const auto& fault) { return fault.param.name; });

TEST(FaultWords, SayWhichStackHasOverflown) {
  CrashReport report = report_of(plain(1u << 20));
  report.mutable_registers()->set_process_stack(true);
  EXPECT_EQ(explain({}, report),
            "stack overflow: the process stack has reached its limit, PSPLIM = 0x20006000");
}

TEST(FaultWords, WithoutTheImageItIsAnAccess) {
  const CrashReport report = report_of(secure(kAuviol));
  EXPECT_EQ(explain_fault(report, KnownMemory(report, {})), "access to 0x00000000 (null pointer)");
  EXPECT_EQ(explain_fault(report_of(plain(1u << 16)), KnownMemory(report, {})), "undefined instruction");
}

TEST(FaultWords, WithoutAFrameThereIsNoPc) {
  CrashReport report = report_of(secure(kInvep));
  report.mutable_registers()->set_frame_known(false);
  EXPECT_EQ(explain({}, report), "jump to an address that is not known, where no system call begins");
}

/// A null function: the PC of the frame is where the jump went to.
TEST(FaultWords, NameANullFunction) {
  CrashReport report = report_of(secure(kInvep));
  report.mutable_registers()->set_pc(0);
  EXPECT_EQ(explain({}, report), "jump to 0x00000000 (null pointer), where no system call begins");
}

/// Flags of TZIC by the tables of RM0456 section 5.9: IWDG is TZIC1_SR1 bit 7, LPUART1 TZIC2_SR1 bit 1.
TEST(FaultWords, NameReservedResources) {
  CrashReport report;
  report.set_cause(microvisor::crash::CAUSE_RESERVED_RESOURCE);
  for (int word = 0; word < 8; ++word) report.mutable_faults()->add_illegal_accesses(0);
  report.mutable_faults()->set_illegal_accesses(0, 1u << 7);
  EXPECT_THAT(explain({}, report),
              HasSubstr("access to peripheral IWDG (watchdog of the kernel), reserved for Microvisor"));
  report.mutable_faults()->set_illegal_accesses(4, 1u << 1);
  EXPECT_THAT(explain({}, report),
              HasSubstr("IWDG (watchdog of the kernel) and peripheral LPUART1 (modem), reserved"));
  report.mutable_faults()->set_illegal_accesses(0, 0);
  report.mutable_faults()->set_illegal_accesses(4, 0);
  report.mutable_faults()->set_illegal_accesses(3, 1u << 2);
  EXPECT_THAT(explain({}, report), HasSubstr("flash memory"));
  report.mutable_faults()->clear_illegal_accesses();
  EXPECT_THAT(explain({}, report), HasSubstr("access to SRAM, reserved"));
}

TEST(FaultWords, HaveOneForEachCause) {
  CrashReport report;
  report.set_cause(microvisor::crash::CAUSE_HANDLER_DOES_NOT_RETURN);
  EXPECT_THAT(explain({}, report), HasSubstr("interrupt handlers does not return"));
  report.set_cause(microvisor::crash::CAUSE_FAST_INTERRUPT_HANGS);
  EXPECT_THAT(explain({}, report), HasSubstr("fast interrupt does not return"));
  report.set_cause(microvisor::crash::CAUSE_FAST_INTERRUPT_FLOOD);
  EXPECT_THAT(explain({}, report), HasSubstr("more than half of the processor"));
  report.set_cause(microvisor::crash::CAUSE_CONTEXT_SWITCH);
  EXPECT_THAT(explain({}, report), HasSubstr("context was switched"));
}

}  // namespace
}  // namespace microvisor::cli
