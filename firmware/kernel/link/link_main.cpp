// The link as the kernel's worker runs it, and what the system calls ask.
#include "firmware/kernel/link/link.hpp"
#include "firmware/kernel/link/link_engine.hpp"
#include "firmware/kernel/link/modem_line.hpp"
#include "firmware/kernel/worker.hpp"
#include "firmware/sections.hpp"

namespace microvisor::firmware::link {
namespace {

const LinkEngine* running = nullptr;

/// Not touched by a reset: the session goes on after an update without a full handshake.
MV_NOINIT std::array<std::uint8_t, net::TlsClient::kSessionMemory> retained_session;

}  // namespace

void link_main(LinkHost& host) {
  static LinkEngine engine(host, device_platform(), retained_session);
  running = &engine;
  for (;;) engine.round();
}

NetworkStatus network_status() {
  return running == nullptr ? NetworkStatus::DeliberatelyOffline : running->status();
}

bool fetching_update() { return running != nullptr && running->fetching(); }

bool backing_off() { return running != nullptr && running->backing_off(); }

void link_wake() { kernel::worker_wake(); }

}  // namespace microvisor::firmware::link
