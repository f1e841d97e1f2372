"""The bounded values that requests are made of."""

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from windsock_chat.domain import text
from windsock_chat.domain.log import SEQ_MAX

PAGE_MAX: Final = 100

Username = Annotated[
    str,
    # NFKC may shorten what was typed, so the exact bounds are the rule's.
    Field(min_length=1, max_length=2 * text.USERNAME_MAX, examples=["ada"]),
    AfterValidator(text.username),
]
Password = Annotated[
    str, Field(min_length=text.PASSWORD_MIN, max_length=text.PASSWORD_MAX), AfterValidator(text.password)
]
DisplayName = Annotated[
    str,
    Field(min_length=1, max_length=text.DISPLAY_NAME_MAX),
    AfterValidator(lambda value: text.line(value, text.DISPLAY_NAME_MAX)),
]
About = Annotated[
    str, Field(max_length=text.ABOUT_MAX), AfterValidator(lambda value: text.paragraph(value, text.ABOUT_MAX))
]
RoomName = Annotated[
    str,
    Field(min_length=1, max_length=text.ROOM_NAME_MAX),
    AfterValidator(lambda value: text.line(value, text.ROOM_NAME_MAX)),
]
Topic = Annotated[
    str, Field(max_length=text.TOPIC_MAX), AfterValidator(lambda value: text.paragraph(value, text.TOPIC_MAX))
]
Reason = Annotated[
    str, Field(max_length=text.REASON_MAX), AfterValidator(lambda value: text.paragraph(value, text.REASON_MAX))
]
Query = Annotated[str, Field(max_length=text.QUERY_MAX), AfterValidator(text.storable)]
Cursor = Annotated[
    str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$", description="A page's `next_cursor`.")
]
Limit = Annotated[int, Field(ge=1, le=PAGE_MAX)]
Seq = Annotated[int, Field(ge=0, le=SEQ_MAX)]


class Strict(BaseModel):
    """A request, or a part of one: an unknown field is refused, so that a misspelt one is not lost in silence."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
