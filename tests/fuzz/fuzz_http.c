/*
 * fuzz_http.c - a connection's bytes into a whole HTTP server, in two pieces: the first byte says
 * where they are cut. Found are crashes, leaks, and requests that are neither answered nor closed.
 */
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "triaged/base/mem.h"
#include "triaged/net/http.h"
#include "triaged/net/loop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TURNS = 200 };

static struct event_base *base;
static struct http_server *server;

static void on_request(void *arg, struct http_request *r)
{
    (void)arg;
    (void)http_request_query(r, "a");
    http_reply(r, 200, "text/plain", http_request_body(r));
}

static void start(void)
{
    static struct conf_listener l = {.address = {"127.0.0.1:0", 11}};
    struct http_callbacks cb = {on_request, NULL};
    struct diag why;

    base = net_loop_create();
    diag_init(&why);
    server = http_server_create(base, &cb);
    if (!http_server_listen(server, &l, -1, false, &why))
        abort();
    diag_finish(&why);
}

static int connected(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons((uint16_t)http_server_port(server, 0));
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
        abort();
    return fd;
}

static void turn(unsigned n)
{
    while (n-- > 0)
        event_base_loop(base, EVLOOP_NONBLOCK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char part[4096];
    size_t cut;
    bool eof = false;
    int fd;

    if (!server)
        start();
    if (size < 1 || size > 60000)
        return 0;
    cut = data[0] * (size - 1) / 255;
    fd = connected();
    (void)send(fd, data + 1, cut, MSG_NOSIGNAL);
    turn(4);
    (void)send(fd, data + 1 + cut, size - 1 - cut, MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    for (unsigned i = 0; i < TURNS && !eof; i++) {
        turn(1);
        for (ssize_t n; (n = recv(fd, part, sizeof(part), MSG_DONTWAIT)) >= 0;)
            if (n == 0) {
                eof = true;
                break;
            }
    }
    if (!eof)
        abort(); /* the peer said that it is done: an answer or not, it is over */
    close(fd);
    turn(2);
    if (http_server_pending(server) != 0)
        abort();
    return 0;
}
