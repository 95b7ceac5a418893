"""meson install puts everything in its place, and what is installed holds up."""
import os
import re
import subprocess

import pytest

from conftest import BUILD, ROOT, need


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    destination = tmp_path_factory.mktemp("destdir")
    done = subprocess.run([need("meson"), "install", "-C", str(BUILD), "--no-rebuild", "--quiet"],
                          env={**os.environ, "DESTDIR": str(destination)}, capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return destination


@pytest.mark.parametrize("pattern", [
    "sbin/triaged$", "bin/triagectl$", r"etc/triaged/triaged\.yaml$", r"etc/triaged/rules\.d/00-policy\.yaml$",
    r"systemd/system/triaged\.service$", r"sysusers\.d/triaged\.conf$", r"tmpfiles\.d/triaged\.conf$",
    r"man8/triaged\.8$", r"man5/triaged\.yaml\.5$", r"man1/triagectl\.1$", r"doc/triaged/REDIS\.md$",
    r"doc/triaged/METRICS\.md$"])
def test_is_installed(installed, pattern):
    files = [str(p.relative_to(installed)) for p in installed.rglob("*") if p.is_file()]
    assert any(re.search(pattern, f) for f in files), "\n".join(sorted(files))


def test_the_unit_is_sandboxed(installed):
    unit = next(installed.rglob("triaged.service"))
    out = subprocess.run([need("systemd-analyze"), "security", "--offline=true", "--no-pager", str(unit)],
                         capture_output=True, text=True, timeout=60).stdout
    level = float(re.search(r"Overall exposure level for triaged.service: ([\d.]+)", out).group(1))
    assert level <= 2.0, out


def test_the_unit_verifies(installed):
    unit = next(installed.rglob("triaged.service"))
    done = subprocess.run([need("systemd-analyze"), "verify", "--man=no", str(unit)], capture_output=True,
                          text=True, timeout=60)
    complaints = [line for line in done.stderr.splitlines()
                  if "triaged.service" in line and "is not executable" not in line]
    assert not complaints, done.stderr


def test_shipped_configuration_is_whole(installed):
    config = next(installed.rglob("triaged.yaml"))
    done = subprocess.run([next(installed.rglob("sbin/triaged")), "--check", "-c", config],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "4 teams" in done.stdout, done.stderr


@pytest.mark.parametrize("page", ["triaged.8", "triaged.yaml.5", "triagectl.1"])
def test_man_pages_render(installed, page):
    path = next(installed.rglob(page))
    text = path.read_text()
    assert text.startswith((".\\\"", ".TH")) or ".TH" in text[:400]
    assert len(text) > 1500


def test_every_key_is_in_the_man_page(installed):
    reference = subprocess.run([BUILD / "src/cli/triagectl", "config", "reference"], capture_output=True,
                               text=True, check=True, timeout=60).stdout
    page = next(installed.rglob("triaged.yaml.5")).read_text()
    for key in re.findall(r"^\s*#?\s*-?\s*([a-z_0-9]+):", reference, re.M):
        assert key in page, key


def test_readme_names_what_is_there():
    for name in ("quickstart.sh", "tests/run.sh", "conf/triaged.yaml"):
        assert os.access(ROOT / name, os.R_OK)
