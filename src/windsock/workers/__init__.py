"""``windsock serve --workers N``: processes of one host that share a port.

A :mod:`~windsock.workers.supervisor` keeps them running. Whichever worker takes a connection, a request of a session
that another one has is handed over to it, with its connection (:mod:`~windsock.workers.http`,
:mod:`~windsock.workers.links`); the session's id names its owner.
"""
