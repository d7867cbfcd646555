"""Chromium without a window, driven by the Chrome DevTools Protocol."""

import atexit
import base64
import itertools
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time

import websocket

COMPLAINTS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber} ${event.sample}`));
"""


class Page:
    """One page, and everything that it complained of."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="annals-chromium-")
        options = ["--headless=new", "--remote-debugging-port=0", f"--user-data-dir={self.folder}", "--disable-gpu", "--hide-scrollbars",
                   "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
        # Its sandbox refuses to run as root.
        if os.geteuid() == 0:
            options.append("--no-sandbox")
        self.process = subprocess.Popen(["chromium", *options, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        # However this ends, it leaves no Chromium behind.
        atexit.register(self.process.kill)
        address, said = None, []
        for line in self.process.stderr:
            said.append(line)
            if match := re.search(r"DevTools listening on (ws://\S+)", line):
                address = match[1]
                break
        if address is None:
            raise SystemExit("Chromium did not start:\n" + "".join(said[-20:]))
        # It goes on to write, and would wait for a reader.
        threading.Thread(target=lambda: [None for _ in self.process.stderr], daemon=True).start()
        self.socket = websocket.create_connection(address, timeout=600, suppress_origin=True)
        self.ids = itertools.count(1)
        self.session = None
        self.complaints = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility"]:
            self.send(f"{domain}.enable")
        self.send("Page.addScriptToEvaluateOnNewDocument", source=COMPLAINTS)

    def close(self):
        self.socket.close()
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def send(self, method, **parameters):
        message = {"id": next(self.ids), "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.socket.send(json.dumps(message))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == message["id"]:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.hear(answer)

    def hear(self, event):
        method, what = event.get("method"), event.get("params", {})
        if method == "Runtime.consoleAPICalled" and what["type"] in ("error", "warning", "assert"):
            self.complaints.append(f"console.{what['type']}: {[argument.get('value', argument.get('description')) for argument in what['args']]}")
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(f"exception: {what['exceptionDetails'].get('exception', {}).get('description', what['exceptionDetails']['text'])}")
        elif method == "Log.entryAdded" and what["entry"]["level"] in ("error", "warning"):
            # A busy machine may not be ready for a moment, and says so.
            if " 503 " in what["entry"]["text"] and what["entry"].get("url", "").endswith("/ready"):
                return
            self.complaints.append(f"log: {what['entry']['text']} {what['entry'].get('url', '')}")
        elif method == "Network.loadingFailed" and not what.get("canceled"):
            self.complaints.append(f"request failed: {what['errorText']} {what.get('blockedReason', '')}")

    def show(self, width, scheme):
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 600)
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, url):
        """Opens a page anew, even where only the part behind # differs."""
        for address in ("about:blank", url):
            self.send("Page.navigate", url=address)
            self.wait(f'document.readyState === "complete" && location.href.split("#")[0] === {json.dumps(address.split("#")[0])}')

    def run(self, expression):
        answer = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"].get("exception", {}).get("description", answer["exceptionDetails"]["text"]))
        return answer["result"].get("value")

    def wait(self, condition, seconds=600, leaves=False, pause=0.05):
        """Waits until the page fulfils a condition, and returns its value. With `leaves`, going elsewhere fulfils it, too.

        It asks again and again, since a promise of a page ends in an error when the page goes elsewhere meanwhile."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                value = self.run(f"(() => {{ const value = {condition}; return value instanceof Node ? true : value; }})()")
            except RuntimeError as error:
                # The page that was asked is gone, and the next is on its way.
                if not re.search("navigated or closed|context was destroyed|Cannot find (default execution )?context|collected", str(error)):
                    raise
                value = leaves
            if value:
                return value
            time.sleep(pause)
        raise RuntimeError(f"waited in vain for {condition}; the page shows: {self.run('document.body.innerText')[:2000]}")

    def press(self, selector, unless=None):
        """Clicks an element in the same moment in which it is there: a page may draw it anew between two looks."""
        pressed = f"(element => element && (element.click(), true))(document.querySelector({json.dumps(selector)}))"
        self.wait(f"document.querySelector({json.dumps(unless)}) || {pressed}" if unless else pressed, leaves=True)

    def screenshot(self, path):
        height = min(self.run("document.documentElement.scrollHeight"), 6000)
        width = self.run("innerWidth")
        data = self.send("Page.captureScreenshot", captureBeyondViewport=True, clip={"x": 0, "y": 0, "width": width, "height": height, "scale": 1})
        with open(path, "wb") as file:
            file.write(base64.b64decode(data["data"]))
