"""What Annals takes when nothing is asked of it: a start on its data, and connections that are held open."""

import asyncio
import resource

from client import Client


def starting(annals):
    """Stops it and starts it again on the data that it has."""
    annals.stop()
    annals.start()
    return f"start to ready on this data: {annals.start_seconds:.2f} s"


def holding(annals, count):
    """Opens so many connections that stay open, and asks on each once more at the end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count + 500:
        return f"{count:,} idle connections: not measured, this machine allows {hard:,} descriptors"
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 500), hard))

    async def hold():
        clients = [Client(annals.url) for _ in range(count)]
        for client in clients:
            await client.call("GET", "/health")
        resident = annals.resident_megabytes()
        answers = [(await client.call("GET", "/health"))[0] for client in clients]
        for client in clients:
            client.close()
        return resident, answers.count(200)

    before = annals.resident_megabytes()
    resident, held = asyncio.run(hold())
    return f"{held:,} idle connections of {count:,} held: {resident:.0f} MB resident, {before:.0f} MB before"
