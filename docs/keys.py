"""Puts `triagectl config reference` into the place @KEYS@ of a man page's source.

    keys.py TRIAGECTL TEMPLATE > triaged.yaml.5.scd
The reference comes from the schema tables, so the man page cannot lag behind the program.
"""
import subprocess
import sys

triagectl, template = sys.argv[1:]
reference = subprocess.run([triagectl, "config", "reference"], capture_output=True, text=True, check=True).stdout
block = "```\n" + reference.rstrip().replace("```", "") + "\n```"
sys.stdout.write(open(template).read().replace("@KEYS@", block))
