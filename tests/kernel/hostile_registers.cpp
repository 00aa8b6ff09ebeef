// Writes to the registers that could undo the division of the chip, by the core and by DMA. Whether a block
// is Microvisor's says its board table; what comes of it is either nothing or the application's end.
#include <cstdio>

#include "firmware/kernel/board_table.hpp"
#include "tests/kernel/hostile_rule.hpp"

namespace microvisor::tests {

namespace {

std::string hex(std::uint32_t value) {
  char text[16];
  std::snprintf(text, sizeof text, "%08x", value);
  return text;
}

void add_write(command& order, std::uint32_t address, std::uint32_t value) {
  order.write[order.writes][0] = address;
  order.write[order.writes][1] = value;
  ++order.writes;
}

struct SystemRegister {
  const char* name;
  std::uint32_t address;
};
/// Registers of the core (Armv8-M ARM, D1.1) that matter to the Secure state, and the Non-secure aliases,
/// which are reserved from the Non-secure state.
constexpr SystemRegister kSystemRegisters[] = {
    {"ICTR", 0xE000'E004},          {"ACTLR", 0xE000'E008},         {"SYST_CSR", 0xE000'E010},
    {"NVIC_ISER0", 0xE000'E100},    {"NVIC_ISPR0", 0xE000'E200},    {"NVIC_ISPR1", 0xE000'E204},
    {"NVIC_ICPR1", 0xE000'E284},    {"NVIC_ITNS0", 0xE000'E380},    {"NVIC_ITNS1", 0xE000'E384},
    {"NVIC_ICER1", 0xE000'E184},    {"NVIC_IPR12", 0xE000'E430},    {"ICSR", 0xE000'ED04},
    {"VTOR", 0xE000'ED08},          {"AIRCR", 0xE000'ED0C},         {"SCR", 0xE000'ED10},
    {"CCR", 0xE000'ED14},           {"SHPR1", 0xE000'ED18},         {"SHPR2", 0xE000'ED1C},
    {"SHPR3", 0xE000'ED20},         {"SHCSR", 0xE000'ED24},         {"CFSR", 0xE000'ED28},
    {"HFSR", 0xE000'ED2C},          {"CPACR", 0xE000'ED88},         {"NSACR", 0xE000'ED8C},
    {"MPU_CTRL", 0xE000'ED94},      {"SAU_CTRL", 0xE000'EDD0},      {"SAU_RNR", 0xE000'EDD8},
    {"SAU_RBAR", 0xE000'EDDC},      {"SAU_RLAR", 0xE000'EDE0},      {"SFSR", 0xE000'EDE4},
    {"SFAR", 0xE000'EDE8},          {"DHCSR", 0xE000'EDF0},         {"DCRSR", 0xE000'EDF4},
    {"DCRDR", 0xE000'EDF8},         {"DEMCR", 0xE000'EDFC},         {"DAUTHCTRL", 0xE000'EE04},
    {"DSCSR", 0xE000'EE08},         {"STIR", 0xE000'EF00},          {"FPCCR", 0xE000'EF34},
    {"FPCAR", 0xE000'EF38},         {"FPDSCR", 0xE000'EF3C},        {"ICIALLU", 0xE000'EF50},
    {"FP_CTRL", 0xE000'2000},       {"FP_COMP0", 0xE000'2008},      {"DWT_CTRL", 0xE000'1000},
    {"DWT_COMP0", 0xE000'1020},     {"DWT_FUNCTION0", 0xE000'1028}, {"ITM_TCR", 0xE000'0E80},
    {"AIRCR_NS", 0xE002'ED0C},      {"VTOR_NS", 0xE002'ED08},       {"SHCSR_NS", 0xE002'ED24},
    {"NVIC_ISER0_NS", 0xE002'E100},
};

/// The key of AIRCR with every bit, and patterns; VTOR with secure memory.
std::vector<std::uint32_t> values_for(const SystemRegister& target) {
  if (std::string_view(target.name).starts_with("AIRCR"))
    return {0x05FA'0004, 0x05FA'4000, 0x05FA'2000, 0x05FA'0008, 0x05FA'FFFF, 0x05FA'0000, 0xFFFF'FFFF};
  if (std::string_view(target.name).starts_with("VTOR"))
    return {0x0C12'2000, 0x3008'0000, 0x2008'0000, 0xE000'0000, 0x2000'0000, 0x0C1F'E000};
  return {0x0000'0000, 0xFFFF'FFFF, 0x5555'5555, 0xAAAA'AAAA, 0x0000'0001, 0x0100'0000, 0xA05F'0003};
}

/// A write, then a handler (which needs the vector table), then a call.
std::string try_register(const SystemRegister& target, std::uint32_t value, std::uint32_t context) {
  CallerMachine caller;
  command order{};
  order.context = context;
  order.target = 0x0C1F'E0D9;  // mvNoOp
  order.wait = 1000;
  add_write(order, target.address, value);
  return try_hostile(caller, nullptr, order, {.may_end = true, .may_hang = true, .judged = false});
}

// --- GPDMA (RM0456 chapter 17): channel 0
// ---------------------------------------------------------------------------------

constexpr std::uint32_t kGpdma = 0x4002'0000;
constexpr std::uint32_t kLpdma = 0x4602'5000;

/// One transfer of `bytes` from `source` to `destination`, asked for by software; `security`: SSEC and DSEC,
/// which only Secure code may set.
command transfer(std::uint32_t dma, std::uint32_t source, std::uint32_t destination, std::uint32_t bytes,
                 bool security) {
  constexpr std::uint32_t kWords = 2;
  command order{};
  order.context = CONTEXT_NONE;
  order.wait = 3000;
  add_write(order, 0x4602'0C88, 0xFFFF'FFFF);  // RCC_AHB1ENR; reserved bits are not the application's
  add_write(order, 0x4602'0C94, 0xFFFF'FFFF);  // RCC_AHB3ENR
  const std::uint32_t secure = security ? (1u << 31) | (1u << 15) : 0;
  const std::uint32_t increments = bytes > 4 ? (1u << 19) | (1u << 3) : 0;
  add_write(order, dma + 0x90, kWords << 16 | kWords | increments | secure);
  add_write(order, dma + 0x94, 1u << 9);  // SWREQ
  add_write(order, dma + 0x98, bytes);
  add_write(order, dma + 0x9C, source);
  add_write(order, dma + 0xA0, destination);
  add_write(order, dma + 0xCC, 0);
  add_write(order, dma + 0x64, 1);
  return order;
}

std::string try_transfer(std::uint32_t dma, std::uint32_t source, std::uint32_t destination,
                         std::uint32_t bytes, bool security) {
  CallerMachine caller;
  return try_hostile(caller, nullptr, transfer(dma, source, destination, bytes, security),
                     {.may_end = true, .judged = false});
}

void add_transfers(std::vector<HostileCase>& cases, const std::string& name, std::uint32_t address,
                   std::uint32_t bytes) {
  for (const auto& [dma, label] : {std::pair{kGpdma, "gpdma"}, std::pair{kLpdma, "lpdma"}}) {
    const std::uint32_t own = dma == kGpdma ? ARENA_ADDRESS : 0x2800'0000;
    for (const bool security : {false, true}) {
      const std::string id = std::string("dma/") + label + (security ? "-secure/" : "/") + name;
      cases.push_back(
          {id + "/from", [=, dma = dma] { return try_transfer(dma, address, own, bytes, security); }});
      cases.push_back(
          {id + "/to", [=, dma = dma] { return try_transfer(dma, own, address, bytes, security); }});
    }
  }
}

}  // namespace

command dma_order(std::uint32_t source, std::uint32_t destination, std::uint32_t bytes) {
  return transfer(kGpdma, source, destination, bytes, false);
}

std::vector<HostileCase> register_cases() {
  std::vector<HostileCase> cases;
  for (const SystemRegister& target : kSystemRegisters) {
    for (const std::uint32_t value : values_for(target)) {
      for (const std::uint32_t context : {CONTEXT_THREAD, CONTEXT_HANDLER, CONTEXT_NONE}) {
        cases.push_back(
            {"register/" + std::string(target.name) + "/" + hex(value) + "/" + std::to_string(context),
             [=] { return try_register(target, value, context); }});
      }
    }
  }
  for (const auto& block : firmware::kernel::kReservedPeripherals) {
    for (std::uint32_t offset = 0; offset < 0x100; offset += 4) {
      for (const std::uint32_t value : {0u, 0xFFFF'FFFFu}) {
        const SystemRegister target{block.name, block.address + offset};
        cases.push_back({"register/" + std::string(block.name) + "+" + hex(offset) + "/" + hex(value),
                         [=] { return try_register(target, value, CONTEXT_NONE); }});
      }
    }
  }
  return cases;
}

std::vector<HostileCase> dma_cases() {
  std::vector<HostileCase> cases;
  for (const auto& memory : firmware::kernel::kReservedMemories) {
    add_transfers(cases, std::string(memory.name) + "-start", memory.address, 64);
    add_transfers(cases, std::string(memory.name) + "-end", memory.address + memory.size - 64, 64);
  }
  add_transfers(cases, "canaries", canary_address(), 256);
  add_transfers(cases, "canaries by nonsecure alias", canary_address() - 0x1000'0000, 256);
  add_transfers(cases, "end of ram", 0x2007'FFF0, 64);
  for (const auto& block : firmware::kernel::kReservedPeripherals) {
    const bool every = std::string_view(block.name) == "FLASH" || std::string_view(block.name) == "RAMCFG";
    for (std::uint32_t offset = 0; offset < (every ? 0x100u : 0x8u); offset += 4) {
      add_transfers(cases, std::string(block.name) + "+" + hex(offset), block.address + offset, 4);
    }
  }
  return cases;
}

}  // namespace microvisor::tests
