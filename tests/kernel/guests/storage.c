/* The external flash and the Wi-Fi settings. Kind 0 stores on its first run, and says what is left of it on
 * the others; kind 1 writes, erases and reads for ever. */
#include "guest.h"

#define SECTOR 4096u

static uint8_t out[600], in[600];
static MvExternalFlashHandle flash;

static void fill(uint32_t seed) {
  for (uint32_t i = 0; i < sizeof out; ++i) out[i] = (uint8_t)(seed + i * 7 + i / 256);
}

static uint32_t differences(uint32_t address) {
  uint32_t count = 0;
  if (mvExternalFlashReadBlocking(flash, address, sizeof in, in) != MV_STATUS_OKAY) return ~0u;
  for (uint32_t i = 0; i < sizeof in; ++i) count += in[i] != out[i];
  return count;
}

static void say_wifi(void) {
  uint8_t ssid[33] = {0}, encrypted = 9;
  uint32_t length = 0;
  struct MvWifiConfigOut params = {
      .version = 1,
      .v1 = {.ssid = {.data = ssid, .size = 32, .length = &length}, .has_encryption = &encrypted}};
  mvGetWifiConfig(&params);
  print_part("ssid ");
  print_part((const char*)ssid);
  print_number(" encrypted", encrypted);
}

static void store(void) {
  struct MvWifiConfig config = {.version = 1,
                                .v1 = {.config_mode = MV_WIFICONFIGMODE_APPLYNOW,
                                       .wifi_ssid = {.data = (const uint8_t*)"workshop", .length = 8},
                                       .wifi_password = {.data = (const uint8_t*)"secret-9", .length = 8}}};
  print_number("wifi", mvSetWifiConfig(&config));
  print_number("erase", mvExternalFlashEraseBlocking(flash, 0, 2 * SECTOR));
  print_number("write", mvExternalFlashWriteBlocking(flash, SECTOR - 200, sizeof out, out));
  print_number("differences", differences(SECTOR - 200));
  uint32_t word = 0x0F0F0F0F;
  mvExternalFlashWriteBlocking(flash, 0, 4, (const uint8_t*)&word);
  word = 0x33333333;
  mvExternalFlashWriteBlocking(flash, 0, 4, (const uint8_t*)&word);
  mvExternalFlashReadBlocking(flash, 0, 4, (uint8_t*)&word);
  print_hex("both", word);
  print("stored");
  mvRestart(MV_RESTARTMODE_AUTOAPPLYUPDATE);
}

static void work_for_ever(void) {
  for (uint32_t round = 1;; ++round) {
    const uint32_t address = (round % 8) * 2 * SECTOR + round % 300;
    fill(round);
    uint32_t errors = mvExternalFlashEraseBlocking(flash, (round % 8) * 2 * SECTOR, 2 * SECTOR);
    errors += mvExternalFlashWriteBlocking(flash, address, sizeof out, out);
    errors += differences(address);
    if (errors != 0) print_number("errors", errors);
    if (round % 4 == 0) print_number("round", round);
  }
}

int main(void) {
  uint8_t reason = 0;
  console_start();
  mvGetWakeReason((enum MvWakeReason*)&reason);
  print_number("start", reason);
  print_number("open", mvExternalFlashOpen(&flash));
  fill(3);
  if (parameters.kind == 1) work_for_ever();
  if (reason == MV_WAKEREASON_COLDBOOT && differences(SECTOR - 200) != 0) store();
  print_number("differences", differences(SECTOR - 200));
  say_wifi();
  print("done");
  for (;;) __asm__ volatile("wfi");
}
