/* What the examples with a channel have in common: log lines, the connection, and waiting for an event of a
 * channel. */
#ifndef NETWORK_H
#define NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mv_syscalls.h"

/* One line of the log. */
void say(const char* format, ...) __attribute__((format(printf, 1, 2)));

/* Logging, the notification centre, and a request for the connection; returns when it is there. */
void network_start(void);

/* A channel of this type with the two static buffers, whose events wait_for_event() tells. 0: it cannot be
 * opened. */
MvChannelHandle open_channel(enum MvChannelType type);

/* Likewise an opaque one to an endpoint of the account's, with so many bytes of each buffer: a multiple of
 * 512. */
enum MvStatus open_stream(const char* endpoint, uint32_t buffer_length, MvChannelHandle* channel);

/* Opens the virtual network interface with two rings of so many bytes each. */
enum MvStatus open_interface(uint8_t* receive, uint8_t* send, uint32_t size,
                             MvNetworkInterfaceHandle* handle);

/* Whether it has come up or gone down since the last time that this was asked. */
bool interface_changed(void);

/* Waits until something has happened to the channel. */
void wait_for_event(void);

/* Waits until a write that was cut short may go on. False: the channel has ended. */
bool wait_for_room(void);

/* Waits for an event of the open channel. False: none came within so many seconds, or the channel has ended.
 */
bool wait_for_data(uint32_t seconds);

/* Closes the channel; says why if the service or the network had closed it. */
void close_channel(MvChannelHandle* channel);

uint64_t microseconds(void);

/* A text as the calls want it. */
struct MvSizedString text(const char* characters);

#endif
