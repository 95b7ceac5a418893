"""What the benchmarks share: processes, a load by wrk, memory and CPU time of a process."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "daemon"))

from conftest import wait_until  # noqa: E402


def workdir():
    return pathlib.Path(tempfile.mkdtemp(prefix="triaged-bench."))


def rfc3339(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03d}Z"


def rss_mib(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wrk(url, bodies, seconds, connections=16):
    """Posts the JSON texts in turn; returns requests a second, p50 and p99 in ms, answers not 2xx."""
    directory = workdir()
    script = directory / "post.lua"
    for i, body in enumerate(bodies):
        (directory / f"body{i}.json").write_text(body)
    script.write_text(f"""
local bodies = {{}}
for i = 0, {len(bodies) - 1} do
    local f = io.open("{directory}/body" .. i .. ".json"); bodies[i] = f:read("*a"); f:close()
end
local n = 0
request = function()
    n = (n + 1) % {len(bodies)}
    return wrk.format("POST", nil, {{["Content-Type"] = "application/json"}}, bodies[n])
end
""")
    out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script), url],
                         capture_output=True, text=True, check=True).stdout

    def latency(percent):
        value, unit = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)", out).groups()
        return float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]

    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    return (float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)), latency(50), latency(99),
            int(bad.group(1)) if bad else 0)


def wait_shipped(triaged, timeout=300):
    """Until nothing is being folded or waits in the spool. The gauges that say so are of the last second."""
    seen = []

    def idle():
        m = triaged.metrics()
        busy = (m.get('triaged_observations_folding{worker="0"}', 1) or
                m.get('triaged_spool_records_waiting{worker="0"}', 1))
        seen[:] = [] if busy else seen + [time.monotonic()]
        return seen and seen[-1] - seen[0] > 1.5

    wait_until(idle, "all is in Redis", timeout, .1)
    return seen[0]
