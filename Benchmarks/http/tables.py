"""The tables and lines that go into Benchmarks/README.md. Ratios are medians of the ratios of each round."""

import statistics

from works import MAIN_LOAD, OTHER_LOADS, WORKS

TITLES = {work.key: work.title for work in WORKS}


def median(results, key):
    return statistics.median(result[key] for result in results)


def ratio(mine, others):
    """The median of each round's ratio."""
    return statistics.median(one["rate"] / other["rate"] for one, other in zip(mine, others))


def main_table(results, contenders, works):
    lines = [
        "| work | what | requests/s | × Go | p50 ms | p99 ms | server s | database s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for work in works:
        for name in contenders:
            rounds = results[work.key, MAIN_LOAD, name]
            times = f"{ratio(rounds, results[work.key, MAIN_LOAD, 'Go']):.2f}" if "Go" in contenders else ""
            shown = (("p50", ".2f"), ("p99", ".2f"), ("server", ".3f"), ("database", ".3f"))
            figures = " | ".join(format(median(rounds, key), form) for key, form in shown)
            lines.append(f"| {work.title} | {name} | {median(rounds, 'rate'):,.0f} | {times} | {figures} |")
    return "\n".join(lines)


def other_loads_table(results, contenders, works):
    lines = [f"| work | connections | {' | '.join(contenders)} |", "| --- | --- |" + " --- |" * len(contenders)]
    for work in works:
        for connections in OTHER_LOADS if work.at_all_loads else []:
            runs = [results[work.key, connections, name] for name in contenders]
            cells = " | ".join(f"{median(run, 'rate'):,.0f} ({median(run, 'p99'):.1f})" for run in runs)
            lines.append(f"| {work.title} | {connections} | {cells} |")
    return "\n".join(lines)


def offered_table(found):
    lines = ["| work | requests/s | what | answered/s | p50 ms | p99 ms |", "| --- | --- | --- | --- | --- | --- |"]
    for (key, rate, name), rounds in found.items():
        figures = f"{median(rounds, 'rate'):,.0f} | {median(rounds, 'p50'):.2f} | {median(rounds, 'p99'):.2f}"
        lines.append(f"| {TITLES[key]} | {rate:,.0f} | {name} | {figures} |")
    return "\n".join(lines)


def goals(results, works):
    """Where Annals stands, work by work."""
    lines = []
    rate = lambda key, name: results.get((key, MAIN_LOAD, name))
    for work in works:
        if work.goal and rate(work.key, "Go"):
            lines.append(f"- {work.title}: {ratio(rate(work.key, 'Annals'), rate(work.key, 'Go')):.2f} × Go (goal {work.goal:g})")
    for key, of, goal in (("few", "health", "from the exact cache 0.9"), ("same title", "command", "0.7")):
        if rate(key, "Annals") and rate(of, "Annals"):
            lines.append(f"- {TITLES[key]}: {ratio(rate(key, 'Annals'), rate(of, 'Annals')):.2f} × its own {TITLES[of]} (goal {goal})")
    return "\n".join(lines)
