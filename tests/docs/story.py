"""A page read as its reader would: files are written, commands run, in order; what the page shows comes out."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
import time
import tomllib
import types
from collections.abc import Callable
from contextlib import ExitStack
from importlib.metadata import metadata
from pathlib import Path
from typing import Any, Final

import yaml

from tests.conformance.javascript import DIRECTORY as CONFORMANCE
from tests.conformance.process import ServerProcess
from tests.contracts.javascript import DIRECTORY as CONTRACTS
from tests.docs.blocks import ROOT, Block

LIMIT: Final = 100.0
"""Seconds that one command may take."""

SERVERS: Final = ("windsock serve", "uvicorn", "hypercorn", "granian", "node server", "redis-server")
"""How commands begin that go on until they are stopped."""

PORTS: Final = {"node": "3000", "redis-server": "6379"}
"""On which they listen where the command does not say it; the others on 8000."""

LEFT_OUT: Final = {"pip", "npm", "apt-get", "sudo", "docker", "nginx", "haproxy", "cd", ".", "python3"}
"""What is not run: it would change the machine, or has a test of its own. ``python3`` makes an environment."""

AWAITED: Final = re.compile(r"^await (.+);[ ]+// (.+)$", re.MULTILINE)
"""JavaScript whose value stands behind it."""

CHECK: Final = """
import { inspect } from "node:util";
function check(value, expected) {
  const seen = inspect(value, { depth: 9, breakLength: Infinity, compact: 99 }).replaceAll("'", '"');
  let rest = seen;
  for (const part of expected.split("…")) {
    const at = rest.indexOf(part);
    if (at < 0) throw new Error(`expected ${expected}, got ${seen}`);
    rest = rest.slice(at + part.length);
  }
}"""


class Story:
    """Runs the blocks of one page.

    Args:
        page: for messages.
        folder: where its files are written.
        stack: ends what it started.
    """

    limit = LIMIT

    def __init__(self, page: Path, folder: Path, stack: ExitStack) -> None:
        self.page = page
        self.folder = folder
        self.cwd = folder
        self.servers: dict[str, ServerProcess] = {}
        self._stack = stack
        self._files: dict[str, str] = {}
        self._used: set[str] = set()
        self._module = types.ModuleType(f"page_{page.stem.replace('-', '_')}")
        self._runner = stack.enter_context(asyncio.Runner())
        sys.modules[self._module.__name__] = self._module
        stack.callback(sys.modules.pop, self._module.__name__)
        (folder / "node_modules").symlink_to(CONFORMANCE / "node_modules")
        bin = Path(sys.executable).parent
        self._environment = {
            **os.environ,
            "PATH": f"{bin}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT / "examples"))),
        }
        self._ways: dict[str, Callable[[Block], str | None]] = {
            "python": self._python,
            "hidden python": self._python,
            "bash": self._bash,
            "js": self._javascript,
            "ts": self._typescript,
            "json": _reads(json.loads),
            "toml": _reads(tomllib.loads),
            "yaml": _reads(yaml.safe_load),
            "generated": _reads(str),
            "text": _reads(str),
        }

    def run(self, block: Block) -> None:
        """Runs one block.

        Raises:
            AssertionError: it failed, or printed something else than the page says.
        """
        where = f"{os.path.relpath(self.page, ROOT)}:{block.line}"
        if block.title is not None:
            self._files[block.title] = block.source
            self._write(block.title)
            return
        assert block.language in self._ways, f"{where}: no way to run {block.language or 'a block of no language'}"
        try:
            printed = self._ways[block.language](block)
        except AssertionError as error:
            raise AssertionError(f"{where}: {error}") from None
        if block.output is not None:
            expected = re.escape(block.output.strip()).replace("…", ".*")
            assert re.fullmatch(expected, (printed or "").strip(), re.DOTALL), f"{where} printed:\n{printed}"

    def check_all_used(self) -> None:
        """Fails if a file was shown that nothing runs."""
        loose = {name for name in self._files if name.endswith((".py", ".mjs", ".html"))} - self._used
        assert not loose, f"{os.path.relpath(self.page, ROOT)}: nothing runs {', '.join(sorted(loose))}"

    # -- files and ports --

    def _write(self, name: str) -> None:
        path = self.folder / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self._here(self._files[name]), encoding="utf-8")

    def _here(self, text: str) -> str:
        """With the ports on which the servers of the page really listen."""
        for port, server in self.servers.items():
            text = re.sub(rf"(?:localhost|127\.0\.0\.1):{port}\b", f"127.0.0.1:{server.port}", text)
        return text

    def _use(self, command: list[str]) -> None:
        for name in self._files:
            stem = name.removesuffix(".py").replace("/", ".")
            if any(part == name or part.split(":")[0] == stem for part in command):
                self._use_file(name)
            if command[0] == "pytest" and Path(name).name.startswith(("test_", "conftest")):
                self._use_file(name)

    def _use_file(self, name: str) -> None:
        """Marks a file as run, and the modules that it imports."""
        if name in self._used or name not in self._files:
            return
        self._used.add(name)
        if name.endswith(".py"):
            for node in ast.walk(ast.parse(self._files[name])):
                if isinstance(node, ast.ImportFrom) and node.module:
                    self._use_file(f"{node.module.replace('.', '/')}.py")
                elif isinstance(node, ast.Import):
                    for each in node.names:
                        self._use_file(f"{each.name.replace('.', '/')}.py")
        for other in self._files:
            if other in self._files[name]:
                self._use_file(other)

    # -- languages --

    def _python(self, block: Block) -> str | None:
        source = "\n" * (block.line - 1) + self._here(block.source)
        code = compile(source, str(self.page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        result = eval(code, self._module.__dict__)  # noqa: S307  the project's own documentation
        if inspect.iscoroutine(result):
            self._runner.run(asyncio.wait_for(result, LIMIT))
        return None

    def _bash(self, block: Block) -> str | None:
        printed = ""
        for line in block.source.replace("\\\n", " ").splitlines():
            command = shlex.split(line, comments=True)
            if command:
                printed += self._command(command)
        return printed

    def _command(self, command: list[str]) -> str:
        self._use(command)
        text = " ".join(command)
        if text.startswith(SERVERS):
            self._serve(command)
        elif command[0] == "make":
            rules = (ROOT / "Makefile").read_text(encoding="utf-8")
            for target in command[1:]:
                assert "=" in target or re.search(rf"^{re.escape(target)}:", rules, re.MULTILINE), f"no `{text}`"
        elif command[0] in LEFT_OUT:
            extras = set(metadata("windsock").get_all("Provides-Extra") or ())
            for names in re.findall(r"windsock\[([\w,-]+)\]", text):
                assert set(names.split(",")) <= extras, f"{text}: no such extra"
        else:
            return self._finish([self._here(part) for part in command])
        return ""

    def _serve(self, command: list[str]) -> None:
        named = re.search(r"--(?:port |bind 127\.0\.0\.1:)(\d+)", " ".join(command))
        port = named[1] if named else PORTS.get(command[0], "8000")
        if port in self.servers:
            self.servers.pop(port).stop()
        command = [self._here(part) for part in command]
        command = [re.sub(rf"^(127\.0\.0\.1:)?{port}$", r"\1{port}", part) for part in command]
        if command[0] != "node" and "{port}" not in " ".join(command):
            command += ["--port", "{port}"]
        command = ["127.0.0.1" if part == "0.0.0.0" else part for part in command]
        server = ServerProcess(command, environment=self._environment, cwd=self.folder)
        self.servers[port] = self._stack.enter_context(server)
        for name in self._files:
            self._write(name)

    def _javascript(self, block: Block) -> str | None:
        source = self._here(block.source)
        if not re.search(r"^import ", source, re.MULTILINE):
            source = f'import {{ io }} from "socket.io-client";\n{source}'
        source = AWAITED.sub(r"check(await \1, String.raw`\2`);", source)
        if "check(await" in source:
            source = f"{CHECK}\n{source}"
        path = self.folder / f"line-{block.line}.mjs"
        if block.output is None:
            source += "\nprocess.exit(0);"
        path.write_text(source, encoding="utf-8")
        if block.output is None:
            return self._finish(["node", str(path)])
        return self._watch(["node", path.name], len(block.output.strip().splitlines()))

    def _typescript(self, block: Block) -> str | None:
        path = self.folder / f"line-{block.line}.ts"
        path.write_text(block.source, encoding="utf-8")
        options = {
            "strict": True,
            "noEmit": True,
            "target": "ES2023",
            "module": "ESNext",
            "moduleResolution": "Bundler",
            "lib": ["ES2023", "DOM"],
            "types": [],
            # The official client's own declarations ask for a Node server's.
            "skipLibCheck": True,
        }
        project = self.folder / "tsconfig.json"
        project.write_text(json.dumps({"compilerOptions": options, "files": [path.name]}), encoding="utf-8")
        return self._finish([str(CONTRACTS / "node_modules/.bin/tsc"), "--project", str(project)])

    # -- processes --

    def _finish(self, command: list[str]) -> str:
        done = subprocess.run(
            command, cwd=self.cwd, env=self._environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=self.limit, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (
            f"`{shlex.join(command)}` ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        )
        return done.stdout

    def _watch(self, command: list[str], lines: int) -> str:
        """What a program that does not end prints first."""
        printed: list[str] = []
        process = subprocess.Popen(
            command, cwd=self.folder, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        with process:
            assert process.stdout is not None
            deadline = time.monotonic() + LIMIT
            try:
                while len(printed) < lines and time.monotonic() < deadline and (line := process.stdout.readline()):
                    printed.append(line)
            finally:
                process.kill()
        return "".join(printed)


def _reads(parse: Callable[[str], Any]) -> Callable[[Block], None]:
    """Data: it is enough that it can be read."""

    def run(block: Block) -> None:
        parse(block.source)

    return run
