"""Real senders: Prometheus, Alertmanager with amtool, logger, rsyslogd. Each is a process of the test."""
import json
import pathlib
import signal
import subprocess

import requests

from conftest import Process, free_port, need, wait_until


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
        directory.mkdir()
        self.socket = directory / "in.sock"
        (directory / "rsyslog.conf").write_text(
            f'global(workDirectory="{directory}")\n'
            f'module(load="imuxsock" SysSock.Use="off")\n'
            f'input(type="imuxsock" Socket="{self.socket}" CreatePath="on" RateLimit.Interval="0")\n'
            f"{action}\n")
        super().__init__([need("rsyslogd"), "-n", "-f", str(directory / "rsyslog.conf"),
                          "-i", str(directory / "pid")], directory / "rsyslog.log")
        wait_until(self.socket.exists, lambda: "rsyslogd is up\n" + self.log(), 30)

    def log_message(self, *args):
        logger("-u", str(self.socket), *args)
