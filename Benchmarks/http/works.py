"""What is measured."""

from dataclasses import dataclass

# Connections: every work is measured with the first number, most with the others too.
MAIN_LOAD = 64
OTHER_LOADS = [16, 256]


@dataclass
class Work:
    """`key` is its name in load.lua; `goal` is what it is to be, times Go's rate."""

    key: str
    title: str
    goal: float | None = None
    at_all_loads: bool = False
    writes: bool = False


WORKS = [
    Work("health", "`/health`", at_all_loads=True),
    Work("id", "post by id", goal=1.3, at_all_loads=True),
    Work("few", "post by id, of 1,000", at_all_loads=True),
    Work("counted", "post by id, view counted", goal=3, at_all_loads=True, writes=True),
    Work("slug", "post by slug", goal=1.3),
    Work("list", "20 newest posts", goal=2, at_all_loads=True),
    Work("views", "20 most viewed posts", goal=2),
    Work("unchanged", "post by id, 304"),
    Work("command", "new post", goal=1, at_all_loads=True, writes=True),
    Work("same title", "new post, one title for all", writes=True),
    Work("mix", "mix", goal=1.5, at_all_loads=True, writes=True),
]
