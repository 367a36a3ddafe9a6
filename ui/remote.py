"""One window at a time, and commands from outside it.

The running window listens on a local socket (a named pipe on Windows) that only the same user can
reach. A second start asks the first to show itself, and `realtalk tell panic`, which any desktop
can bind to a key, works whatever program has the keyboard, on X11, Wayland, Windows and macOS.
"""

import getpass

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

COMMANDS = ("show", "panic", "mute", "go_live", "record", "quit")
_WAIT_MS = 1000
_MAX_BYTES = 64


def server_name() -> str:
    """Name of the socket, one per user."""
    return f"realtalk-cam-{getpass.getuser()}"


class Remote(QObject):
    """Listens for commands; `command(name)` for each of `COMMANDS` that arrives."""

    command = Signal(str)

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self._name = name or server_name()
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._accept)

    def listen(self) -> bool:
        """Begin; False if that is not possible here (the window works without)."""
        QLocalServer.removeServer(self._name)
        return self._server.listen(self._name)

    def close(self) -> None:
        """Listen no more."""
        self._server.close()

    def _accept(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            socket.readyRead.connect(lambda socket=socket: self._read(socket))
            socket.disconnected.connect(socket.deleteLater)
            if socket.bytesAvailable():
                self._read(socket)

    def _read(self, socket: QLocalSocket) -> None:
        words = bytes(socket.read(_MAX_BYTES).data()).decode("ascii", "replace").strip()
        socket.disconnectFromServer()
        if words in COMMANDS:
            self.command.emit(words)


def tell(command: str, name: str = "") -> bool:
    """Send a command to the running window; False if there is none."""
    socket = QLocalSocket()
    socket.connectToServer(name or server_name())
    if not socket.waitForConnected(_WAIT_MS):
        return False
    socket.write(command.encode("ascii"))
    sent = socket.waitForBytesWritten(_WAIT_MS)
    socket.disconnectFromServer()
    return sent
