"""Puts the built web client into the wheel as windsock_chat/web.

An editable install has no bundle: the application then serves chat/web/dist, where `npm run build` leaves it.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WebClientHook(BuildHookInterface[BuilderConfig]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        dist = Path(self.root) / "web" / "dist"
        if not (dist / "index.html").is_file():
            raise FileNotFoundError(f"{dist}/index.html is missing: run `npm ci && npm run build` in chat/web first")
        build_data["force_include"][str(dist)] = "windsock_chat/web"
