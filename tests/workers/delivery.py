"""What every client's log says of the delivery of numbered messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

Message = tuple[str, int]
"""Who said it, and the how manieth it is of what he said, from 0."""


def faults(sent: Mapping[str, int], logs: Mapping[str, Sequence[Message]]) -> Iterator[str]:
    """What is wrong: each client is to hear each message of each publisher once, and in order.

    Args:
        sent: how many messages each publisher sent.
        logs: what each client heard, in the order in which it came.
    """
    for client, log in logs.items():
        heard: dict[str, list[int]] = {publisher: [] for publisher in sent}
        for publisher, number in log:
            if publisher in heard and 0 <= number < sent[publisher]:
                heard[publisher].append(number)
            else:
                yield f"{client} heard {number} of {publisher}, which nobody said"
        for publisher, numbers in heard.items():
            seen: set[int] = set()
            latest = -1
            for number in numbers:
                if number in seen:
                    yield f"{client} heard {number} of {publisher} twice"
                elif number < latest:
                    yield f"{client} heard {number} of {publisher} after {latest}"
                seen.add(number)
                latest = max(latest, number)
            missed = sorted(set(range(sent[publisher])) - seen)
            if missed:
                yield f"{client} did not hear {len(missed)} of {publisher}: {missed[0]} to {missed[-1]}"
