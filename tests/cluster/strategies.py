"""Any message between servers."""

from __future__ import annotations

from hypothesis import strategies as st

from windsock.adapters.base import Target

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
names = st.text(min_size=1)
targets = st.builds(Target, st.frozensets(names), st.frozensets(names), volatile=st.booleans(), compress=st.booleans())
