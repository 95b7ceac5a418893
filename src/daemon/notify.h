/*
 * notify.h - what systemd is told (sd_notify(3)), by hand: one datagram. Does nothing without
 * NOTIFY_SOCKET.
 */
#ifndef TRIAGED_DAEMON_NOTIFY_H
#define TRIAGED_DAEMON_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);
void notify_watchdog(void);
void notify_status(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* How often to beat: half of WATCHDOG_USEC; 0 = no watchdog. */
int64_t notify_watchdog_ms(void);

#endif
