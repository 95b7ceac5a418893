"""Layers point down only, and a foreign library lives in one room (docs/ARCHITECTURE.md).

Reads every #include of src/ and include/. Also holds the ceilings of file length, which may only fall.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# layer -> layers that it may include
MAY = {
    "base": set(),
    "conf": {"base"},
    "alert": {"base"},
    "decode": {"base", "conf", "alert"},
    "rules": {"base", "conf", "alert"},
    "spool": {"base", "conf"},
    "store": {"base", "conf"},
    "net": {"base", "conf"},
    "daemon": {"base", "conf", "alert", "decode", "rules", "spool", "store", "net"},
    "cli": {"base", "conf", "alert", "decode", "rules", "spool"},
}
# cli reads framing (pure) from net for `triagectl decode --stream`
EXCEPTIONS = {("cli", "triaged/net/syslog_frame.h"), ("cli", "triaged/net/proxy_header.h")}

# foreign header -> the files that may include it
ROOMS = {
    r"yaml\.h": {"src/conf/ynode.c"},
    r"jansson\.h": {"src/alert/jx.c"},
    r"hiredis/.*": {"src/store/reply.c"},
    r"event2/http.*": {"src/net/http.c", "src/net/http_evhttp.c"},
    r"openssl/.*": {"src/net/tls.c", "src/net/tls_client.c", "src/base/hash_sha.c"},
    r"event2/bufferevent_ssl\.h": {"src/net/tls.c", "src/net/tls_client.c"},
    r"pcre2\.h": {"src/rules/regex.c"},
    r"hs(/.*)?\.h": {"src/rules/regex.c", "src/rules/regex_set.c"},
    r"zlib\.h": {"src/net/gunzip.c", "src/net/http_body.c"},
    r"curl/.*": {"src/cli/api.c", "src/net/http_ping.c"},
    r"event2/.*": {"src/net/", "src/store/", "src/daemon/"},
}
MAX_LINES = 600
PURE = ("conf", "alert", "decode", "rules")
IMPURE_CALLS = re.compile(r"\b(clock_wall_ms|clock_mono_ms|clock_mono_ns|log_(error|warn|info|debug))\(")
BLOCKING = re.compile(r"\b(getaddrinfo|gethostbyname|usleep|nanosleep|sleep)\(")


def files():
    for top in ("src", "include"):
        yield from sorted(p for p in (ROOT / top).rglob("*") if p.suffix in (".c", ".h"))


def layer_of(path):
    parts = path.relative_to(ROOT).parts
    return parts[1] if parts[0] == "src" else parts[2]


def room_problem(relative, header):
    for pattern, rooms in ROOMS.items():
        if re.fullmatch(pattern, header):
            if not any(relative == r or (r.endswith("/") and relative.startswith(r)) for r in rooms):
                return f"{relative}: <{header}> belongs to {', '.join(sorted(rooms))}"
            return None
    return None


def check(path):
    relative = str(path.relative_to(ROOT))
    layer = layer_of(path)
    text = path.read_text()
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        yield f"{relative}: {len(lines)} lines, more than {MAX_LINES}: it has more than one purpose"
    for number, line in enumerate(lines, 1):
        m = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
        if m:
            header = m.group(1)
            target = header.split("/")[1] if header.startswith("triaged/") else None
            if target and target != layer and target not in MAY[layer] and \
                    (layer, header) not in EXCEPTIONS:
                yield f"{relative}:{number}: {layer} must not include {header}"
            problem = room_problem(relative, header)
            if problem:
                yield problem
        if layer in PURE and IMPURE_CALLS.search(line):
            yield f"{relative}:{number}: {layer} is pure: {line.strip()}"
        if BLOCKING.search(line) and not line.lstrip().startswith(("*", "/*")):
            yield f"{relative}:{number}: blocks: {line.strip()}"
    if path.suffix == ".c" and not text.startswith("/*"):
        yield f"{relative}: no head comment"


def main():
    problems = [p for path in files() for p in check(path)]
    print("\n".join(problems) or f"{len(list(files()))} files, layers and rooms as they should be")
    sys.exit(1 if problems else 0)


main()
