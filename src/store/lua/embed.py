#!/usr/bin/env python3
"""Puts a Lua script together: `--@include lib/x.lua` becomes the file's text, each file once.

usage: embed.py --assemble ENTRY.lua            prints the assembled script
       embed.py --c OUT.c DEPFILE ENTRY.lua...  writes them as a C table (script.h), with what they
                                                were made of for the build
"""
import hashlib
import os
import re
import sys

INCLUDE = re.compile(r'^--@include\s+(\S+)\s*$')


def assemble(path, parts=None):
    base, seen, out = os.path.dirname(os.path.abspath(path)), set(), []
    if parts is not None:
        parts.add(path)
    with open(path, encoding='utf-8') as entry:
        for line in entry.read().splitlines():
            m = INCLUDE.match(line)
            if not m:
                out.append(line)
            elif m.group(1) not in seen:
                seen.add(m.group(1))
                part_path = os.path.join(base, m.group(1))
                if parts is not None:
                    parts.add(part_path)
                with open(part_path, encoding='utf-8') as part:
                    out.extend(part.read().splitlines())
    return '\n'.join(out) + '\n'


def c_string(text):
    """One literal a line; anything beyond printable ASCII in octal, which cannot run on."""
    def char(b):
        if b in b'"\\':
            return '\\' + chr(b)
        return chr(b) if 32 <= b < 127 else '\\%03o' % b
    return '\n'.join('     "' + ''.join(map(char, line.encode())) + '\\n"'
                     for line in text.splitlines())


def write_c(out, depfile, entries):
    parts, rows = {os.path.abspath(__file__)}, []
    for entry in entries:
        text = assemble(entry, parts)
        rows.append('    {"%s", "%s", %d,\n%s},\n' % (
            os.path.splitext(os.path.basename(entry))[0],
            hashlib.sha1(text.encode()).hexdigest(), len(text.encode()), c_string(text)))
    with open(out, 'w', encoding='utf-8') as f:
        f.write('/* Made by embed.py from src/store/lua. */\n#include "script.h"\n\n'
                'const struct script_text script_texts[SCRIPT_N] = {\n%s};\n' % ''.join(rows))
    with open(depfile, 'w', encoding='utf-8') as f:
        f.write('%s: %s\n' % (out, ' '.join(sorted(p.replace(' ', '\\ ') for p in parts))))


def main(argv):
    if len(argv) > 4 and argv[1] == '--c':
        write_c(argv[2], argv[3], argv[4:])
        return 0
    if len(argv) == 3 and argv[1] == '--assemble':
        sys.stdout.write(assemble(argv[2]))
        return 0
    sys.stderr.write(__doc__)
    return 2


if __name__ == '__main__':
    sys.exit(main(sys.argv))
