// The station is not trusted: whatever it says, nothing but what is in the request and the claim code leaves,
// and nothing but a certificate of the factory's CA for this device's key is taken.
#include "firmware/kernel/station.hpp"

#include <string_view>

#include "firmware/drivers/stm32u5/clock.hpp"
#include "firmware/drivers/stm32u5/flash.hpp"
#include "firmware/drivers/stm32u5/gpio.hpp"
#include "firmware/drivers/stm32u5/lpuart.hpp"
#include "firmware/drivers/stm32u5/rcc.hpp"
#include "firmware/drivers/stm32u5/scb.hpp"
#include "firmware/factory/line_dialogue.hpp"
#include "firmware/factory/new_device.hpp"
#include "firmware/kernel/kernel_version.hpp"
#include "firmware/kernel/storage.hpp"
#include "firmware/kernel/worker.hpp"

namespace microvisor::firmware::kernel {

namespace {

using namespace stm32u5;
using factory::Asked;

constexpr std::uint32_t kBaud = 115'200;
constexpr std::uint64_t kPoll = 200;  // microseconds; the receiver holds 8 bytes, 87 us each
constexpr std::uint32_t kUniqueId = 0x0BFA'0700;

void start_line() {
  constexpr unsigned kUsart2 = 7;  // alternate function
  rcc().apb1enr1 = rcc().apb1enr1 | (1u << 17);
  rcc().ahb2enr1 = rcc().ahb2enr1 | (1u << ('D' - 'A'));
  (void)rcc().ahb2enr1;
  configure_pin('D', 5, PinMode::Alternate, kUsart2);
  configure_pin('D', 6, PinMode::Alternate, kUsart2, PinPull::Up);
  Lpuart& uart = usart2();
  uart.brr = (kSystemClock + kBaud / 2) / kBaud;
  uart.cr1 = Lpuart::kFifo | Lpuart::kReceiver | Lpuart::kTransmitter | Lpuart::kEnable;
}

std::uint8_t receive() {
  while ((usart2().isr & Lpuart::kRxNotEmpty) == 0) {
    usart2().icr = Lpuart::kErrors;  // what was lost or garbled spoils its line and no other
    worker_wait_until(clock_microseconds() + kPoll);
  }
  return static_cast<std::uint8_t>(usart2().rdr);
}

void send(std::string_view text) {
  for (const char c : text) {
    while ((usart2().isr & Lpuart::kTxNotFull) == 0) worker_wait_until(clock_microseconds() + kPoll);
    usart2().tdr = static_cast<std::uint8_t>(c);
  }
}

void send_hex(std::span<const std::uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (const std::uint8_t byte : bytes) {
    const char pair[] = {kDigits[byte >> 4], kDigits[byte & 0xF]};
    send({pair, sizeof pair});
  }
}

factory::Facts facts() {
  const FlashController& flash = flash_controller();
  factory::Facts facts;
  facts.kernel_version = this_kernel().manifest.version_number;
  const auto* unique_id = reinterpret_cast<const volatile std::uint32_t*>(kUniqueId);
  for (std::uint32_t& word : facts.chip) word = *unique_id++;
  facts.optr = flash.optr;
  facts.secbootadd0 = flash.secbootadd0r;
  facts.secwm2r1 = flash.secwm2r1;
  facts.secwm2r2 = flash.secwm2r2;
  facts.wrp2ar = flash.wrp2ar;
  return facts;
}

void send_request() {
  factory::Request request;
  if (!factory::make_request(identity(), facts(), request)) return send("MV refused no request\n");
  const factory::ClaimCode code = factory::claim_code(identity().device_private_key);
  send("MV request ");
  send_hex(request);
  send(" ");
  send({code.data(), code.size()});
  send("\n");
}

void take(std::span<const std::uint8_t> certificate) {
  if (!factory::is_certificate_of(identity(), certificate))
    return send("MV refused not a certificate of this device\n");
  if (!take_certificate(certificate)) return send("MV refused the flash does not take it\n");
  send("MV done\n");
  while ((usart2().isr & Lpuart::kSent) == 0) worker_wait_until(clock_microseconds() + kPoll);
  system_reset();
}

}  // namespace

void meet_station() {
  start_line();
  send_request();  // whoever listens already need not ask
  factory::LineDialogue dialogue(updater().staging().scratch().first(kMaximumCertificateSize));
  for (;;) {
    switch (dialogue.take(receive())) {
      case Asked::Nothing: break;
      case Asked::Request: send_request(); break;
      case Asked::Certificate: take(dialogue.certificate()); break;
      case Asked::Unknown: send("MV refused not a line of the station\n"); break;
    }
  }
}

}  // namespace microvisor::firmware::kernel
