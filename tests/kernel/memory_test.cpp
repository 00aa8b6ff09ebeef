// That the kernel's stacks hold what the device does, and that running out of the memories of TLS and TCP/IP
// ends connections, never an application's calls.
#include <gtest/gtest.h>

#include <functional>

#include "protocol/bundle/manifest.hpp"
#include "tests/kernel/gateway_bench.hpp"
#include "tests/kernel/pointer_calls.hpp"
#include "tests/kernel/stack_watermarks.hpp"

namespace microvisor::tests {
namespace {

bool reported(GatewayBench& bench, const std::string& state) {
  const auto reports = bench.gateway.seen().reports;
  return std::find(reports.begin(), reports.end(), state) != reports.end();
}

/// Start-up, handshakes, calls, a restart of the application that the cloud asks for, an update that is
/// staged and installed, and the end of an application.
TEST(KernelMemory, StacksHoldWhatTheDeviceDoesWithinTheirBounds) {
  GatewayBench bench;
  KernelMachine machine({.guest = "storage", .parameters = {1, 0, 0}, .identity = bench.identity()});
  fill_stacks(machine.board());
  const PointerCallWatch pointer_calls(machine.board());
  bench.connect(machine);
  ASSERT_TRUE(machine.run_until_line("round", 20'000));
  for (int second = 0; second < 20 && bench.gateway.seen().sessions == 0; ++second) machine.run(1'000);
  bench.gateway.restart_app();
  for (int second = 0; second < 20 && machine.count("start") < 2; ++second) machine.run(1'000);
  ASSERT_EQ(machine.count("start"), 2u);
  const protocol::Bytes image(50'000, 0x5A);
  const auto manifest = protocol::sign_manifest(protocol::make_manifest(image, {}), bench.owner);
  ASSERT_TRUE(manifest.has_value());
  bench.gateway.add_object(image);
  bench.gateway.add_object(*manifest);
  bench.gateway.set_target(protocol::sha256(*manifest));
  for (int second = 0; second < 120 && !reported(bench, "INSTALLING_APP"); ++second) machine.run(1'000);
  ASSERT_TRUE(reported(bench, "INSTALLING_APP"));
  machine.run(5'000);  // the new application is no program, and is ended
  pointer_calls.expect_as_listed();
  expect_stacks_within_bounds(machine.board());
  // A bound says something: but for the nesting of all exceptions, this run comes near it.
  for (const StackUse& stack : stack_use(machine.board())) {
    if (stack.symbol != "kernel_main_stack") {
      EXPECT_LT(stack.bound, 3 * stack.used) << stack.symbol;
    }
  }
}

/// The application goes on with its calls, whose results it checks itself, for `seconds`.
void expect_calls_succeed(KernelMachine& machine, int seconds) {
  const unsigned before = machine.count("round");
  machine.run(static_cast<std::uint64_t>(seconds) * 1000);
  EXPECT_GT(machine.count("round"), before + 1);
  EXPECT_EQ(machine.count("errors"), 0u);
  EXPECT_EQ(machine.count("start"), 1u);
  EXPECT_EQ(machine.board().resets(), 0u);
}

/// The list of free pieces of a memory, whose head is at `symbol`, looks empty while the device connects
/// anew: `empty_list` says what its head is then.
void run_out(const std::string& symbol, std::uint32_t offset,
             const std::function<std::uint32_t(KernelMachine&)>& empty_list) {
  GatewayBench bench;
  KernelMachine machine({.guest = "storage", .parameters = {1, 0, 0}, .identity = bench.identity()});
  bench.connect(machine);
  ASSERT_TRUE(machine.run_until_line("round", 20'000));
  for (int i = 0; i < 20 && bench.gateway.seen().sessions == 0; ++i) machine.run(1'000);
  ASSERT_NE(bench.gateway.seen().sessions, 0u);
  const std::uint32_t head = kernel_symbol(symbol) + offset;
  const std::uint32_t empty = empty_list(machine);
  ASSERT_NE(machine.word(head), empty);
  const unsigned sessions = bench.gateway.seen().sessions;
  bench.cut();  // whoever connects anew needs memory
  for (int i = 0; i < 16; ++i) {
    ASSERT_TRUE(machine.board().bus().poke(head, 4, empty));
    machine.run(250);
  }
  EXPECT_EQ(bench.gateway.seen().sessions, sessions) << "the memory is not one that connections need";
  expect_calls_succeed(machine, 3);
}

std::uint32_t nothing(KernelMachine&) { return 0; }

/// The piece behind the last one of lwIP's heap, which leads to itself (mem.c: struct mem begins with the
/// 16-bit offset of the next one).
std::uint32_t end_of_heap(KernelMachine& machine) {
  const std::uint32_t heap = machine.word(kernel_symbol("ram"));
  for (std::uint32_t at = 0;;) {
    const std::uint32_t next = machine.word(heap + at) & 0xFFFF;
    if (next <= at) return heap + at;
    at = next;
  }
}

TEST(KernelMemory, AnExhaustedArenaOfTlsFailsNoCall) { run_out("heap", 12, nothing); }
TEST(KernelMemory, ExhaustedBuffersOfTcpIpFailNoCall) { run_out("memp_tab_PBUF_POOL", 0, nothing); }
TEST(KernelMemory, AnExhaustedHeapOfTcpIpFailsNoCall) { run_out("lfree", 0, end_of_heap); }

}  // namespace
}  // namespace microvisor::tests
