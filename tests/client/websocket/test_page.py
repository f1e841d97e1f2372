"""The client for browsers in a browser: the example in Chromium, its server stopped, killed and started again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

from tests.conformance.javascript import JavaScriptError, Lines
from tests.conformance.process import ROOT
from tests.conftest import Serve

CLIENT = ROOT / "clients/typescript"


def test_the_example_s_page(serve: Serve, javascript: None) -> None:
    build = [str(CLIENT / "node_modules/.bin/tsc"), "--project", str(CLIENT / "tsconfig.build.json")]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    server = serve("examples.websocket.app:app")
    actions: dict[str, Callable[[], object]] = {"start": server.start, "stop": server.stop, "kill": server.kill}
    # The page is asked for by a name that is not this machine's own, so that being offline means something.
    url = f"http://windsock.test:{server.port}/"
    screenshots = os.environ.get("WINDSOCK_SCREENSHOTS", "")
    with Lines("websocket-page.js", url, screenshots) as page:
        while (message := page.receive(within=150)).get("call"):
            actions[message["call"]]()
            page.send({})
    if message:
        raise JavaScriptError(message["error"])
