"""Every command of triagectl, and every option of it, is in the man page; every command has help.

Usage: commands.py TRIAGECTL MANPAGE
"""
import re
import subprocess
import sys


def run(*words):
    done = subprocess.run([sys.argv[1], *words], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        sys.exit(f"triagectl {' '.join(words)}: {done.returncode}\n{done.stderr}")
    return done.stdout


def commands():
    for line in run("help").splitlines():
        m = re.match(r"  ([a-z][a-z-]*(?: [a-z-]+)?) +[A-Z]", line)
        if m and m.group(1) != "help":
            yield m.group(1)


def options(command):
    return sorted(set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", run("help", *command.split()), re.M)))


def main():
    page = open(sys.argv[2], encoding="utf-8").read().replace("\\_", "_").replace("\\*", "*")
    named = set(re.findall(r"\*(--[a-z-]+)\*", page)) | set(re.findall(r"--[a-z-]+(?=[ |\n])", page))
    found = list(commands())
    problems = [f"only {len(found)} commands in triagectl help"] if len(found) < 30 else []
    for command in found:
        if not re.search(rf"(^|, )\*{command}\*", page, re.M):
            problems.append(f"the command \"{command}\" is not in the man page")
        problems += [f"{command} {o} is not in the man page" for o in options(command) if o not in named]
    print("\n".join(problems) or f"{len(found)} commands, all in the man page")
    sys.exit(1 if problems else 0)


main()
