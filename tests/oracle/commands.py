"""Runs the installed nodeset and clubak many times in one process.

Reads one case a line: standard input, command and arguments, each in hex, separated by dots.
Prints one line for each: exit code, standard output in hex.
"""
import io
import os
import sys

import ClusterShell.NodeSet as NodeSet
from ClusterShell.CLI import Clubak, Nodeset

MAIN = {"nodeset": Nodeset.main, "clubak": Clubak.main}
source, target = sys.stdin, sys.stdout


def run(given, command, *arguments):
    NodeSet.set_std_group_resolver(NodeSet.NodeUtils.GroupResolverConfig(
        os.environ["ORACLE_GROUPS"], NodeSet.ILLEGAL_GROUP_CHARS))
    sys.argv = [command] + list(arguments)
    sys.stdin = io.TextIOWrapper(io.BytesIO(given), encoding="utf-8")
    output = io.BytesIO()
    sys.stdout = io.TextIOWrapper(output, encoding="utf-8", write_through=True)
    try:
        MAIN[command]()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except Exception as error:  # a traceback is exit code 1
        print("%s: %r" % (command, error), file=sys.stderr)
        code = 1
    sys.stdout.flush()
    return code, output.getvalue()


for line in source:
    given, *words = (bytes.fromhex(field) for field in line.rstrip("\n").split("."))
    code, output = run(given, *(word.decode() for word in words))
    print(code, output.hex(), file=target)
