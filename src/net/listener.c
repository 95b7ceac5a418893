/*
 * listener.c - opens listening sockets and keeps accept loops from spinning.
 * Owns: the process-wide tables of bound unix paths (a path can be bound once, so workers share
 * it), of the ports that port 0 became, and of sockets passed by the service manager; the pause
 *       after a failed accept.
 * Never: speaks a protocol.
 *
 * A level-triggered accept at the limit of descriptors fails for ever at full speed, because the
 * connection stays in the queue. So the listener rests for a second and the log says so.
 */
#include "listener.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "triaged/base/clock.h"
#include "triaged/base/mem.h"
#include "triaged/net/listen.h"

enum {
    BACKLOG = 4096,      /* the kernel cuts it to net.core.somaxconn */
    PASSED_FIRST_FD = 3, /* sd_listen_fds(3) */
    PASSED_MAX = 256,
    OPEN_TO_ALL_MODE = 0666,
};

struct shared_path {
    struct list node;
    struct net_address at;
    int type;
    int fd; /* of all workers, so the socket outlives any one of them */
    dev_t dev;
    ino_t ino;
    unsigned refs;
};

struct picked_port {
    struct list node;
    char *listener;
    in_port_t port; /* as in a socket address */
    unsigned refs;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards all below */
static struct list paths = {&paths, &paths};
static struct list picked = {&picked, &picked};
static struct list acceptors = {&acceptors, &acceptors};
static int passed[PASSED_MAX];
static size_t n_passed;

/* ---- sockets of the service manager --------------------------------------------------------- */

static bool env_number(const char *name, uint64_t *out)
{
    const char *v = getenv(name);

    return v && str_to_u64(str_c(v), out);
}

size_t net_adopt_passed_sockets(void)
{
    uint64_t pid, n;

    if (!env_number("LISTEN_PID", &pid) || pid != (uint64_t)getpid() ||
        !env_number("LISTEN_FDS", &n))
        return 0;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    for (size_t i = 0; i < n && n_passed < PASSED_MAX; i++) {
        int fd = PASSED_FIRST_FD + (int)i, flags = fcntl(fd, F_GETFL);

        if (flags < 0)
            continue;
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        passed[n_passed++] = fd;
    }
    return n_passed;
}

/* The passed socket that is bound to `at`, or -1. */
static int passed_socket(const struct net_address *at, int type)
{
    for (size_t i = 0; i < n_passed; i++) {
        union net_sockaddr sa = {0};
        socklen_t len = sizeof(sa), type_len = sizeof(int);
        int has_type;

        if (getsockname(passed[i], &sa.sa, &len) == 0 &&
            getsockopt(passed[i], SOL_SOCKET, SO_TYPE, &has_type, &type_len) == 0 &&
            has_type == type && net_address_same(&sa.sa, &at->sa.sa))
            return passed[i];
    }
    return -1;
}

/* ---- binding -------------------------------------------------------------------------------- */

static void refuse(const struct conf_listener *l, struct diag *why, const char *text, int err)
{
    const struct conf_place *at = &l->place;

    if (err)
        diag_error(why, at->file, at->line, at->column, at->path, "%.*s: %s: %s",
                   STR_ARG(l->address), text, strerror(err));
    else
        diag_error(why, at->file, at->line, at->column, at->path, "%.*s: %s", STR_ARG(l->address),
                   text);
}

static void set_options(int fd, int family, unsigned flags)
{
    int on = 1, off = 0;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (flags & LISTEN_REUSEPORT)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    if (family == AF_INET6) /* [::] takes IPv4 too, whatever the system's default */
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
}

/* The socket, or -1 with errno. */
static int bind_at(const struct net_address *at, int type, unsigned flags)
{
    int fd = socket(at->sa.sa.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (at->sa.sa.sa_family != AF_UNIX)
        set_options(fd, at->sa.sa.sa_family, flags);
    if (bind(fd, &at->sa.sa, at->len) < 0 || (type == SOCK_STREAM && listen(fd, BACKLOG) < 0)) {
        int err = errno;

        close(fd);
        errno = err;
        return -1;
    }
    return fd;
}

/* Removes the file of a unix socket that a crash left behind. False: somebody listens there, or it
 * is no socket. */
static bool remove_stale(const struct net_address *at, int type)
{
    const char *path = at->sa.un.sun_path;
    struct stat st;
    bool stale;
    int fd;

    if (lstat(path, &st) < 0)
        return errno == ENOENT;
    if (!S_ISSOCK(st.st_mode))
        return false;
    fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    stale = connect(fd, &at->sa.sa, at->len) < 0 && errno == ECONNREFUSED;
    close(fd);
    return stale && unlink(path) == 0;
}

static struct shared_path *path_find(const struct net_address *at, int type)
{
    LIST_FOR_EACH (p, &paths, struct shared_path, node)
        if (p->type == type && net_address_same(&p->at.sa.sa, &at->sa.sa))
            return p;
    return NULL;
}

/* Under the lock. NULL with *why. */
static struct shared_path *path_bind(const struct conf_listener *l, const struct net_address *at,
                                     int type, unsigned flags, struct diag *why)
{
    struct shared_path *p;
    struct stat st;
    int fd;

    if (!remove_stale(at, type)) {
        refuse(l, why, "another process listens there, or it is not a socket", 0);
        return NULL;
    }
    fd = bind_at(at, type, flags);
    if (fd < 0) {
        refuse(l, why, "cannot listen", errno);
        return NULL;
    }
    if (flags & LISTEN_OPEN_TO_ALL)
        (void)chmod(at->sa.un.sun_path, OPEN_TO_ALL_MODE);
    p = NEW(struct shared_path);
    p->at = *at;
    p->type = type;
    p->fd = fd;
    if (lstat(at->sa.un.sun_path, &st) == 0) {
        p->dev = st.st_dev;
        p->ino = st.st_ino;
    }
    list_append(&paths, &p->node);
    return p;
}

static void path_free(struct shared_path *p)
{
    struct stat st;

    if (lstat(p->at.sa.un.sun_path, &st) == 0 && st.st_dev == p->dev && st.st_ino == p->ino)
        unlink(p->at.sa.un.sun_path);
    close(p->fd);
    list_remove(&p->node);
    free(p);
}

static bool open_unix(struct listen_socket *s, const struct conf_listener *l,
                      const struct net_address *at, int type, unsigned flags, struct diag *why)
{
    struct shared_path *p;

    pthread_mutex_lock(&lock);
    p = path_find(at, type);
    if (!p)
        p = path_bind(l, at, type, flags, why);
    if (p) {
        p->refs++;
        s->shared = p;
        s->fd = p->fd;
    }
    pthread_mutex_unlock(&lock);
    return p;
}

/* ---- port 0 --------------------------------------------------------------------------------- */

static in_port_t *port_in(union net_sockaddr *sa)
{
    return sa->sa.sa_family == AF_INET ? &sa->in.sin_port : &sa->in6.sin6_port;
}

/* Under the lock. */
static struct picked_port *port_find(const char *listener)
{
    LIST_FOR_EACH (p, &picked, struct picked_port, node)
        if (strcmp(p->listener, listener) == 0)
            return p;
    return NULL;
}

/* Under the lock. */
static void port_unref(struct picked_port *p)
{
    if (--p->refs > 0)
        return;
    list_remove(&p->node);
    free(p->listener);
    free(p);
}

/* The kernel would pick another port for each worker, and nobody would speak to the others. Two
 * listeners of one configuration may both ask for port 0, so one is known by its place in it. */
static int bind_any_port(const struct conf_listener *l, struct net_address *at, int type,
                         unsigned flags, struct picked_port **out)
{
    const struct conf_place *place = &l->place;
    char *listener = xasprintf("%d %.*s %s:%u:%u", type, STR_ARG(l->address),
                               place->file ? place->file : "", place->line, place->column);
    struct picked_port *p;
    int fd;

    pthread_mutex_lock(&lock);
    p = port_find(listener);
    if (p)
        *port_in(&at->sa) = p->port;
    fd = bind_at(at, type, flags);
    if (fd >= 0 && !p) {
        p = NEW(struct picked_port);
        p->listener = xstrdup(listener);
        p->port = htons((in_port_t)listen_port(fd));
        list_append(&picked, &p->node);
    }
    if (fd >= 0) {
        p->refs++;
        *out = p;
    }
    pthread_mutex_unlock(&lock);
    free(listener);
    return fd;
}

bool listen_open(struct listen_socket *s, const struct conf_listener *l, int type, unsigned flags,
                 struct diag *why)
{
    struct net_address at;

    *s = (struct listen_socket){.fd = -1};
    if (!net_address_parse(l->address, &at)) {
        refuse(l, why, "not an address; write 127.0.0.1:9193, [::1]:9193 or unix:/path", 0);
        return false;
    }
    s->fd = passed_socket(&at, type);
    s->passed = s->fd >= 0;
    if (s->passed)
        return true;
    if (at.sa.sa.sa_family == AF_UNIX)
        return open_unix(s, l, &at, type, flags, why);
    if (*port_in(&at.sa) == 0 && flags & LISTEN_REUSEPORT)
        s->fd = bind_any_port(l, &at, type, flags, &s->picked);
    else
        s->fd = bind_at(&at, type, flags);
    if (s->fd < 0)
        refuse(l, why, "cannot listen", errno);
    return s->fd >= 0;
}

void listen_close(struct listen_socket *s)
{
    if (s->shared) {
        pthread_mutex_lock(&lock);
        if (--s->shared->refs == 0)
            path_free(s->shared);
        pthread_mutex_unlock(&lock);
    } else if (s->fd >= 0 && !s->passed) {
        close(s->fd);
    }
    if (s->picked) {
        pthread_mutex_lock(&lock);
        port_unref(s->picked);
        pthread_mutex_unlock(&lock);
    }
    *s = (struct listen_socket){.fd = -1};
}

unsigned listen_port(int fd)
{
    union net_sockaddr sa = {0};
    socklen_t len = sizeof(sa);

    if (fd < 0 || getsockname(fd, &sa.sa, &len) < 0)
        return 0;
    if (sa.sa.sa_family == AF_INET)
        return ntohs(sa.in.sin_port);
    return sa.sa.sa_family == AF_INET6 ? ntohs(sa.in6.sin6_port) : 0;
}

/* ---- accept errors -------------------------------------------------------------------------- */

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
    struct acceptor *a = arg;

    (void)fd;
    (void)what;
    evconnlistener_enable(a->lev);
}

static struct acceptor *acceptor_of(struct evconnlistener *lev)
{
    struct acceptor *found = NULL;

    pthread_mutex_lock(&lock);
    LIST_FOR_EACH (a, &acceptors, struct acceptor, node)
        if (a->lev == lev)
            found = a;
    pthread_mutex_unlock(&lock);
    return found;
}

/* The argument is whatever the listener's owner set (evhttp sets itself), so it is not used. */
static void on_accept_error(struct evconnlistener *lev, void *owner)
{
    struct timeval pause = {NET_ACCEPT_PAUSE_MS / 1000, NET_ACCEPT_PAUSE_MS % 1000 * 1000};
    struct acceptor *a = acceptor_of(lev);
    int err = errno;
    uint64_t held;

    (void)owner;
    if (!a)
        return;
    evconnlistener_disable(lev);
    evtimer_add(a->resume, &pause);
    if (log_rate_pass(&a->rate, clock_mono_ms(), &held))
        log_warn("net", "%s: accept failed: %s; the listener rests for %d ms", a->label,
                 strerror(err), NET_ACCEPT_PAUSE_MS);
}

void acceptor_init(struct acceptor *a, struct event_base *base, struct evconnlistener *lev,
                   struct str label)
{
    a->lev = lev;
    a->label = xstrndup(label.p ? label.p : "", label.n);
    a->resume = evtimer_new(base, on_resume, a);
    if (!a->resume)
        abort(); /* out of memory, as in xmalloc */
    pthread_mutex_lock(&lock);
    list_append(&acceptors, &a->node);
    pthread_mutex_unlock(&lock);
    evconnlistener_set_error_cb(lev, on_accept_error);
}

void acceptor_finish(struct acceptor *a)
{
    if (!a->lev)
        return;
    pthread_mutex_lock(&lock);
    list_remove(&a->node);
    pthread_mutex_unlock(&lock);
    event_free(a->resume);
    free(a->label);
    a->lev = NULL;
}
