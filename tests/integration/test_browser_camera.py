"""A real browser opens the PipeWire camera as a video call does, and sees every frame.

Chromium asks the camera portal, the portal asks PipeWire: all of them real, in a session of their
own. The one thing granted beforehand is the user's consent, in the portal's permission store.
"""

import http.server
import json
import queue
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest

from render.sinks.pipewire import PipeWireCamera
from tests.integration.pipewire_server import PipeWireServer, numbered
from tests.integration.session_bus import require, wait_for
from tests.integration.test_pipewire_camera import Presenter

PAGE = Path(__file__).with_name("browser_page.html")
LIBEXEC = Path("/usr/libexec")
SIZE = (640, 360)
RATE_HZ = 25
COLOUR = (200, 40, 60)

_PORTAL = """[portal]
DBusName=org.freedesktop.impl.portal.desktop.test
Interfaces=org.freedesktop.impl.portal.Access;org.freedesktop.impl.portal.Lockdown
UseIn=test
"""
_SERVICE = "org.freedesktop.impl.portal.PermissionStore"


@pytest.fixture
def page():
    """Address of the test page on this machine, and the queue of its reports."""
    reports = queue.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(PAGE.read_bytes())

        def do_POST(self):
            length = int(self.headers["Content-Length"])
            reports.put(json.loads(self.rfile.read(length)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{web.server_port}/", reports
        web.shutdown()
        thread.join()


def start_portal(server, monkeypatch):
    """Start the camera portal, with the user's consent given."""
    folder = server.folder / "portals"
    folder.mkdir()
    (folder / "test.portal").write_text(_PORTAL)
    monkeypatch.setenv("XDG_DESKTOP_PORTAL_DIR", str(folder))
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "test")
    server.run("store", LIBEXEC / "xdg-permission-store")
    consent = [
        "dbus-send", "--session", "--print-reply", f"--dest={_SERVICE}",
        "/org/freedesktop/impl/portal/PermissionStore", f"{_SERVICE}.SetPermission",
        "string:devices", "boolean:true", "string:camera", "string:", "array:string:yes",
    ]  # fmt: skip
    wait_for(lambda: _succeeds(consent), "the permission store")
    server.run("portal", LIBEXEC / "xdg-desktop-portal", "--verbose")
    # asking before it is there would make the bus start another one without our settings
    wait_for(lambda: "Desktop acquired" in server.log("portal"), "the portal")
    present = [
        "dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.portal.Desktop",
        "/org/freedesktop/portal/desktop", "org.freedesktop.DBus.Properties.Get",
        "string:org.freedesktop.portal.Camera", "string:IsCameraPresent",
    ]  # fmt: skip
    wait_for(lambda: "boolean true" in _output(present), "the portal's camera")


def _succeeds(command):
    return subprocess.run(command, capture_output=True).returncode == 0


def _output(command):
    return subprocess.run(command, capture_output=True, text=True).stdout


def start_browser(server, address):
    """Start a headless Chromium of its own profile on a page."""
    options = [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
        "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required",
        "--enable-features=WebRtcPipeWireCamera", "--disable-background-networking",
        f"--user-data-dir={server.folder}/chromium",
    ]  # fmt: skip
    server.run("browser", shutil.which("chromium"), *options, address)


def coloured(size, number):
    """A numbered frame whose lower half has a known colour."""
    rgb = numbered(size, number)
    rgb[size[1] // 2 :] = COLOUR
    return rgb


def test_browser_sees_every_frame(page, monkeypatch):
    require("chromium", "dbus-send")
    if not (LIBEXEC / "xdg-desktop-portal").exists():
        pytest.skip("needs the Debian package xdg-desktop-portal")
    address, reports = page
    with PipeWireServer() as server:
        sink = PipeWireCamera(SIZE, RATE_HZ)
        with Presenter(sink, coloured):
            start_portal(server, monkeypatch)
            start_browser(server, address)
            try:
                report = reports.get(timeout=120)
            except queue.Empty:
                pytest.fail(f"the browser reported nothing:\n{server.log('browser')[-3000:]}")
            server.kill("browser")
    assert "error" not in report, report["error"]
    assert report["label"] == "RealTalk Cam"
    assert (report["width"], report["height"]) == SIZE
    numbers, times = report["numbers"], report["times"]
    rate_hz = (len(times) - 1) / (times[-1] - times[0])
    print(f"{len(numbers)} frames, {len(set(numbers))} unique, {rate_hz:.2f} fps")
    assert numbers == sorted(numbers)
    assert len(set(numbers)) >= 0.8 * len(numbers)
    assert rate_hz > 0.6 * RATE_HZ
    assert np.abs(np.subtract(report["pixel"][:3], COLOUR)).max() <= 6
