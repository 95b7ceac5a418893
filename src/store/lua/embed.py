#!/usr/bin/env python3
"""Puts a Lua script together: `--@include lib/x.lua` becomes the file's text, each file once.

usage: embed.py --assemble ENTRY.lua     prints the assembled script
"""
import os
import re
import sys

INCLUDE = re.compile(r'^--@include\s+(\S+)\s*$')


def assemble(path):
    base, seen, out = os.path.dirname(os.path.abspath(path)), set(), []
    with open(path, encoding='utf-8') as entry:
        for line in entry.read().splitlines():
            m = INCLUDE.match(line)
            if not m:
                out.append(line)
            elif m.group(1) not in seen:
                seen.add(m.group(1))
                with open(os.path.join(base, m.group(1)), encoding='utf-8') as part:
                    out.extend(part.read().splitlines())
    return '\n'.join(out) + '\n'


def main(argv):
    if len(argv) == 3 and argv[1] == '--assemble':
        sys.stdout.write(assemble(argv[2]))
        return 0
    sys.stderr.write(__doc__)
    return 2


if __name__ == '__main__':
    sys.exit(main(sys.argv))
