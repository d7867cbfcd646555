"""Opens the pages of a running system in Chromium as a newcomer would: looks at them light and dark, narrow and wide, and makes a first post.

browse.py BASE [FOLDER]: prints what is wrong, one thing a line, and what it has done. With a folder it leaves screenshots there.
"""

import json
import sys
import time

from chromium import Page
from looks import faults

base = sys.argv[1]
screenshots = sys.argv[2] if len(sys.argv) > 2 else None
page = Page()
found = []


def note(name):
    if screenshots:
        page.screenshot(f"{screenshots}/{name.replace(' ', '-')}.png")
    found.extend(faults(page, name))
    found.extend(f"{name}: blocked: {violation}" for violation in page.run("window.violations"))


def call(tag, operation):
    """Opens a call's form, sends it as it stands, and returns the status and the body that the page shows."""
    block = f"#operations-{tag}-{operation}"
    page.press(f"{block} .opblock-summary-control", unless=f"{block}.is-open")
    page.press(f"{block} button.execute")
    # Swagger UI takes no press before it has filled the form, and its button rests while a call is under way. So a press without effect is repeated.
    status = page.wait(f"""(() => {{
      const status = document.querySelector("{block} .live-responses-table .response .response-col_status")?.innerText;
      const button = document.querySelector("{block} button.execute");
      if (!status && button && !button.disabled) button.click();
      return status;
    }})()""", pause=2)
    body = f"{block} .live-responses-table .response"
    return status.split()[0], page.run(f'document.querySelector("{body} .microlight, {body} code")?.innerText ?? ""')


try:
    for scheme in ("light", "dark"):
        for width in (360, 1280):
            page.show(width, scheme)
            page.open(base + "/")
            page.wait('document.getElementById("status").classList.contains("good")')
            note(f"start {scheme} {width}")
            page.open(base + "/docs")
            page.wait('document.querySelectorAll(".opblock").length > 20')
            note(f"docs {scheme} {width}")
            status, _ = call("Posts", "listPosts")
            if status != "200":
                found.append(f"GET /posts answers {status}")
            note(f"call {scheme} {width}")

    # The newcomer follows the links of the page, and sends the examples as they are.
    page.show(1280, "light")
    page.open(base + "/")
    page.press("a[href='/docs#/Accounts/register']")
    page.wait("location.pathname === '/docs' && document.querySelector('#operations-Accounts-register.is-open')")
    answers = [call("Accounts", "register"), call("Accounts", "login")]
    page.press("header a[href='#/Posts/createPost']")
    page.wait("document.querySelector('#operations-Posts-createPost.is-open')")
    answers += [call("Posts", "createPost")]
    end = time.monotonic() + 600
    listed = call("Posts", "listPosts")
    # The list may be a moment behind, and the page shows the answer before until the next is there.
    while '"slug": "hello"' not in listed[1] and time.monotonic() < end:
        time.sleep(1)
        listed = call("Posts", "listPosts")
    answers += [listed]
    note("a first post")
    found += [f"page: {complaint}" for complaint in page.complaints]
finally:
    page.close()
print(json.dumps({"found": found, "statuses": [status for status, _ in answers], "shown": answers[-1][1]}))
