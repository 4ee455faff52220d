"""Whether two engines answered alike."""

import re
from collections import namedtuple
from datetime import date
from decimal import Decimal
from itertools import groupby

# From a server, rows hold the text of every value and `types` its type. Libraries have Python's values and no `types`.
Answer = namedtuple("Answer", "names types rows")

# What the specification (2.1.3.5) lets averages and ratios be rounded to.
HUNDREDTH = Decimal("0.01")


def difference(ours, theirs, sql):
    """What is wrong with our answer to the query, or None; `theirs` is a server's.

    Servers must agree to the letter. A library computes averages and ratios with types of its own: its numbers may be
    a hundredth away, and it does not pad char(n).
    """
    same = lambda our, their: our == their
    if ours.types is None:
        same, ours, theirs = nearly, rounded(ours), rounded(theirs)
    if ours.names != theirs.names:
        return f"its columns are {ours.names} instead of {theirs.names}"
    if ours.types != theirs.types:
        return f"its columns have the types {ours.types} instead of {theirs.types}"
    if len(ours.rows) != len(theirs.rows):
        return f"it has {len(ours.rows)} rows instead of {len(theirs.rows)}"
    for number, (our, their) in enumerate(zip(in_order(ours, sql), in_order(theirs, sql)), 1):
        if not all(map(same, our, their)):
            return f"row {number} is {our} instead of {their}"
    return None


def in_order(answer, sql):
    """The rows as the query's ORDER BY leaves them; those that it calls equal are sorted by what else they hold."""
    order = re.search(r"^ORDER BY (.*?)(?:\nLIMIT \d+)?;\s*$", sql, re.MULTILINE)
    keys = [answer.names.index(key.split()[0]) for key in order[1].split(",")] if order else []
    rows = []
    for _, equal in groupby(answer.rows, key=lambda row: [row[key] for key in keys]):
        rows.extend(sorted(equal, key=str))
    return rows


def rounded(answer):
    types = answer.types or [None] * len(answer.names)
    rows = [tuple(map(rounded_value, row, types)) for row in answer.rows]
    return Answer(answer.names, None, rows)


def rounded_value(value, type_name):
    if value is None:
        return None
    if type_name in ("int4", "int8", "numeric") or not isinstance(value, (str, date)):
        return Decimal(value).quantize(HUNDREDTH)
    return str(value).rstrip(" ")


def nearly(ours, theirs):
    if isinstance(ours, Decimal) and isinstance(theirs, Decimal):
        return abs(ours - theirs) <= HUNDREDTH
    return ours == theirs
