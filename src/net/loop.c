/*
 * loop.c - how an event loop is made, and where libevent's own messages go.
 * Owns: the choice of flags. Never: runs a loop; holds one.
 */
#include "triaged/net/loop.h"

#include <event2/event.h>
#include <stdlib.h>

#include "triaged/base/log.h"

struct event_base *net_loop_create(void)
{
    struct event_config *c = event_config_new();
    struct event_base *base;

    if (!c)
        return NULL;
        /* Not for descriptors that are duplicates of each other in one loop; ours never are. Events
         * are deleted before their descriptor is closed, so only deletions come late: epoll knows a
         * file by its number and itself, and finds nothing to delete where another thread was given
         * the number meanwhile. ThreadSanitizer, which cannot know that, would report it as a race.
         */
#ifndef __SANITIZE_THREAD__
    event_config_set_flag(c, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
#endif
    base = event_base_new_with_config(c);
    event_config_free(c);
    return base;
}

static void on_log(int severity, const char *text)
{
    if (severity >= EVENT_LOG_ERR)
        log_error("net", "libevent: %s", text);
    else if (severity == EVENT_LOG_WARN)
        log_warn("net", "libevent: %s", text);
    else
        log_debug("net", "libevent: %s", text);
}

static void on_fatal(int err)
{
    log_error("net", "libevent gives up error=%d", err);
    abort(); /* so that there is a core; it would call exit(3) */
}

void net_loop_log(void)
{
    event_set_log_callback(on_log);
    event_set_fatal_callback(on_fatal);
}
