"""pytest's fixtures for :mod:`windsock.testing`.

pytest imports its plugins when it starts, whether a test wants them or not: this one stands outside of ``windsock``,
and leaves importing that to the first test that asks for a fixture.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from windsock.testing import Harness


def pytest_configure(config: pytest.Config) -> None:
    """Makes the fixtures those of the plugin that runs asynchronous tests: pytest-asyncio where it is, else anyio's."""
    fixture: Any = pytest.fixture
    if config.pluginmanager.hasplugin("asyncio"):
        from pytest_asyncio import fixture  # noqa: PLC0415  it may not be there
    config.pluginmanager.register(_fixtures(fixture), "windsock-fixtures")


def _fixtures(fixture: Any) -> object:
    class Fixtures:
        @fixture  # type: ignore[untyped-decorator]  # it is one of two plugins', whichever is there
        async def windsock_harness(self) -> AsyncIterator[Harness]:
            """Connects clients to servers without a network, on a clock that the test moves; closes them at its end."""
            from windsock.testing import Harness  # noqa: PLC0415  not before somebody wants it

            async with Harness() as harness:
                yield harness

    return Fixtures()
