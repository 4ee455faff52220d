"""How the programs beside this one print: one line for each thing found, with nothing in it that two servers may differ in."""

import traceback


def say(what, *values):
    print(what, *(shown(value) for value in values), sep=" | ")


def shown(value):
    """A value and what it is to the client, so that an int never passes for a Decimal."""
    if isinstance(value, (list, tuple)):
        return type(value).__name__ + "[" + ", ".join(shown(each) for each in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{shown(key)}: {shown(each)}" for key, each in value.items()) + "}"
    if isinstance(value, (set, frozenset)):
        return "set{" + ", ".join(sorted(shown(each) for each in value)) + "}"
    if value is None or isinstance(value, (bool, int, str)):
        return repr(value)
    return f"{type(value).__name__}({value!r})"


def run(part, *arguments):
    """Runs one part of a program. What it does not expect is printed, and ends this part alone, so that one difference does
    not hide the next."""
    print(f"## {part.__name__}")
    try:
        return part(*arguments)
    except Exception as error:
        print(f"{part.__name__} failed:", type(error).__name__, str(error).strip())
        traceback.print_exc()
        return None
