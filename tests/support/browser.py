"""A headless Chromium that tests drive as a person would: by clicks, keys and what stands on the page."""

import json
import shutil
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
_PATIENCE_S = 120


class Browser:
    """One page of the browser, spoken to by its DevTools protocol."""

    def __init__(self, connection: ClientConnection, downloads: Path) -> None:
        self._connection = connection
        self._downloads = downloads
        self._number = 0
        self._events: list[dict[str, Any]] = []
        targets = self._call("Target.getTargets")["targetInfos"]
        page = next(each["targetId"] for each in targets if each["type"] == "page")
        attached = self._call("Target.attachToTarget", targetId=page, flatten=True)
        self._session: str | None = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{domain}.enable")
        allowed = {"behavior": "allow", "downloadPath": str(downloads), "eventsEnabled": True}
        self._call("Browser.setDownloadBehavior", is_of_page=False, **allowed)

    def open(self, page: Path, width_px: int = 1440, height_px: int = 900) -> None:
        """Loads a file and waits until it is there."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width_px,
            height=height_px,
            deviceScaleFactor=1,
            mobile=False,
        )
        self._events.clear()
        self._call("Page.navigate", url=page.resolve().as_uri())
        self._event("Page.loadEventFired")

    def value(self, expression: str) -> Any:
        """What a JavaScript expression gives."""
        told = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def texts(self, selector: str) -> list[str]:
        """The text of each such element that can be seen."""
        found = f"[...document.querySelectorAll({json.dumps(selector)})].filter((each) => each.checkVisibility())"
        return list(self.value(f"{found}.map((each) => each.innerText)"))

    def click(self, selector: str) -> None:
        """Clicks with the mouse into the middle of the first such element, as far as it can be seen."""
        box = self.value(
            f"(() => {{ const each = document.querySelector({json.dumps(selector)});"
            " each.scrollIntoView({block: 'center'}); const box = each.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def type(self, text: str) -> None:
        """Types into what has the focus."""
        self._call("Input.insertText", text=text)

    def press(self, key: str) -> None:
        """Presses one key; a letter or digit by itself."""
        text: dict[str, Any] = {"text": key} if len(key) == 1 else {}
        self._call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self._call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def choose(self, selector: str, value: str) -> None:
        """Chooses a value of a list; its pop-up is no part of the page."""
        self.value(
            f"(() => {{ const each = document.querySelector({json.dumps(selector)}); each.value = {json.dumps(value)};"
            " each.dispatchEvent(new Event('change')); return each.value; })()"
        )

    def downloaded(self) -> Path:
        """The file that the page gives next."""
        name = str(self._event("Browser.downloadWillBegin")["suggestedFilename"])
        while self._event("Browser.downloadProgress")["state"] != "completed":
            pass
        return self._downloads / name

    def complaints(self) -> list[str]:
        """What was asked of other addresses, and errors of the page and its policy."""
        self.value("1")  # what came before has arrived
        asked = [
            each["params"]["request"]["url"] for each in self._events if each["method"] == "Network.requestWillBeSent"
        ]
        wrong = [str(each["params"]) for each in self._events if each["method"] == "Runtime.exceptionThrown"]
        logged = [str(each["params"]) for each in self._events if each["method"] == "Log.entryAdded"]
        return [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] + wrong + logged

    def screenshot(self, path: Path) -> None:
        """A PNG of what can be seen."""
        path.write_bytes(b64decode(self._call("Page.captureScreenshot")["data"]))

    def _call(self, method: str, *, is_of_page: bool = True, **params: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        session = getattr(self, "_session", None)
        if is_of_page and session:
            message["sessionId"] = session
        self._connection.send(json.dumps(message))
        while True:
            told = json.loads(self._connection.recv(_PATIENCE_S))
            if told.get("id") == self._number:
                assert "error" not in told, told["error"]
                return dict(told["result"])
            self._events.append(told)

    def _event(self, method: str) -> dict[str, Any]:
        """The parameters of the next event of that name, which is then used up."""
        while True:
            for place, told in enumerate(self._events):
                if told.get("method") == method:
                    del self._events[place]
                    return dict(told["params"])
            self._events.append(json.loads(self._connection.recv(_PATIENCE_S)))


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser with an empty profile, whose downloads go to `folder`; it ends with the block."""
    assert CHROMIUM, "no Chromium is installed"
    profile = folder / "profile"
    process = subprocess.Popen(
        [
            CHROMIUM,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            "about:blank",
        ],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stderr
        mark = "DevTools listening on "
        address = next(line.partition(mark)[2].strip() for line in process.stderr if mark in line)
        with connect(address, max_size=None, compression=None) as connection:
            yield Browser(connection, folder)
            connection.send(json.dumps({"id": 0, "method": "Browser.close"}))
    finally:
        process.terminate()
        process.communicate(timeout=_PATIENCE_S)
