"""`python -m windsock_chat` is `windsock-chat`."""

from windsock_chat.main import app

app()
