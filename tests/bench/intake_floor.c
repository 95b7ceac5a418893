/*
 * intake_floor.c - the least that an intake of alerts can do: evhttp reads a request, Jansson its
 * body, the answer is 200. No rules, no spool, no Redis. bench_cost.py measures triaged beside it.
 * Prints the port that it listens on; ends at the end of its standard input.
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <jansson.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

static void on_request(struct evhttp_request *req, void *arg)
{
    struct evbuffer *in = evhttp_request_get_input_buffer(req);
    size_t n = evbuffer_get_length(in);
    json_t *doc = json_loadb((const char *)evbuffer_pullup(in, -1), n, 0, NULL);

    (void)arg;
    evhttp_send_reply(req, json_is_array(doc) ? 200 : 400, NULL, NULL);
    json_decref(doc);
}

static void on_stdin(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    event_base_loopexit(arg, NULL);
}

int main(void)
{
    struct event_base *base = event_base_new();
    struct evhttp *http = evhttp_new(base);
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
    struct event *end = event_new(base, 0, EV_READ, on_stdin, base);
    struct sockaddr_in sa;
    socklen_t size = sizeof(sa);
    int fd, on = 1;

    if (!bound || !end)
        return 1;
    fd = evhttp_bound_socket_get_fd(bound);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* what is accepted inherits it */
    getsockname(fd, (struct sockaddr *)&sa, &size);
    printf("%d\n", ntohs(sa.sin_port));
    fflush(stdout);
    evhttp_set_gencb(http, on_request, NULL);
    event_add(end, NULL);
    event_base_dispatch(base);
    event_free(end);
    evhttp_free(http);
    event_base_free(base);
    return 0;
}
