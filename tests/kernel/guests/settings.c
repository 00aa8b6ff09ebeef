/* Settings kept in the vault. Says what it finds, and stores what comes next: first nothing, then "first" as
 * often as `kind` says, after the next start "second" 80 times, more than a page of the journal takes. */
#include "guest.h"

static uint8_t ssid[33];

static void read_ssid(void) {
  uint8_t encrypted = 0;
  uint32_t length = 0;
  struct MvWifiConfigOut params = {
      .version = 1,
      .v1 = {.ssid = {.data = ssid, .size = 32, .length = &length}, .has_encryption = &encrypted}};
  mvGetWifiConfig(&params);
  ssid[length] = 0;
  print_part("ssid ");
  print((const char*)ssid);
}

/* Each time with another password, so that each time something is written. */
static void store(const char* name, uint32_t length, uint32_t times) {
  uint8_t password[12] = "secret-0000";
  for (uint32_t i = 0; i < times; ++i) {
    for (uint32_t digit = 0, rest = i; digit < 4; ++digit, rest /= 10)
      password[10 - digit] = (uint8_t)('0' + rest % 10);
    struct MvWifiConfig config = {.version = 1,
                                  .v1 = {.config_mode = MV_WIFICONFIGMODE_APPLYNOW,
                                         .wifi_ssid = {.data = (const uint8_t*)name, .length = length},
                                         .wifi_password = {.data = password, .length = 11}}};
    const uint32_t status = mvSetWifiConfig(&config);
    if (status != MV_STATUS_OKAY) print_number("error", status);
  }
  print_part("stored ");
  print(name);
}

int main(void) {
  console_start();
  read_ssid();
  if (ssid[0] == 0) {
    store("first", 5, parameters.kind);
  } else if (ssid[0] == 'f') {
    store("second", 6, 80);
  } else {
    print("stored second");
  }
  for (;;) __asm__ volatile("wfi");
}
