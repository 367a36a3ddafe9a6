"""Commands from outside the window, over a real local socket."""

import threading
import uuid

from PySide6.QtNetwork import QLocalSocket

from app.commands.tell import WHAT
from tests.ui.bench import until
from ui.remote import COMMANDS, Remote, tell


def test_commands_arrive_and_nonsense_does_not() -> None:
    name = f"realtalk-test-{uuid.uuid4().hex}"
    remote, heard = Remote(name), []
    remote.command.connect(heard.append)
    assert remote.listen()
    sent: list[bool] = []
    thread = threading.Thread(target=lambda: sent.append(tell("panic", name)))
    thread.start()
    assert until(lambda: heard == ["panic"])
    thread.join(5)
    assert sent == [True]
    socket = QLocalSocket()
    socket.connectToServer(name)
    assert socket.waitForConnected(1000)
    socket.write(b"rm -rf /")
    assert until(lambda: socket.state() is QLocalSocket.LocalSocketState.UnconnectedState)
    assert heard == ["panic"]
    remote.close()
    assert not tell("show", name)


def test_the_command_line_knows_every_command() -> None:
    assert WHAT == COMMANDS
