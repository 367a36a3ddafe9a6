"""The key for every program: what the window makes of it, and what each system is asked for."""

import sys
import threading
import time
from collections.abc import Callable

import pytest
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from tests.ui.bench import Bench, until
from ui.actions import BY_NAME
from ui.global_keys import global_key, windows
from ui.global_keys.combination import Combination, parse
from ui.global_keys.global_key import GlobalKey, Status, choose
from ui.global_keys.listener import Listener, State
from ui.global_keys.portal import PortalKey, trigger
from ui.global_keys.windows import WindowsKey
from ui.global_keys.x11 import X11Key
from ui.texts import LANGUAGES, Texts

DEFAULT = BY_NAME["panic_everywhere"].keys


def key(keys: str) -> Combination:
    found = parse(keys)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("keys", "keysym", "spoken", "virtual", "modifiers"),
    [
        (DEFAULT, "F8", "CTRL+ALT+SHIFT+F8", 0x77, 0x4007),
        ("F12", "F12", "F12", 0x7B, 0x4000),
        ("Meta+Pause", "Pause", "LOGO+Pause", 0x13, 0x4008),
        ("Ctrl+K", "k", "CTRL+k", 0x4B, 0x4002),
        ("Ctrl+Alt+7", "7", "CTRL+ALT+7", 0x37, 0x4003),
        ("Alt+PgUp", "Prior", "ALT+Prior", 0x21, 0x4001),
        ("Ctrl+ß", "", "", 0, 0x4002),
    ],
)
def test_how_each_system_names_a_key(
    keys: str, keysym: str, spoken: str, virtual: int, modifiers: int
) -> None:
    found = key(keys)
    assert (found.keysym, trigger(found)) == (keysym, spoken)
    assert (found.virtual_key, windows.modifiers(found)) == (virtual, modifiers)


def test_no_keys_are_no_combination() -> None:
    assert parse("") is None


@pytest.mark.parametrize(
    ("keys", "system", "platform", "environment", "expected"),
    [
        (DEFAULT, "linux", "xcb", {"XDG_SESSION_TYPE": "x11"}, X11Key),
        (DEFAULT, "linux", "xcb", {}, X11Key),
        (DEFAULT, "linux", "wayland", {}, PortalKey),
        (DEFAULT, "linux", "wayland-egl", {"DISPLAY": ":0"}, PortalKey),
        (DEFAULT, "linux", "xcb", {"XDG_SESSION_TYPE": "wayland"}, PortalKey),
        (DEFAULT, "linux", "xcb", {"WAYLAND_DISPLAY": "wayland-0"}, PortalKey),
        (DEFAULT, "linux", "xcb", {"FLATPAK_ID": "a.b.c"}, PortalKey),
        (DEFAULT, "linux", "offscreen", {}, State.NO_PORTAL),
        (DEFAULT, "win32", "windows", {}, WindowsKey),
        (DEFAULT, "darwin", "cocoa", {}, State.MACOS),
        ("Ctrl+Alt+F8", "linux", "xcb", {}, State.CONSOLE),
        ("Ctrl+Alt+F8", "linux", "wayland", {}, State.CONSOLE),
        ("Ctrl+Alt+F8", "win32", "windows", {}, WindowsKey),
        ("F8", "linux", "xcb", {}, X11Key),
        ("A", "linux", "xcb", {}, State.TYPES),
        ("Shift+Space", "win32", "windows", {}, State.TYPES),
        ("", "linux", "xcb", {}, State.OFF),
    ],
)
def test_what_listens_where(
    keys: str,
    system: str,
    platform: str,
    environment: dict[str, str],
    expected: type[Listener] | State,
) -> None:
    assert choose(parse(keys), system, platform, environment) is expected


# ---- the window -------------------------------------------------------------------------------


class FakeListener(Listener):
    """A system that gives every key."""

    made: list["FakeListener"] = []  # noqa: RUF012

    def __init__(
        self,
        combination: Combination,
        description: str,
        heard: Callable[[], None],
        report: Callable[[State, str], None],
    ) -> None:
        super().__init__(combination, description, heard, report)
        self.description = description
        self.shown = combination.shown
        self.ended = threading.Event()
        self._presses = threading.Semaphore(0)
        self.made.append(self)

    def press(self) -> None:
        """The key goes down; the thread of the listener tells of it."""
        self._presses.release()

    def _listen(self) -> None:
        self._ends_with(self._presses.release)
        self._report(State.WORKS, "")
        while self._presses.acquire() and not self._stopping:
            self._heard()
        self.ended.set()


@pytest.fixture
def systems(monkeypatch: pytest.MonkeyPatch) -> list[FakeListener]:
    """Every listener that is made; the newest is the last."""
    monkeypatch.setattr(FakeListener, "made", [])
    monkeypatch.setattr(
        global_key, "choose", lambda keys, *_: State.OFF if keys is None else FakeListener
    )
    return FakeListener.made


def test_pressed_in_another_program_freezes_and_pressed_again_resumes(
    systems: list[FakeListener], bench: Bench
) -> None:
    assert until(lambda: bench.window.global_key.status.state is State.WORKS)
    assert (systems[-1].shown, systems[-1].description) == (DEFAULT, "Freeze the face and mute")
    systems[-1].press()
    assert until(lambda: bench.session.now.panicked)
    systems[-1].press()
    assert until(lambda: not bench.session.now.panicked)


def test_the_window_shows_how_it_does(systems: list[FakeListener], bench: Bench) -> None:
    works = bench.texts("global_key.works", keys=DEFAULT)
    assert until(lambda: works in bench.window.live.controls.panic.toolTip())
    sheet = bench.window.show_help()
    assert works in {item.text() for item in sheet.findChildren(QLabel)}
    sheet.close()
    dialog = bench.window.show_settings()
    assert (dialog.global_key_state.kind, dialog.global_key_state.text) == ("good", works)
    systems[-1]._report(State.FAILED, "no more")
    assert until(lambda: dialog.global_key_state.kind == "warning")
    assert "no more" in dialog.global_key_state.text
    assert "no more" in bench.window.live.controls.panic.toolTip()
    dialog.close()


def test_a_changed_key_is_taken_at_once_and_an_empty_one_ends_it(
    systems: list[FakeListener], bench: Bench
) -> None:
    dialog = bench.window.show_settings()
    first = systems[-1]
    dialog.key_edits["mute"].setKeySequence(QKeySequence("Ctrl+Shift+M"))
    assert systems == [first], "another key's change took it anew"
    dialog.key_edits["panic_everywhere"].setKeySequence(QKeySequence("Ctrl+Shift+F9"))
    assert first.ended.wait(1) and systems[-1].shown == "Ctrl+Shift+F9"
    first.press()
    systems[-1].press()
    assert until(lambda: bench.session.now.panicked)
    dialog.key_edits["panic_everywhere"].clear()
    assert systems[-1].ended.wait(1)
    assert not dialog.global_key_state.isVisible()
    assert bench.settings.shortcuts()["panic_everywhere"] == ""
    assert bench.session.called("panic") == 1 and bench.session.called("resume") == 0
    dialog.close()


def test_a_key_of_the_window_cannot_be_that_of_every_program(
    systems: list[FakeListener], bench: Bench
) -> None:
    dialog = bench.window.show_settings()
    dialog.key_edits["panic_everywhere"].setKeySequence(QKeySequence("F8"))
    assert dialog.key_problem.kind == "error"
    assert bench.settings.shortcuts() == {} and len(systems) == 1
    dialog.close()


def test_a_key_that_failed_is_tried_again(systems: list[FakeListener], bench: Bench) -> None:
    systems[-1]._report(State.TAKEN, "")
    assert until(lambda: bench.window.global_key.status.state is State.TAKEN)
    bench.window._apply_keys()
    assert len(systems) == 2


def test_closing_the_window_gives_it_back(systems: list[FakeListener], bench: Bench) -> None:
    assert until(lambda: bench.window.global_key.status.state is State.WORKS)
    begun_s = time.monotonic()
    bench.window.close()
    assert time.monotonic() - begun_s < 0.5
    assert systems[-1].ended.is_set()


def test_a_press_on_its_way_when_it_is_stopped_does_nothing(
    systems: list[FakeListener], bench: Bench
) -> None:
    systems[-1]._heard()
    bench.window.global_key.stop()
    QTest.qWait(50)
    assert bench.session.called("panic") == 0


def test_it_is_not_asked_for_before_the_first_start_is_over(
    systems: list[FakeListener], new_bench: Bench
) -> None:
    window = new_bench.open()
    assert systems == [] and window.first_start is not None
    window.first_start.finished.emit()
    assert len(systems) == 1


def test_a_system_that_hangs_does_not_hold_up_the_end(bench: Bench) -> None:
    release = threading.Event()

    class Stuck(FakeListener):
        def _listen(self) -> None:
            release.wait(10)

    stuck = GlobalKey("")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(global_key, "choose", lambda *_: Stuck)
        begun_s = time.monotonic()
        stuck.start(DEFAULT)
        assert time.monotonic() - begun_s < 0.1
        stuck.stop()
        assert 0.3 < time.monotonic() - begun_s < 0.6
    release.set()


@pytest.mark.parametrize("kind", [X11Key, PortalKey])
@pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
def test_a_missing_package_is_told(
    kind: type[Listener], bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"Xlib": X11Key, "jeepney": PortalKey}
    name = next(name for name, listener in names.items() if listener is kind)
    for module in [*sys.modules, name]:
        if module.split(".")[0] == name:
            monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(global_key, "choose", lambda *_: kind)
    made = GlobalKey("")
    made.start(DEFAULT)
    assert until(lambda: made.status.state is State.NO_PACKAGE)
    assert name in made.status.words(bench.texts)
    made.stop()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_has_words(language: str) -> None:
    for state in State:
        words = Status(state, "F8", "the reason").words(Texts(language))
        assert (words == "") == (state is State.OFF)
        assert "{" not in words


# ---- Windows, whose library is played here ----------------------------------------------------


class User32:
    """The few functions of the library that are used."""

    def __init__(self, *, given: bool) -> None:
        self.given = given
        self.asked: list[tuple[object, ...]] = []
        self.released = threading.Event()
        self._queue: list[int] = []
        self._filled = threading.Condition()

    def PeekMessageW(self, *_: object) -> int:
        return 0

    def RegisterHotKey(self, *wish: object) -> int:
        self.asked.append(wish)
        return int(self.given)

    def UnregisterHotKey(self, *_: object) -> int:
        self.released.set()
        return 1

    def PostThreadMessageW(self, thread: int, message: int, *_: int) -> int:
        with self._filled:
            self._queue.append(message)
            self._filled.notify()
        return 1

    def GetMessageW(self, place: object, *_: object) -> int:
        with self._filled:
            self._filled.wait_for(lambda: bool(self._queue), 5)
            message = self._queue.pop(0)
        place._obj.message = message  # type: ignore[attr-defined]
        return int(message != 0x12)


@pytest.mark.parametrize("given", [True, False])
def test_windows_is_asked_and_answers(given: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    library, presses, states = User32(given=given), threading.Semaphore(0), list[State]()
    monkeypatch.setattr(windows, "_libraries", lambda: (library, 1))
    listener = WindowsKey(key(DEFAULT), "", presses.release, lambda s, _: states.append(s))
    listener.start()
    assert until(lambda: states == [State.WORKS if given else State.TAKEN])
    assert library.asked == [(None, 1, 0x4007, 0x77)]
    if given:
        library.PostThreadMessageW(1, 0x312)
        assert presses.acquire(timeout=5)
    listener.stop()
    assert listener.join(1) and library.released.is_set() == given
