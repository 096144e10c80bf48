"""Run the command as a user does, and look for what it leaves behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from importlib.metadata import entry_points
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from filelock import FileLock

from bench import cli
from bench.running import lock
from bench.selecting.discover import module_names
from bench.sides import server
from bench.sides.server import Server
from bench.sides.side import Side
from bench.system import nobody, process
from bench.system.scratch import temporary
from tests.forked_commands import run as run_forked
from tests.forked_servers import subprocess_of

ROOT = Path(__file__).resolve().parent.parent

# Locks are the machine's: tests have their own. What a device can do, and the processes that fork
# servers and commands, are shared by all of one `make test`: the first names the folder, and the
# others inherit its name.
LOCKS = f"touchstone-test-{os.getpid()}"
SHARED = Path(os.environ.setdefault("TESTS_SHARE", str(temporary() / f"{LOCKS}-shared")))
COMMAND = (sys.executable, "-P", str(ROOT / "tests" / "command.py"), LOCKS, str(SHARED))
SERVERS, COMMANDS = f"{SHARED.name}-servers", f"{SHARED.name}-commands"
BENCH = (*COMMAND, SERVERS)
BENCH_AS_IT_IS = (*COMMAND, "")  # with servers of its own, for tests of their starts and ends

WORKER = "PYTEST_XDIST_WORKER" in os.environ  # one of several processes of tests
SHARED_FOREBEARS: list[subprocess.Popen[bytes]] = []

# What a shell, a service or a terminal may have set otherwise, and would show in what is tested.
SURROUNDINGS = (
    *("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TERM", "CLICOLOR"),
    *("PYTHONOPTIMIZE", "PYTHONIOENCODING", "PYTHONUTF8", "PYTHONWARNINGS", "PYTHONSTARTUP"),
    *("LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "LC_NUMERIC", "GITHUB_STEP_SUMMARY"),
)

Bench = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def forked_servers() -> Iterator[None]:
    """Let `BENCH` have its servers by a fork; without this it starts them as users do."""
    with forebear(SERVERS):
        yield


@pytest.fixture(scope="session")
def forked_commands() -> Iterator[None]:
    """Let `bench` be a fork of one process that has imported its libraries."""
    with forebear(COMMANDS):
        yield


@contextlib.contextmanager
def forebear(name: str) -> Iterator[None]:
    """Have a process that forks for everybody who asks at `name`; other tests may have it too."""
    own = None if WORKER else start_forebear(name)
    if own:
        process.spare(own.pid)  # tests in this process end what is below it
    deadline = time.monotonic() + 120
    while (SHARED / name).read_bytes() != b"up\n":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield
    if own:
        process.spare_no_longer(own.pid)
        end(own)


def start_forebear(name: str) -> subprocess.Popen[bytes]:
    """Start the process that forks servers, or commands; a file by its name says when it is up."""
    module, environment = {
        SERVERS: ("tests.forked_servers", Side().environment()),
        COMMANDS: ("tests.forked_commands", {**os.environ, "PYTHONPATH": str(ROOT)}),
    }[name]
    words = [sys.executable, "-P", "-m", module, name, str(os.getpid())]
    with (SHARED / name).open("wb") as said:
        return subprocess.Popen(words, env=environment, stdout=said)


def end(started: subprocess.Popen[bytes]) -> None:
    started.terminate()
    started.wait()


@pytest.fixture(scope="session")
def bench(forked_servers: None, forked_commands: None) -> Bench:
    """Run `bench WORDS…` in a folder; never raises, whatever the exit code."""

    def run(*words: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
        line = [*BENCH, *map(str, words)]
        return run_forked(COMMANDS, line, cwd, environment, timeout=300)

    return run


@pytest.fixture(scope="session")
def faults_run(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run over every fault, the same one in every process of the tests."""
    own = tmp_path_factory.getbasetemp()
    output = (own.parent if WORKER else own) / "faults"
    with FileLock(output.with_suffix(".lock")):
        if not output.is_dir():
            _run_faults(bench, output)
    (folder,) = output.iterdir()
    return folder


def _run_faults(bench: Bench, output: Path) -> None:
    unfinished = output.with_suffix(".part")
    # a preset that samples for longer: a step that computes at first shows itself by what follows
    words = ("--preset", "standard", "--rounds", 2, "--timeout", 4, "--device", "cpu")
    done = bench("run", "suites.faults", *words, "--output", unfinished)
    assert done.returncode == 0, done.stderr
    unfinished.rename(output)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: at the end nobody should wait for one.

    The run over every fault begins first, and who else reads it comes when it is there. Files that
    work by servers and by whole commands are next; of these and of all others, those of most tests.
    """
    count = Counter(item.path for item in items)
    reading, long = (
        list(dict.fromkeys(i.path for i in items if fixtures & set(i.fixturenames)))
        for fixtures in ({"faults_run"}, {"forked_servers"})
    )

    def place(item: pytest.Item) -> tuple[bool, bool, int]:
        working = item.path in long and item.path not in reading
        return item.path not in reading[:1], not working, -count[item.path]

    items.sort(key=place)


def pytest_configure(config: pytest.Config) -> None:
    """Set what a test needs of its surroundings, before any is collected."""
    for name in SURROUNDINGS:
        os.environ.pop(name, None)
    os.environ["LANG"] = "C.UTF-8"
    os.environ["TMPDIR"] = tempfile.tempdir = str(temporary())
    nobody.introduce()
    os.umask(0o022)
    for descriptor in range(3):
        with contextlib.suppress(OSError):
            os.fstat(descriptor)
            continue
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # under nohup; children inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    lock.PREFIX = LOCKS
    SHARED.mkdir(exist_ok=True)
    if config.getoption("numprocesses", None) and not WORKER:  # it starts the others, and for them
        SHARED_FOREBEARS.extend(map(start_forebear, (SERVERS, COMMANDS)))


def pytest_unconfigure() -> None:
    """Remove the files of the locks, and what was shared if it is this process that named it."""
    for started in SHARED_FOREBEARS:
        end(started)
    if SHARED.name.startswith(LOCKS):
        shutil.rmtree(SHARED, ignore_errors=True)
    for folder in lock.FOLDERS:
        for path in Path(folder).glob(f"{LOCKS}-*.lock"):
            path.unlink()


@pytest.fixture(autouse=True)
def environment_as_it_was() -> Iterator[None]:
    """Take back what a library sets at its import: children of a later test would inherit it."""
    before = dict(os.environ)
    yield
    if dict(os.environ) != before:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Compute on one thread: for tiny tensors a second one costs ten times what it saves."""
    torch.set_num_threads(1)


ServerFor = Callable[[tuple[str, ...]], Server]


@pytest.fixture(scope="session")
def server_for(
    forked_servers: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerFor]:
    """Return a running fork server with a preload; the same one to every test that asks for it."""
    started: dict[tuple[str, ...], Server] = {}
    with ExitStack() as stack:

        def find(preload: tuple[str, ...]) -> Server:
            if preload not in started:
                log = tmp_path_factory.mktemp("server") / "server.txt"
                with patch.dict(vars(server), subprocess=subprocess_of(SERVERS)):
                    started[preload] = stack.enter_context(Side().serve(log, preload))
            return started[preload]

        yield find


@pytest.fixture(name="server")
def _server(server_for: ServerFor) -> Server:
    """Return a running fork server; a test that ends one starts its own."""
    return server_for(())


@pytest.fixture
def lister(server_for: ServerFor) -> Server:
    """Return a running server that has imported what most commands only list."""
    suites = [point.value for point in entry_points(group="touchstone.suites")]
    return server_for(tuple(name for package in suites for name in module_names(package)))


@pytest.fixture
def bench_here(
    lister: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Bench:
    """Do as `bench` does, in this process and with a server that is up: for words that measure
    nothing, where starting Python and torch would take longest.
    """

    def run(*words: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(cwd)
        monkeypatch.setenv("COLUMNS", "100")
        monkeypatch.setattr(sys, "argv", ["bench", *map(str, words)])
        monkeypatch.setattr(Side, "list_cases", lambda _, request: lister.list_cases(request))
        monkeypatch.setattr("bench.commands.run.served", lambda side: nullcontext((side, lister)))
        terminated = signal.getsignal(signal.SIGTERM)
        with pytest.raises(SystemExit) as left:
            cli.main()
        signal.signal(signal.SIGTERM, terminated)
        said = capsys.readouterr()
        return subprocess.CompletedProcess(words, int(left.value.code or 0), said.out, said.err)

    return run
