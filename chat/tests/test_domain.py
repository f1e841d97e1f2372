"""The rules of the chat, over everything that can be written and every place in a log."""

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from windsock_chat.domain import text
from windsock_chat.domain.log import CATCH_UP_MAX, window

seqs = st.integers(0, 3000)
limits = st.integers(1, 100)
RULES = (text.storable, text.message, lambda value: text.line(value, 64), lambda value: text.paragraph(value, 280))
# Unicode's embeddings, overrides and isolates (UAX #9).
BIDIRECTIONAL = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
# Every code point, lone surrogates included.
anything = st.text(st.characters())


@given(last_seq=seqs, after=seqs, limit=limits)
def test_catching_up_gets_everything_once_and_in_order(last_seq: int, after: int, limit: int) -> None:
    """A reader who knows `after` entries, and asks until there is no more, knows them all."""
    known = list(range(1, after + 1))
    for _ in range(last_seq // limit + 2):
        page = window(last_seq, before=None, after=known[-1] if known else 0, limit=limit)
        entries = list(range(page.first, page.last + 1))
        assert len(entries) <= limit
        if page.reset:
            # Only where the way was too long, or leads beyond the end of the log.
            assert last_seq - len(known) > CATCH_UP_MAX or len(known) > last_seq
            known = entries
            break
        known += entries
        if not page.has_more:
            break
    assert known == list(range(known[0] if known else 1, last_seq + 1))
    assert len(known) >= min(last_seq, limit)


@given(last_seq=seqs, limit=limits)
def test_reading_backwards_gets_everything_once(last_seq: int, limit: int) -> None:
    page = window(last_seq, before=None, after=None, limit=limit)
    known = list(range(page.first, page.last + 1))
    while page.has_more:
        page = window(last_seq, before=page.first, after=None, limit=limit)
        assert page.last >= page.first
        known = [*range(page.first, page.last + 1), *known]
    assert known == list(range(1, last_seq + 1))


@given(last_seq=seqs, before=st.integers(0, 2**53 - 1), limit=limits)
def test_a_page_before_a_place_stays_before_it(last_seq: int, before: int, limit: int) -> None:
    page = window(last_seq, before=before, after=None, limit=limit)
    assert not page.reset
    assert page.last <= min(before - 1, last_seq)
    assert page.last - page.first + 1 <= limit
    if page.last >= page.first:
        assert page.first >= 1
        assert page.has_more == (page.first > 1)


@given(live=st.lists(st.integers(1, 40), max_size=60), known=st.integers(0, 40), last_seq=st.integers(0, 40))
def test_what_was_missed_and_what_came_meanwhile_merge(live: list[int], known: int, last_seq: int) -> None:
    """The reader buffers live entries in whatever order and number, fetches after what it knows, and merges by seq."""
    assume(known <= last_seq)
    newest = max([last_seq, *live])
    log = set(range(1, known + 1))
    while True:
        page = window(newest, before=None, after=max(log, default=0), limit=7)
        log |= set(range(page.first, page.last + 1))
        if not page.has_more:
            break
    log |= set(live)
    assert log == set(range(1, newest + 1))


@given(anything)
def test_a_username_has_one_form(typed: str) -> None:
    try:
        name = text.username(typed)
    except ValueError:
        return
    assert text.username(name) == name
    assert name.isascii()
    assert name == name.lower()
    assert 3 <= len(name) <= 32
    assert text.username_skeleton(text.username_skeleton(name)) == text.username_skeleton(name)


@given(anything)
def test_what_is_kept_can_be_stored_everywhere(typed: str) -> None:
    for rule in RULES:
        try:
            kept = rule(typed)
        except ValueError:
            continue
        assert "\0" not in kept
        kept.encode("utf-8")
        assert rule(kept) == kept


@given(anything)
def test_a_name_of_one_line_hides_nothing(typed: str) -> None:
    try:
        name = text.line(typed, 64)
    except ValueError:
        return
    assert len(name) <= 64
    assert name == name.strip()
    assert "  " not in name
    assert not any(unicodedata.category(char) in {"Cc", "Zl", "Zp", "Cs"} for char in name)
    assert not any(unicodedata.bidirectional(char) in BIDIRECTIONAL for char in name)


@pytest.mark.parametrize(
    "name",
    [
        "Ada",
        "José",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f Kit",
        "김",
        "❤️",
        "李小龍",
        "محمد",
        "Zoë 🏳️‍🌈",
        "O'Neil-Smith",
        "क्‍ष",
        "👩‍👩‍👧",
        "№ 1",
        "a\u0308",
    ],
)
def test_real_names_are_names(name: str) -> None:
    assert text.line(name, 64) == unicodedata.normalize("NFC", name)


@given(anything)
def test_a_search_key_is_the_same_for_all_spellings(typed: str) -> None:
    try:
        key = text.search_key(typed)
    except ValueError:
        return
    assert text.search_key(unicodedata.normalize("NFD", typed)) == key
