import io

import pytest

from app.progress import Progress, clock


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_terminal_sees_the_end():
    stream = Terminal()
    assert list(Progress(3, "drawing", stream).track("abc")) == ["a", "b", "c"]
    assert "100%" in stream.getvalue() and stream.getvalue().endswith("\n")


def test_pipes_and_quiet_see_nothing():
    for stream, enabled in ((io.StringIO(), True), (Terminal(), False)):
        list(Progress(3, "drawing", stream, enabled).track("abc"))
        assert stream.getvalue() == ""


def test_time_left():
    assert Progress(100, "x").line(25, 10.0).endswith("25%  0:30 left")
    assert Progress(None, "x").line(7, 1.0) == "x 7 frames"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (61, "1:01"), (3671, "1:01:11")])
def test_clock(seconds, text):
    assert clock(seconds) == text
