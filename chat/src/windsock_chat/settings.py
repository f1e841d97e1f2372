"""Settings: environment variables that begin with WINDSOCK_CHAT_, or the defaults below."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _words(value: object) -> object:
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


# Written with commas between.
Words = Annotated[list[str], NoDecode, BeforeValidator(_words)]


class Settings(BaseSettings):
    """Everything that can be set. Lists are written with commas; times are in the unit that the name ends with."""

    model_config = SettingsConfigDict(env_prefix="WINDSOCK_CHAT_", extra="ignore")

    data: Path = Path("windsock-chat-data")
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    database_url: str | None = Field(default=None, description="SQLAlchemy's; SQLite in the data folder when not set.")
    secret: Annotated[SecretStr, Field(min_length=32)] | None = Field(
        default=None, description="Signs access tokens; made and kept in the data folder when not set."
    )
    allowed_hosts: Words = Field(
        default=["localhost", "127.0.0.1", "::1"], description="The names that the server goes by; * is any."
    )
    trusted_proxies: Words = Field(
        default=[], description="Addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are believed."
    )
    web: Path | None = Field(default=None, description="The built web client; the bundled one when not set.")
    sign_up_open: bool = Field(default=True, description="Whether anybody may open an account.")

    access_token_seconds: Annotated[int, Field(ge=1)] = 900
    refresh_token_days: Annotated[int, Field(ge=1)] = 30
    refresh_grace_seconds: Annotated[float, Field(ge=0)] = 10.0
    presence_grace_seconds: Annotated[float, Field(ge=0)] = 5.0
    rate_factor: Annotated[float, Field(gt=0)] = Field(default=1.0, description="Multiplies all rate limits.")

    password_passes: Annotated[int, Field(ge=1)] = 3
    password_memory_kib: Annotated[int, Field(ge=8)] = 65_536
    password_lanes: Annotated[int, Field(ge=1)] = 4

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
