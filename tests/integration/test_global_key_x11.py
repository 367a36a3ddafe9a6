"""The key for every program on a real X server, pressed while another program has the keyboard."""

import queue
import shutil
import subprocess
import time
from collections.abc import Iterator

import pytest

pytest.importorskip("PySide6", reason="the window's packages are not installed")
pytest.importorskip("Xlib", reason="needs python-xlib")

from Xlib import X
from Xlib.display import Display

from tests.integration.session_bus import require
from ui.global_keys.combination import parse
from ui.global_keys.listener import State
from ui.global_keys.x11 import X11Key

WAIT_S = 5.0
QUIET_S = 0.2
"""How long nothing must come to be sure that nothing will."""
KEY = "Ctrl+Alt+Shift+F8"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A screen that nobody sees; the environment points to it."""
    require("Xvfb", "xdotool")
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", "320x200x24", "-nolisten", "tcp"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    display = f":{int(process.stdout.readline())}"
    monkeypatch.setenv("DISPLAY", display)
    yield display
    process.terminate()
    process.wait(WAIT_S)
    process.stdout.close()


class Editor:
    """Another program: a window with the keyboard that notes the key codes it is given."""

    def __init__(self) -> None:
        self.display = Display()
        screen = self.display.screen()
        window = screen.root.create_window(
            0, 0, 50, 50, 0, screen.root_depth, event_mask=X.KeyPressMask | X.StructureNotifyMask
        )
        window.map()
        while self.display.next_event().type != X.MapNotify:
            pass
        window.set_input_focus(X.RevertToParent, X.CurrentTime)
        self.display.sync()

    def typed(self) -> list[int]:
        """Keysyms of the keys pressed since the last call."""
        self.display.sync()
        waiting = [self.display.next_event() for _ in range(self.display.pending_events())]
        pressed = [event.detail for event in waiting if event.type == X.KeyPress]
        return [self.display.keycode_to_keysym(keycode, 0) for keycode in pressed]

    def hold(self, keysym: int, modifiers: int) -> None:
        """Grab a key as another program would."""
        keycode = self.display.keysym_to_keycode(keysym)
        root = self.display.screen().root
        root.grab_key(keycode, modifiers, False, X.GrabModeAsync, X.GrabModeAsync)
        self.display.sync()

    def close(self) -> None:
        self.display.close()


@pytest.fixture
def editor(server: str) -> Iterator[Editor]:
    made = Editor()
    yield made
    made.close()


class Ears:
    """A listener and what it said."""

    def __init__(self, keys: str, after: "Ears | None" = None) -> None:
        combination = parse(keys)
        assert combination is not None
        self.presses: queue.Queue[None] = queue.Queue()
        self.states: queue.Queue[State] = queue.Queue()
        self.listener = X11Key(
            combination,
            "",
            lambda: self.presses.put(None),
            lambda state, detail: self.states.put(state),
        )
        self.listener.start(after.listener if after else None)

    def state(self) -> State:
        return self.states.get(timeout=WAIT_S)

    def hears(self, count: int) -> bool:
        """Whether so many presses come, and no more."""
        for _ in range(count):
            self.presses.get(timeout=WAIT_S)
        time.sleep(QUIET_S)
        return self.presses.empty()

    def close(self) -> None:
        self.listener.stop()
        assert self.listener.join(WAIT_S)


@pytest.fixture
def ears(editor: Editor) -> Iterator[Ears]:
    made = Ears(KEY)
    assert made.state() is State.WORKS
    yield made
    made.close()


def xdotool(*words: str) -> None:
    subprocess.run([shutil.which("xdotool") or "", *words], check=True, timeout=WAIT_S)


def test_it_is_heard_while_another_program_has_the_keyboard(ears: Ears, editor: Editor) -> None:
    xdotool("key", "ctrl+alt+shift+F8")
    assert ears.hears(1)
    assert 0xFFC5 not in editor.typed()


def test_no_other_key_is_heard_or_taken(ears: Ears, editor: Editor) -> None:
    xdotool("key", "a", "F8", "ctrl+F8", "ctrl+shift+F8", "ctrl+alt+shift+F9")
    assert ears.hears(0)
    typed = editor.typed()
    assert typed.count(0xFFC5) == 3 and typed.count(0xFFC6) == 1 and typed.count(ord("a")) == 1


def test_ctrl_alt_and_a_function_key_never_arrive(editor: Editor) -> None:
    """The server keeps them for changing consoles, so that the window says so instead."""
    ears = Ears("Ctrl+Alt+F8")
    assert ears.state() is State.WORKS
    xdotool("key", "ctrl+alt+F8")
    assert ears.hears(0)
    ears.close()
    combination = parse("Ctrl+Alt+F8")
    assert combination is not None and combination.changes_console


def test_locks_do_not_matter(ears: Ears) -> None:
    """With NumLock, with both, with CapsLock."""
    for lock in ("Num_Lock", "Caps_Lock", "Num_Lock"):
        xdotool("key", lock)
        xdotool("key", "ctrl+alt+shift+F8")
        assert ears.hears(1)


def test_a_key_held_down_is_one_press(ears: Ears) -> None:
    xdotool("keydown", "ctrl", "keydown", "alt", "keydown", "shift", "keydown", "F8")
    time.sleep(1.0)
    xdotool("keyup", "F8", "keyup", "shift", "keyup", "alt", "keyup", "ctrl")
    assert ears.hears(1)
    xdotool("key", "ctrl+alt+shift+F8")
    assert ears.hears(1)


def test_a_key_of_another_program_is_told_and_stays_there(editor: Editor) -> None:
    editor.hold(0xFFC5, X.ControlMask | X.Mod1Mask | X.ShiftMask)
    ears = Ears(KEY)
    assert ears.state() is State.TAKEN
    xdotool("key", "ctrl+alt+shift+F8")
    assert ears.hears(0) and 0xFFC5 in editor.typed()
    other = Display()
    refused: list[object] = []
    other.set_error_handler(lambda error, request: refused.append(error))
    root, keycode = other.screen().root, other.keysym_to_keycode(0xFFC5)
    held = X.ControlMask | X.Mod1Mask | X.ShiftMask | X.LockMask
    root.grab_key(keycode, held, False, X.GrabModeAsync, X.GrabModeAsync)
    other.sync()
    other.close()
    ears.close()
    assert refused == [], "what could be had of it was kept"


def test_stopping_gives_it_back_at_once(ears: Ears, editor: Editor) -> None:
    begun_s = time.monotonic()
    ears.close()
    assert time.monotonic() - begun_s < 0.5
    xdotool("key", "ctrl+alt+shift+F8")
    assert ears.hears(0) and 0xFFC5 in editor.typed()
    again = Ears(KEY)
    assert again.state() is State.WORKS
    again.close()


def test_the_next_listener_waits_for_the_one_before(ears: Ears) -> None:
    ears.listener.stop()
    after = Ears(KEY, ears)
    assert after.state() is State.WORKS
    xdotool("key", "ctrl+alt+shift+F8")
    assert after.hears(1)
    after.close()


def test_it_follows_the_keyboard_s_layout(ears: Ears, editor: Editor) -> None:
    """F8 and F9 change places: the key code that was F8's is free again."""
    f8, f9 = editor.display.keysym_to_keycode(0xFFC5), editor.display.keysym_to_keycode(0xFFC6)
    for keycode, keysym in ((f9, 0xFFC5), (f8, 0xFFC6)):
        editor.display.change_keyboard_mapping(keycode, [[keysym] * 7])
    editor.display.sync()
    assert ears.state() is State.WORKS
    with_modifiers = ("keydown", "ctrl", "keydown", "alt", "keydown", "shift")
    xdotool(*with_modifiers, "key", str(f8), "key", str(f9), "keyup", "shift")
    xdotool("keyup", "ctrl", "keyup", "alt")
    assert ears.hears(1)


def test_a_key_that_is_not_on_the_keyboard_is_told(editor: Editor) -> None:
    ears = Ears("Ctrl+F24")
    assert ears.state() is State.UNKNOWN
    ears.close()


def test_no_x_server_is_told_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":987")
    ears = Ears(KEY)
    assert ears.state() is State.FAILED
    ears.close()
