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
        address = None
        for line in self.process.stderr:
            if match := re.search(r"DevTools listening on (ws://\S+)", line):
                address = match[1]
                break
        if address is None:
            raise SystemExit("Chromium did not start")
        # It goes on to write, and would wait for a reader.
        threading.Thread(target=lambda: [None for _ in self.process.stderr], daemon=True).start()
        self.socket = websocket.create_connection(address, timeout=240, suppress_origin=True)
        self.ids = itertools.count(1)
        self.session = None
        self.complaints = []
        self.loading = self.loaded = None
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
        if method == "Page.frameNavigated":
            self.loading = what["frame"]["url"]
        elif method == "Page.loadEventFired":
            self.loaded = self.loading
        elif method == "Runtime.consoleAPICalled" and what["type"] in ("error", "warning", "assert"):
            self.complaints.append(f"console.{what['type']}: {[argument.get('value', argument.get('description')) for argument in what['args']]}")
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(f"exception: {what['exceptionDetails'].get('exception', {}).get('description', what['exceptionDetails']['text'])}")
        elif method == "Log.entryAdded" and what["entry"]["level"] in ("error", "warning"):
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
            while self.loaded != address.split("#")[0]:
                self.hear(json.loads(self.socket.recv()))

    def run(self, expression):
        answer = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"].get("exception", {}).get("description", answer["exceptionDetails"]["text"]))
        return answer["result"].get("value")

    def wait(self, condition, seconds=120):
        """Waits until the page fulfils a condition, and returns its value."""
        return self.run(f"""new Promise((resolve, reject) => {{
            const last = setTimeout(() => reject(new Error({json.dumps("waited in vain for " + condition)})), {seconds * 1000});
            const look = () => {{
              const value = (() => {{ return {condition}; }})();
              if (value) {{ clearTimeout(last); resolve(value instanceof Node ? true : value); }} else requestAnimationFrame(look);
            }};
            look();
        }})""")

    def screenshot(self, path):
        height = min(self.run("document.documentElement.scrollHeight"), 6000)
        width = self.run("innerWidth")
        data = self.send("Page.captureScreenshot", captureBeyondViewport=True, clip={"x": 0, "y": 0, "width": width, "height": height, "scale": 1})
        with open(path, "wb") as file:
            file.write(base64.b64decode(data["data"]))
