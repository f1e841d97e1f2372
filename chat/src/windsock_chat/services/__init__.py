from dataclasses import dataclass
from typing import Any


@dataclass
class Services:
    accounts: Any = None
