"""`hdeu demo`: play the story on this machine, with no service installed, and say where to look."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp

from adapters.demo.processes import StepFailedError, is_taken, run_hdeu
from adapters.demo.stage import LANDS, Stage, fixed_ports, free_ports
from adapters.demo.story import Story, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER: Final = Path("build/demo")
TIMEOUT: Final = aiohttp.ClientTimeout(total=20)


def main(argv: Sequence[str]) -> int:
    """Run the demonstration; 0, or 1 naming the step that failed."""
    parser = argparse.ArgumentParser(prog="hdeu demo")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--form", type=Path)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--free-ports", action="store_true")
    arguments = parser.parse_args(argv)
    config: Path = arguments.config.absolute()
    form_file: Path = arguments.form or config / "demo" / "application_metadata.json"
    try:
        form = json.loads(form_file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        tell(f"✘ the form {form_file} cannot be read: {error}")
        return 1
    ports = free_ports() if arguments.free_ports else fixed_ports()
    if taken := [f"{port} ({name})" for name, port in ports.items() if is_taken(port)]:
        tell(f"✘ in use: port {', '.join(taken)}. Stop what listens there, or choose other ports with --free-ports")
        return 1
    shutil.rmtree(arguments.folder, ignore_errors=True)
    stage = Stage(arguments.folder.absolute(), config, ports, {})
    attachments = [] if arguments.form else sorted((config / "demo" / "attachments").iterdir())
    try:
        return asyncio.run(_play(stage, form, attachments, once=arguments.once))
    except KeyboardInterrupt:
        return 0


async def _play(stage: Stage, form: dict[str, object], attachments: list[Path], *, once: bool) -> int:
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        story = Story(stage, session, tell)
        try:
            await _acts(story, form, attachments)
            if not once:
                await _stay(story)
        except StepFailedError as failure:
            tell(f"✘ {failure}")
            tell(f"  logs: {stage.folder / 'logs'}")
            return 1
        finally:
            story.parties.stop()
    return 0


async def _acts(story: Story, form: dict[str, object], attachments: list[Path]) -> None:
    await story.open()
    tell("Act 1: one application, two member states")
    await story.act_one(form, attachments)
    tell("Act 2: lodged in France, forwarded to the platform (Art. 67(3))")
    await story.act_two()
    await story.receipts()
    await story.verify()
    tell(f"The story is told. Databases, received files and logs: {story.stage.folder}")


async def _stay(story: Story) -> None:
    tell("")
    for land in LANDS:
        env = story.stage.node_env(land)
        token = await run_hdeu(
            "keys", "token", "--role", "caseworker", "--subject", "demo-staff", "--one-time", env=env
        )
        tell(f"{land.node}: console {story.stage.url(land.node)}/console/ · one-time staff token:\n  {token}")
    tell(f"mock EU node: {story.stage.url('mock-eu')}/applicant/ · Ctrl-C ends the demonstration")
    while True:
        story.parties.check("the demonstration waits")
        await asyncio.sleep(1)
