"""Real senders: Prometheus, Alertmanager with amtool, logger, rsyslogd, syslog-ng and its loggen,
haproxy. Each is a process of the test."""
import json
import os
import pathlib
import signal
import socket
import subprocess
from datetime import datetime, timezone

import requests

from conftest import PLAIN_BUILD, ROOT, Process, free_port, need, wait_until


class Prometheus(Process):
    """Sends its alerts straight to `targets` (host:port). rules: YAML text of a rule file."""

    def __init__(self, directory, targets, rules, external_labels="{}"):
        directory = pathlib.Path(directory)
        directory.mkdir()
        self.rules = directory / "rules.yml"
        self.rules.write_text(rules)
        (directory / "prometheus.yml").write_text(
            f"global: {{evaluation_interval: 1s, scrape_interval: 1s, external_labels: {external_labels}}}\n"
            f"rule_files: [rules.yml]\n"
            f"alerting: {{alertmanagers: [{{static_configs: [{{targets: {json.dumps(targets)}}}], api_version: v2}}]}}\n")
        self.port = free_port()
        super().__init__([need("prometheus"), "--config.file", str(directory / "prometheus.yml"),
                          "--storage.tsdb.path", str(directory / "data"),
                          "--web.listen-address", f"127.0.0.1:{self.port}",
                          "--rules.alert.resend-delay", "1s"], directory / "prometheus.log")
        self.url = f"http://127.0.0.1:{self.port}"
        wait_until(self.is_ready, lambda: "prometheus is ready\n" + self.log(), 60)

    def is_ready(self):
        try:
            return requests.get(self.url + "/-/ready", timeout=2).ok
        except requests.RequestException:
            return False

    def set_rules(self, rules):
        """Alerts of a rule with the same name and labels go on; one no longer true is resolved."""
        self.rules.write_text(rules)
        self.popen.send_signal(signal.SIGHUP)

    def metric(self, name):
        return sum(float(line.rsplit(" ", 1)[1])
                   for line in requests.get(self.url + "/metrics", timeout=5).text.splitlines()
                   if line.startswith(name))


class Alertmanager(Process):
    """Posts its groups to `webhook`; alerts are put in with amtool."""

    def __init__(self, directory, webhook=None, max_alerts=0, group_by='["alertname"]'):
        directory = pathlib.Path(directory)
        directory.mkdir()
        receiver = f"webhook_configs: [{{url: \"{webhook}\", max_alerts: {max_alerts}}}]" if webhook else ""
        (directory / "alertmanager.yml").write_text(
            f"route: {{receiver: triaged, group_by: {group_by}, group_wait: 1s, group_interval: 1s, repeat_interval: 1h}}\n"
            f"receivers:\n- name: triaged\n  {receiver}\n")
        self.port = free_port()
        super().__init__([need("prometheus-alertmanager"), "--config.file",
                          str(directory / "alertmanager.yml"), "--storage.path", str(directory / "data"),
                          "--web.listen-address", f"127.0.0.1:{self.port}",
                          "--cluster.listen-address", ""], directory / "alertmanager.log")
        self.url = f"http://127.0.0.1:{self.port}"
        wait_until(self.is_ready, lambda: "alertmanager is ready\n" + self.log(), 60)

    def is_ready(self):
        try:
            return requests.get(self.url + "/-/ready", timeout=2).ok
        except requests.RequestException:
            return False

    def add(self, *args):
        amtool(self.url, "alert", "add", *args)


def ended_now():
    """amtool's option for an alert that ends at this moment (a resolve older than the start is none)."""
    return "--end=" + datetime.now(timezone.utc).isoformat(timespec="milliseconds")


def amtool(url, *args, check=True):
    done = subprocess.run([need("amtool"), f"--alertmanager.url={url}", *args], capture_output=True,
                          text=True, timeout=60)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def logger(*args):
    subprocess.run([need("logger"), *args], check=True, timeout=30)


class Rsyslogd(Process):
    """Forwards what it gets on its unix socket with the given action."""

    def __init__(self, directory, action):
        directory = pathlib.Path(directory)
        directory.mkdir(exist_ok=True)
        self.socket = directory / "in.sock"
        self.stats = directory / "stats"
        (directory / "rsyslog.conf").write_text(
            f'global(workDirectory="{directory}")\n'
            f'module(load="impstats" interval="1" format="json" log.syslog="off" log.file="{self.stats}")\n'
            f'module(load="imuxsock" SysSock.Use="off")\n'
            f'input(type="imuxsock" Socket="{self.socket}" CreatePath="on" RateLimit.Interval="0")\n'
            f"{action}\n")
        super().__init__([need("rsyslogd"), "-n", "-f", str(directory / "rsyslog.conf"),
                          "-i", str(directory / "pid")], directory / "rsyslog.log")
        wait_until(self.socket.exists, lambda: "rsyslogd is up\n" + self.log(), 30)

    def log_message(self, *args):
        logger("-u", str(self.socket), *args)

    def submitted(self):
        """How many messages rsyslog itself says that it took in."""
        lines = [json.loads(line[line.index("{"):]) for line in
                 self.stats.read_text().splitlines() if '"imuxsock"' in line] if self.stats.exists() else []
        return lines[-1]["submitted"] if lines else 0


class UnixSender:
    """Datagrams to a unix socket; a full one makes the sender wait, so that none is lost."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.connect(str(path))

    def send(self, message):
        self.socket.send(message.encode())


def syslog_ng_files(package="syslog-ng-core"):
    """syslog-ng-core conflicts with rsyslog, so its files are unpacked beside the build."""
    into = PLAIN_BUILD / "peers" / package
    done = subprocess.run(["bash", "-c", '. "$1/tests/packages.sh"; unpack_package "$2" "$3"',
                           "bash", str(ROOT), package, str(into)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return into


def syslog_ng_env():
    root = syslog_ng_files()
    return {**os.environ, "LD_LIBRARY_PATH": str(root / "usr/lib/syslog-ng"),
            "SYSLOGNG_PREFIX": str(root / "usr")}


def loggen(*args):
    done = subprocess.run([str(syslog_ng_files() / "usr/bin/loggen"), *args], env=syslog_ng_env(),
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


class SyslogNg(Process):
    """Forwards what it gets on its unix socket as the given configuration says (source s_src)."""

    def __init__(self, directory, config):
        directory = pathlib.Path(directory)
        directory.mkdir(exist_ok=True)
        self.socket = directory / "in.sock"
        (directory / "syslog-ng.conf").write_text(
            "@version: 3.38\noptions { keep-hostname(yes); time-reopen(1); };\n"
            f'source s_src {{ unix-dgram("{self.socket}"); }};\n{config}\n')
        root = syslog_ng_files()
        super().__init__([str(root / "usr/sbin/syslog-ng"), "-F", "--no-caps",
                          "-f", str(directory / "syslog-ng.conf"), "-R", str(directory / "persist"),
                          "-c", str(directory / "ctl"), "--pidfile", str(directory / "pid"),
                          f"--module-path={root}/usr/lib/syslog-ng/3.38"],
                         directory / "syslog-ng.log", env=syslog_ng_env(), cwd=str(directory))
        wait_until(self.socket.exists, lambda: "syslog-ng is up\n" + self.log(), 30)

    def log_message(self, *args):
        logger("-u", str(self.socket), *args)


class Haproxy(Process):
    def __init__(self, directory, config, port):
        directory = pathlib.Path(directory)
        directory.mkdir(exist_ok=True)
        (directory / "haproxy.cfg").write_text(config + "\n")
        super().__init__([need("haproxy"), "-db", "-f", str(directory / "haproxy.cfg")],
                         directory / "haproxy.log")
        wait_until(lambda: accepts(port), lambda: "haproxy listens\n" + self.log(), 30)


def accepts(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0
