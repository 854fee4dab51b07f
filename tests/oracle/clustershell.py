"""Answers questions about host sets with the installed ClusterShell.

Reads one question a line, fields separated by the unit separator, and prints one answer a line.
A question that ClusterShell refuses is answered with ERROR and what it says.
"""
import sys

from ClusterShell.NodeSet import NodeSet, RangeSet, RESOLVER_NOGROUP
from ClusterShell.NodeUtils import GroupResolver, GroupSource


def resolver(groups):
    """Groups written as `name=hosts;name=hosts`; `all` stands for all hosts."""
    if not groups:
        return RESOLVER_NOGROUP
    pairs = dict(pair.split("=", 1) for pair in groups.split(";"))
    return GroupResolver(GroupSource("local", groups=pairs, allgroups=pairs.get("all")))


def number(text):
    return int(text) if text else None


def ask(what, groups, text, *rest):
    if what == "ranges":
        return str(RangeSet(text, autostep=number(rest[0])))
    if what == "range-names":
        return " ".join(RangeSet(text).striter())
    nodes = NodeSet(text, resolver=resolver(groups))
    if what == "fold":
        nodes.autostep = number(rest[0])
        nodes.fold_axis = [int(axis) for axis in rest[1].split()] if rest[1] else None
        return str(nodes)
    if what == "names":
        return " ".join(nodes)
    if what == "count":
        return str(len(nodes))
    if what == "split":
        return " ".join(str(part) for part in nodes.split(int(rest[0])))
    if what == "slice":
        return str(nodes[int(rest[0]):int(rest[1])])
    if what == "contiguous":
        return " ".join(str(part) for part in nodes.contiguous())
    if what == "regroup":
        return nodes.regroup()
    if what == "groups":
        found = sorted(nodes.groups().items())
        return " ".join("%s=%s/%d" % (name, hosts, len(all_)) for name, (all_, hosts) in found)
    raise ValueError(what)


for line in sys.stdin:
    try:
        answer = ask(*line.rstrip("\n").split("\x1f"))
    except Exception as error:  # whatever it is, it is a refusal
        answer = "ERROR %s" % error
    print(answer.replace("\n", " "))
