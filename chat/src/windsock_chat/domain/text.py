"""What people may write, and the one form in which it is kept. Each rule returns that form or raises ValueError."""

import re
import unicodedata
from typing import Final

USERNAME_MIN: Final = 3
USERNAME_MAX: Final = 32
DISPLAY_NAME_MAX: Final = 64
ABOUT_MAX: Final = 280
ROOM_NAME_MAX: Final = 64
TOPIC_MAX: Final = 280
MESSAGE_MAX: Final = 4000
REASON_MAX: Final = 280
QUERY_MAX: Final = 64
PASSWORD_MIN: Final = 10
# Argon2 reads all of it: a longer one costs the server, not the guesser.
PASSWORD_MAX: Final = 128

_USERNAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]*", re.ASCII)
# Words that a reader would take for the room or the application speaking.
_RESERVED_USERNAMES: Final = frozenset({"all", "channel", "deleted", "everyone", "here", "me", "system", "windsock"})
# Within the ASCII names allowed, what looks the same in a common font: l and 1, o and 0, and the three separators.
_LOOKALIKES: Final = str.maketrans({"1": "l", "0": "o", "-": "_", ".": "_"})
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
# Characters that reorder or hide what stands around them, so that one name passes for another (UAX #9; Trojan Source),
# and those that are seen as nothing at all, some of them letters (Unicode's Default_Ignorable_Code_Point, and the empty
# Braille pattern). The joiners U+200C and U+200D and the selectors U+FE0E and U+FE0F stay: scripts and emoji need them.
_DECEPTIVE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_JOINERS: Final = frozenset("\u200c\u200d\ufe0e\ufe0f")
# The flags of England, Scotland and Wales are a black one with invisible letters behind it.
_FLAG: Final = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")


def storable(value: str) -> str:
    """The value itself. NUL and lone surrogates are refused: PostgreSQL cannot hold the one, UTF-8 not the other."""
    if "\0" in value:
        raise ValueError("NUL characters are not allowed")
    if _SURROGATE.search(value):
        raise ValueError("unpaired surrogates are not allowed")
    return value


def username(value: str) -> str:
    """A login name: NFKC and lower case, so that a full-width or capital spelling is the same name."""
    name = unicodedata.normalize("NFKC", storable(value)).strip().lower()
    if not USERNAME_MIN <= len(name) <= USERNAME_MAX:
        raise ValueError(f"a username has {USERNAME_MIN} to {USERNAME_MAX} characters")
    if not _USERNAME.fullmatch(name):
        raise ValueError("a username has letters a to z, digits, '.', '_' and '-', and begins with a letter or digit")
    if username_skeleton(name) in _RESERVED_USERNAMES:
        raise ValueError("this username is reserved")
    return name


def username_skeleton(name: str) -> str:
    """What a username looks like; two accounts may not have the same skeleton."""
    return name.translate(_LOOKALIKES)


def line(value: str, longest: int) -> str:
    """A name of one line: NFC, with runs of white space made one space, and nothing invisible or deceptive in it."""
    text = " ".join(unicodedata.normalize("NFC", storable(value)).split())
    if not any(unicodedata.category(char)[0] in "LNPS" for char in text):
        raise ValueError("there must be something to read in it")
    return _honest(text, longest)


def paragraph(value: str, longest: int) -> str:
    """A short text of some lines, possibly empty: NFC, without white space around it, nothing deceptive in it."""
    return _honest(unicodedata.normalize("NFC", storable(value)).strip(), longest)


def message(value: str) -> str:
    """A message, kept exactly as it was written; there must be something to see in it."""
    if not any(_is_seen(char) for char in storable(value)):
        raise ValueError("a message must not be blank")
    if len(value) > MESSAGE_MAX:
        raise ValueError(f"a message has at most {MESSAGE_MAX} characters")
    return value


def password(value: str) -> str:
    """A password in NFKC (NIST SP 800-63B, 5.1.1.2), so that it can be typed on another keyboard."""
    text = unicodedata.normalize("NFKC", storable(value))
    if not PASSWORD_MIN <= len(text) <= PASSWORD_MAX:
        raise ValueError(f"a password has {PASSWORD_MIN} to {PASSWORD_MAX} characters")
    return text


def search_key(value: str) -> str:
    """The form in which names are searched and sorted, the same on every database."""
    return unicodedata.normalize("NFKC", storable(value)).casefold()


def _is_seen(char: str) -> bool:
    return not (
        char.isspace() or char in _JOINERS or unicodedata.category(char) == "Cc" or _DECEPTIVE.match(char) is not None
    )


def _honest(text: str, longest: int) -> str:
    if len(text) > longest:
        raise ValueError(f"at most {longest} characters are allowed")
    if _DECEPTIVE.search(_FLAG.sub("", text)) or any(
        unicodedata.category(char) == "Cc" and char != "\n" for char in text
    ):
        raise ValueError("control characters and invisible characters are not allowed")
    return text
