"""What the repository promises about itself: floors, no traces of machines, small pieces, a fitting wheel and image."""

from __future__ import annotations

import ast
import configparser
import re
import shutil
import statistics
import subprocess
import sys
import threading
import tomllib
import zipfile
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from broker.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PACKAGES = ("broker", "adapters")
MOST_LINES = 400
MEDIAN_LINES = 10
#: Put together, so that this file does not hold what it looks for.
MACHINE_PATHS = tuple("/" + name for name in ("work/", "root/", "home/"))
UNFINISHED = ("TO" + "DO", "FIX" + "ME")
REGISTRIES = ("pypi" + ".org", "python" + "hosted", "artifact" + "ory", "nex" + "us/repository", "j" + "frog")
LOCKS = ("requirements.lock", "requirements-dev.lock", "tests/peers/requirements.txt")


def run(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)


def tracked() -> list[Path]:
    """What is under version control; where there is no git (an unpacked archive), what the folders hold."""
    listed = run("git", "ls-files", "-z", "--cached")
    if listed.returncode == 0:
        return [file for name in listed.stdout.split("\0") if name and (file := ROOT / name).is_file()]
    folders = (*PACKAGES, "tests", "docs", "schemas", "config")
    return [file for folder in folders for file in (ROOT / folder).rglob("*") if file.is_file()]


def sources() -> list[Path]:
    return sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))


def lines_with(words: tuple[str, ...]) -> list[str]:
    found = []
    for file in tracked():
        text = file.read_bytes()
        if b"\0" in text:
            continue
        for number, line in enumerate(text.decode("utf-8", "replace").splitlines(), 1):
            if any(word in line for word in words):
                found.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    return found


# floors


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("copy")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, place / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", place)
    return place


def lint(place: Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command as main; main()"
    return run(sys.executable, "-c", code, "--no-cache", cwd=place)


def test_nothing_looks_up(copy: Path) -> None:
    done = lint(copy)

    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("broker/model/cases.py", "import broker.flow.keep", "Floors: nothing looks up"),
        ("broker/flow/keep.py", "import broker.settings", "Floors: nothing looks up"),
        ("broker/translation/carry.py", "import broker.model.cases", "Floors: nothing looks up"),
        ("broker/flow/keep.py", "import aio_pika", "The product knows no driver"),
        ("broker/model/cases.py", "import lxml", "The model is pure"),
        ("adapters/store/sql/store.py", "import adapters.xml.parser", "Adapters do not know each other"),
        ("adapters/mock_eu/pump.py", "import broker.errors", "The mock EU node and the demonstration use nothing"),
        ("adapters/demo/office.py", "import adapters.system", "The mock EU node and the demonstration use nothing"),
    ],
)
def test_a_planted_import_turns_the_contract_red(copy: Path, file: str, line: str, contract: str) -> None:
    place = copy / file
    before = place.read_text("utf-8")
    place.write_text(f"{before}\n{line}\n", "utf-8")
    try:
        done = lint(copy)
    finally:
        place.write_text(before, "utf-8")

    assert done.returncode == 1
    assert re.search(rf"{re.escape(contract)}.* BROKEN", done.stdout), done.stdout


def test_every_room_of_the_product_has_its_floor() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter", "utf-8")
    floors = re.findall(r"broker\.\w+", contracts["importlinter:contract:floors"]["layers"])
    rooms = {
        path.stem for path in (ROOT / "broker").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }

    assert {f"broker.{room}" for room in rooms - {"__init__"}} == set(floors)


def test_no_two_files_of_tests_have_the_same_name() -> None:
    names = Counter(file.name for file in (ROOT / "tests").rglob("test_*.py"))

    assert [name for name, count in names.items() if count > 1] == []


# traces


def test_a_word_that_stands_in_a_file_is_found_with_its_place() -> None:
    assert any(place.startswith("LICENSE:1:") for place in lines_with(("EUROPEAN UNION PUBLIC LICENCE",)))


def test_no_tracked_file_names_a_directory_of_some_machine() -> None:
    assert lines_with(MACHINE_PATHS) == []


def test_no_tracked_file_says_that_something_is_unfinished() -> None:
    assert lines_with(UNFINISHED) == []


def test_no_tracked_file_names_a_registry() -> None:
    assert lines_with(REGISTRIES) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_requirement_has_its_hashes_and_no_index_is_named(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())

    assert len(entries) > 20
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+==\S+", entry), entry[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry[:80]
    assert not re.search(r"^\s*(-i|--index-url|--extra-index-url|--find-links|--trusted-host)", text, re.MULTILINE)
    assert "://" not in text


def locked(lock: str) -> set[str]:
    names = re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / lock).read_text("utf-8"), re.MULTILINE)
    return {canonical(name) for name in names}


def name_of(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_locks_hold_everything_that_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    asked = {canonical(name_of(line)) for line in project["project"]["dependencies"]}
    groups = project["dependency-groups"]
    all_groups = {canonical(name_of(line)) for lines in groups.values() for line in lines}

    assert asked <= locked("requirements.lock")
    assert asked | all_groups <= locked("requirements-dev.lock")


# pieces


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(file.relative_to(ROOT)) for file in sources() if not ast.get_docstring(ast.parse(file.read_text("utf-8")))
    ]

    assert silent == []


def test_functions_are_short() -> None:
    lengths = [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for file in sources()
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]

    assert len(lengths) > 500
    assert statistics.median(lengths) < MEDIAN_LINES


def test_no_file_is_too_long_to_read() -> None:
    lengths = sorted(
        ((len(file.read_text("utf-8").splitlines()), file.relative_to(ROOT)) for file in sources()), reverse=True
    )
    sys.stdout.write("".join(f"{count:4} {file}\n" for count, file in lengths[:10]))

    assert [(count, str(file)) for count, file in lengths if count > MOST_LINES] == []


# wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("wheel")
    done = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", place)
    assert done.returncode == 0, done.stderr
    return next(place.glob("*.whl"))


def test_the_wheel_holds_the_product_and_its_data_and_claims_no_other_name(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}

    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert "broker/_data/schemas/eu/1/eu.xsd" in names
    assert "broker/_data/config/france.toml" in names
    assert not [name for name in names if "__pycache__" in name or name.startswith("broker/_data/tests")]


def test_the_wheel_holds_every_file_of_the_product(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    missing = []
    for file in tracked():
        name = file.relative_to(ROOT)
        inside = f"broker/_data/{name}" if name.parts[0] in {"schemas", "config"} else str(name)
        if name.parts[0] in {*PACKAGES, "schemas", "config"} and inside not in names:
            missing.append(str(name))

    assert missing == []


def test_the_program_of_an_unpacked_wheel_finds_its_data(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = "from broker.data_files import config_dir, schemas_dir; print(schemas_dir()); print(config_dir())"
    done = run(sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}", cwd=tmp_path)

    data = tmp_path / "broker" / "_data"
    assert done.stdout.split() == [str(data / "schemas"), str(data / "config")], done.stderr


# image


def test_the_dockerfile_passes_its_linter() -> None:
    done = run(BIN / "hadolint", "Dockerfile")

    assert done.returncode == 0, done.stdout


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    return loaded


def test_what_a_service_waits_for_has_a_health_check() -> None:
    services = compose()["services"]
    waits = {
        needed
        for service in services.values()
        for needed, how in service.get("depends_on", {}).items()
        if how["condition"] == "service_healthy"
    }

    assert waits
    for name in waits:
        check = services[name].get("healthcheck") or image_check(services[name])
        assert check, name


def image_check(service: dict[str, Any]) -> str:
    """The health check of our own image, if the service is built from it."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    return "HEALTHCHECK" if "build" in service and "\nHEALTHCHECK" in text else ""


def test_no_service_of_our_image_is_asked_for_a_port_that_it_does_not_open() -> None:
    for name, service in compose()["services"].items():
        serves = (service.get("command") or ["serve"])[0] in {"serve", "worker"}
        assert "build" not in service or serves or "healthcheck" in service, f"{name}: the image asks port 8081"


def test_the_folders_of_the_host_that_compose_mounts_are_there() -> None:
    mounts = [mount for service in compose()["services"].values() for mount in service.get("volumes", ())]
    folders = [mount.split(":")[0] for mount in mounts if mount.startswith(".")]
    named = {mount.split(":")[0] for mount in mounts if not mount.startswith(".")}

    assert folders
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []
    assert named == set(compose()["volumes"])


def test_the_node_of_compose_is_given_the_certificate_that_receipts_are_held_against_before_it_starts(
    tmp_path: Path,
) -> None:
    """The very lines of the file, with a mock that answers and a folder in the volume's place."""
    services = compose()["services"]
    pin, broker = services["pin"], services["broker"]
    given = broker["environment"]["HDEU_ACCESS_POINT__RECEIPT_CERTIFICATE"]
    assert broker["depends_on"]["pin"] == {"condition": "service_completed_successfully"}
    assert set(pin["volumes"]) <= set(broker["volumes"])
    with certified(b"a certificate") as url:
        (script,) = pin["command"]
        moved = script.replace("http://mock-eu:8090", url).replace("/var/lib/hdeu", str(tmp_path))
        subprocess.run([sys.executable, "-c", moved], check=True, timeout=30)
    assert (tmp_path / Path(given).name).read_bytes() == b"a certificate"
    assert Path(given).parent == Path("/var/lib/hdeu")


@contextmanager
def certified(data: bytes) -> Iterator[str]:
    """A server that hands out one thing under /certificate."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/certificate" else 404)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_variables_of_compose_are_settings_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    given = compose()["services"]["broker"]["environment"]
    config = Path(given["HDEU_CONFIG"]).name
    for name, value in given.items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+[^}]*\}", "example", str(value)))

    settings = load_settings(ROOT / "config" / config)

    assert settings.queue.url.get_secret_value() == "amqp://hdeu:example@rabbitmq/%2Fhdeu"
    assert settings.backends["hdh"].kind == "amqp"
    assert settings.access_point.receipt_certificate == "/var/lib/hdeu/central-ap.pem"


def test_the_variables_of_the_image_are_settings_that_exist() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    names = [name.lower().split("__") for name in re.findall(r"\bHDEU_([A-Z_]+)=", text)]

    assert names
    for section, *key in names:
        field = Settings.model_fields[section]
        assert not key or key[0] in getattr(field.annotation, "model_fields", {}), (section, key)
