"""Runs the queries of TPC-H on every engine in turn, compares the answers with PostgreSQL's, and writes the medians.

A measurement goes from sending a query to having its last row. A failure or a wrong answer is told at once, keeps its
query out of the sums, and makes the whole run fail in the end.
"""

import os
import statistics
import sys
import time
from pathlib import Path

import chart
from answers import difference
from engines import DataFusion, DuckDB, Server

SCALE = os.environ["SCALE"]
TIMEOUT_S = int(os.environ.get("TIMEOUT", 300))
ROUNDS = int(os.environ.get("ROUNDS", 3))
QUERIES = [int(number) for number in os.environ.get("QUERIES", "").split()] or list(range(1, 23))
UPDATED = os.environ.get("UPDATED", "0") != "0"
HERE = Path(__file__).parent
OUTPUT = Path("target/bench")
KALAMDB, POSTGRES = "KalamDB", "PostgreSQL 15"
KALAMDB_UPDATED, POSTGRES_UPDATED = f"{KALAMDB}, 1 % updated", f"{POSTGRES}, 1 % updated"


def text_of(number):
    """The query with the validation parameters of the specification."""
    text = (HERE / "queries" / f"{number:02}.sql").read_text()
    return text.replace("{fraction}", f"{0.0001 / float(SCALE):.10f}")


class Run:
    """What was measured, in milliseconds, and what went wrong; both by query and engine."""

    def __init__(self):
        self.times, self.faults = {}, {}

    def measure(self, groups):
        """The engines of a group have the same rows. The first of them is PostgreSQL, which is taken at its word."""
        for round_number in range(1, ROUNDS + 1):
            for number in QUERIES:
                print(f"round {round_number}, query {number}:", end="", flush=True)
                for group in groups:
                    self.measure_group(number, group)
                print(flush=True)

    def measure_group(self, number, engines):
        reference = None
        for name, engine in engines.items():
            if (number, name) in self.faults:
                continue
            answer = self.measure_one(number, name, engine)
            reference = reference or answer
            fault = answer and reference and difference(answer, reference, text_of(number))
            if fault:
                self.note_fault(number, name, f"wrong answer: {fault}")

    def measure_one(self, number, name, engine):
        started = time.perf_counter()
        try:
            result = engine.run(text_of(number))
        except Exception as error:  # Every engine has errors of its own.
            self.note_fault(number, name, f"failed: {str(error).strip()}")
            return None
        milliseconds = (time.perf_counter() - started) * 1000
        self.times.setdefault((number, name), []).append(milliseconds)
        print(f" {name} {milliseconds:.0f} ms", end="", flush=True)
        return engine.answer(result)

    def note_fault(self, number, name, what):
        self.faults[number, name] = what
        print(f"\nquery {number}, {name}: {what}", flush=True)

    def median(self, number, name):
        """None for a query that failed or was answered wrongly."""
        return None if (number, name) in self.faults else statistics.median(self.times[number, name])


def table(names, medians):
    """A line for each query and one for the sum of those that every engine answered."""
    ratios = [f"{name} / {KALAMDB}" for name in names[1:]]
    yield "| " + " | ".join(["query", *names, *ratios]) + " |"
    yield "|---:" * (len(names) + len(ratios) + 1) + "|"
    complete = [times for times in medians.values() if None not in times]
    title = "all" if len(complete) == len(medians) else f"{len(complete)} of them"
    sums = [sum(column) for column in zip(*complete)] or [None] * len(names)
    for title, (ours, *others) in [*medians.items(), (title, sums)]:
        times = ["failed" if each is None else f"{each:.1f}" for each in (ours, *others)]
        shares = ["" if None in (each, ours) else f"{each / ours:.2f}" for each in others]
        yield "| " + " | ".join([str(title), *times, *shares]) + " |"


def main():
    work, postgres_port, kalamdb_port = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    files = sorted((work / "parquet").glob("*.parquet"))
    groups = [
        {
            POSTGRES: Server(postgres_port, "postgres", TIMEOUT_S),
            KALAMDB: Server(kalamdb_port, "postgres", TIMEOUT_S),
            "DataFusion": DataFusion(files),
            "DuckDB": DuckDB(files),
        }
    ]
    names = [KALAMDB, POSTGRES, "DataFusion", "DuckDB"]
    if UPDATED:
        updated = (POSTGRES_UPDATED, postgres_port), (KALAMDB_UPDATED, kalamdb_port)
        groups.append({name: Server(port, "updated", TIMEOUT_S) for name, port in updated})
        names.append(KALAMDB_UPDATED)
    run = Run()
    run.measure(groups)

    medians = {number: [run.median(number, name) for name in names] for number in QUERIES}
    text = [f"TPC-H, scale {SCALE}, two threads each; median of {ROUNDS} runs, milliseconds", ""]
    text += [*table(names, medians), "", *(work / "loads").read_text().splitlines()]
    text += [f"query {number}, {name}: {what}" for (number, name), what in sorted(run.faults.items())]
    (OUTPUT / "olap.md").write_text("\n".join(text) + "\n")
    (OUTPUT / "olap.svg").write_text(chart.bars(names, medians))
    print("\n".join(["", *text, f"written to {OUTPUT / 'olap.md'} and {OUTPUT / 'olap.svg'}"]))
    sys.exit(1 if run.faults else 0)


main()
