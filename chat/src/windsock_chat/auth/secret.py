"""The key that access tokens are signed with, made the first time and kept where only its owner reads it."""

import os
import secrets
from pathlib import Path
from typing import Final

# HS256 asks for a key no shorter than its hash (RFC 7518, 3.2).
SECRET_MIN: Final = 32


def load_secret(path: Path) -> str:
    """The secret of that file, made if there is none; raises ValueError when it is too short to be one."""
    try:
        # Created with its final mode: there is no moment at which somebody else may open it.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        secret = path.read_text().strip()
        if len(secret) < SECRET_MIN:
            raise ValueError(f"{path} holds {len(secret)} characters, at least {SECRET_MIN} make a secret") from None
        return secret
    secret = secrets.token_urlsafe(48)
    with os.fdopen(handle, "w") as file:
        file.write(secret)
    return secret
