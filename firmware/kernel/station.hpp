// The dialogue of a new device with the station of its production line, on USART2 (PD5 TX, PD6 RX, 115,200
// baud, 8N1). It takes the place of the link until the device has a certificate; no application runs.
#pragma once

namespace microvisor::firmware::kernel {

/// Worker only. Ends with a reset, when the certificate is in the vault.
[[noreturn]] void meet_station();

}  // namespace microvisor::firmware::kernel
