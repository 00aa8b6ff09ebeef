// The device link: the body of the kernel's worker, and what the system calls ask about it.
#pragma once

#include "firmware/kernel/link/link_host.hpp"

namespace microvisor::firmware::link {

/// Body of the worker: brings up modem, PPP, TLS and the link as long as the kernel wants the network, and
/// drives updates. `host` must live for ever. Before: modem_lines_start(), and interrupts 61 and 66 routed to
/// modem_line_interrupt().
[[noreturn]] void link_main(LinkHost& host);

/// May be called from anywhere, also from interrupts.
[[nodiscard]] NetworkStatus network_status();
/// True while an update is being fetched (network reason FETCHINGUPDATE).
[[nodiscard]] bool fetching_update();
/// True while the link waits before its next attempt (network reason ENHANCECALM: not before the back-off is
/// over).
[[nodiscard]] bool backing_off();
/// Tells the worker that there is something new to send or that network_wanted() has changed. From anywhere.
void link_wake();

}  // namespace microvisor::firmware::link
