"""The state diagrams of the documentation, printed from the tables that the program runs on.

`python -m tests.support.diagrams` writes them into `docs/architecture.md`, between the marks that name them.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from broker.model.exchanges import FINAL, FIRST, STEPS, Direction
from broker.model.lifecycle import NONE, OPEN, Lifecycle, Step, read_lifecycle

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "architecture.md"
SPECIAL = {"SAME", "ORIGIN"}


def exchanges(direction: Direction) -> str:
    """The steps of one direction's exchanges as mermaid."""
    lines = ["stateDiagram-v2", f"  [*] --> {FIRST[direction]}"]
    for before, after in STEPS[direction].items():
        lines += [f"  {before} --> {state}" for state in after]
        lines += [f"  {before} --> [*]"] if before in FINAL else []
    return "\n".join(lines)


def lifecycle(name: str) -> str:
    """A lifecycle table as mermaid. Steps that stay where they are, and those from every open state, are a note."""
    table = read(name)
    lines = ["stateDiagram-v2"]
    moves = [(step, source) for step in table.steps for source in step.sources]
    lines += [
        f"  {'[*]' if source == NONE else source} --> {step.to} : {label(step.on)}{chosen(step)}"
        for step, source in moves
        if step.to not in SPECIAL and source != OPEN
    ]
    resumed = [s for s in table.steps if s.to == "ORIGIN"]
    asked = [s for s in table.steps if s.to == "AWAITING_INFO"]
    lines += [f"  AWAITING_INFO --> {to} : {label(s.on)}" for s in resumed for a in asked for to in a.sources]
    lines += [f"  {state} --> [*]" for state in sorted(table.terminal)]
    return "\n".join(lines)


def beside(name: str) -> str:
    """The steps that no arrow shows, as a table."""
    rows = ["| step | on | from | to |", "|---|---|---|---|"]
    for step in read(name).steps:
        if step.to == "SAME" or OPEN in step.sources:
            sources = ", ".join("any open state" if source == OPEN else source for source in step.sources)
            to = "stays" if step.to == "SAME" else step.to
            rows.append(f"| {step.id} | {label(step.on)} | {sources} | {to} |")
    return "\n".join(rows)


def label(event: str) -> str:
    """An event as a reader writes it: a colon would end the label."""
    return event.replace(":", " ")


def chosen(step: Step) -> str:
    """What a body must have chosen for the step to be lawful."""
    return f" ({label(step.policy)})" if step.policy else ""


def read(name: str) -> Lifecycle:
    return read_lifecycle(tomllib.loads((ROOT / "schemas" / "lifecycles" / f"{name}.toml").read_text("utf-8")))


def blocks() -> dict[str, str]:
    """Every generated block of the page, by the name in its mark."""
    return {
        "outbound": fenced(exchanges(Direction.OUTBOUND)),
        "inbound": fenced(exchanges(Direction.INBOUND)),
        "leg": fenced(lifecycle("leg")),
        "leg-beside": beside("leg"),
        "fr-hdh": fenced(lifecycle("fr-hdh")),
    }


def fenced(diagram: str) -> str:
    return f"```mermaid\n{diagram}\n```"


def shown(page: str) -> dict[str, str]:
    """The blocks that stand in a page, by name."""
    return dict(re.findall(r"<!-- generated: (\S+) -->\n(.*?)\n<!-- end -->", page, re.DOTALL))


def drawn(page: str) -> str:
    """The page with every block as it is today."""
    for name, block in blocks().items():
        mark = f"<!-- generated: {name} -->\n"
        text = f"{mark}{block}\n<!-- end -->"
        page = re.sub(re.escape(mark) + r".*?<!-- end -->", lambda _, t=text: t, page, flags=re.DOTALL)
    return page


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text("utf-8")), "utf-8")
