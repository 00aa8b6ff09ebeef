/* One value of the device's configuration. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

/* Fetches it into `value`, which ends with a zero. False: there is none, or it does not fit. */
bool read_setting(const char* key, char* value, uint32_t size);

#endif
