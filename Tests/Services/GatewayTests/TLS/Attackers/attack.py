"""Clients of HTTP/2 that do not play fair. attack.py KIND PORT: says what has become of them in words that the test knows."""
import socket
import ssl
import sys
import time

import h2.config
import h2.connection
import h2.events
import h2.exceptions

PATIENCE = 120


class Client:
    """A connection, with the events of its frames."""

    def __init__(self, port, alpn=("h2",)):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(list(alpn))
        plain = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(header_encoding="utf-8", validate_outbound_headers=False, normalize_outbound_headers=False))
        self.ended = False
        self.goaway = None

    def begin(self):
        self.h2.initiate_connection()
        self.flush()
        return self

    def settle(self):
        """Returns when the server has applied its own settings, which it does once it knows that the client has them (RFC 9113 §6.5.3)."""
        has_settings = False
        for event in self.events():
            if isinstance(event, h2.events.RemoteSettingsChanged) and not has_settings:
                has_settings = True
                self.h2.ping(b"applied!")
                self.flush()
            elif isinstance(event, h2.events.PingAckReceived) and event.ping_data == b"applied!":
                break
        return self

    def flush(self):
        try:
            self.socket.sendall(self.h2.data_to_send())
        except OSError:
            self.ended = True

    def request(self, stream, path="/", method="GET", headers=(), end=True):
        head = [(":method", method), (":path", path), (":scheme", "https"), (":authority", "localhost")]
        self.h2.send_headers(stream, head + list(headers), end_stream=end)

    def events(self):
        """The events of what has come, until the connection ends or nothing has come for long."""
        while not self.ended:
            try:
                data = self.socket.recv(65536)
            except OSError:
                data = b""
            if not data:
                self.ended = True
                return
            try:
                events = self.h2.receive_data(data)
            except h2.exceptions.ProtocolError as error:
                events = [error]
            self.flush()
            for event in events:
                if isinstance(event, h2.events.ConnectionTerminated):
                    self.goaway = event.error_code
                yield event

    def outcome(self, streams):
        """The status, or the kind of end, of each of these streams."""
        found = {}
        open_streams = set(streams)
        for event in self.events():
            stream = getattr(event, "stream_id", None)
            if isinstance(event, h2.events.ResponseReceived):
                found[stream] = dict(event.headers)[":status"]
            elif isinstance(event, h2.events.DataReceived):
                self.h2.acknowledge_received_data(event.flow_controlled_length, stream)
                self.flush()
            elif isinstance(event, h2.events.StreamReset):
                found.setdefault(stream, "reset %d" % event.error_code)
                open_streams.discard(stream)
            elif isinstance(event, h2.events.StreamEnded):
                open_streams.discard(stream)
            if not open_streams:
                break
        return [found.get(stream, "nothing") for stream in streams]

    def end(self):
        for _ in self.events():
            pass
        return "ended" if self.ended else "open"


def slow_body(port):
    client = Client(port).begin()
    client.request(1, method="POST", headers=[("content-length", "1000")], end=False)
    client.request(3)
    client.h2.send_data(1, b"x")
    client.flush()
    return " ".join(client.outcome([1, 3]))


def stalled_reader(port):
    client = Client(port).begin()
    client.request(1, path="/large")
    client.request(3)
    client.flush()
    reset = None
    for event in client.events():
        # No window is given back, so the large response waits for ever.
        if isinstance(event, h2.events.StreamReset) and event.stream_id == 1:
            reset = "reset"
            break
    return reset or client.end()


def rapid_reset(port):
    client = Client(port).begin()
    stream = 1
    for _ in range(1000):
        client.request(stream)
        client.h2.reset_stream(stream)
        stream += 2
        if stream % 100 == 1:
            client.flush()
    client.flush()
    return client.end()


def many_streams(port):
    client = Client(port).begin()
    for _ in client.events():
        break
    client.h2.remote_settings.max_concurrent_streams = 2 ** 31 - 1
    client.h2.remote_settings.acknowledge()
    streams = list(range(1, 2 * 8, 2))
    for stream in streams:
        client.request(stream, method="POST", headers=[("content-length", "1")], end=False)
    client.flush()
    for stream in streams:
        try:
            client.h2.send_data(stream, b"x", end_stream=True)
        except h2.exceptions.ProtocolError:
            pass
    client.flush()
    outcomes = client.outcome(streams)
    return "%d answered, %s" % (outcomes.count("200"), "refused" if len(set(outcomes)) > 1 or client.ended else "none refused")


def large_head(port):
    client = Client(port).begin().settle()
    client.request(1, headers=[("x-filler", "y" * 40_000)])
    client.request(3)
    client.flush()
    return " ".join(client.outcome([1, 3]))


def many_fields(port):
    client = Client(port).begin()
    client.request(1, headers=[("x-%d" % number, "y") for number in range(150)])
    client.flush()
    return " ".join(client.outcome([1]))


def huge_head(port):
    client = Client(port).begin()
    client.request(1, headers=[("x-%d" % number, "y" * 9000) for number in range(12)])
    client.flush()
    return client.end()


def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def continuation_flood(port):
    client = Client(port).begin()
    try:
        client.socket.sendall(frame(1, 0, 1, b"\x82"))
        for _ in range(10_000):
            client.socket.sendall(frame(9, 0, 1, b""))
    except OSError:
        client.ended = True
    return client.end()


def slow_head(port):
    client = Client(port).begin()
    client.socket.sendall(frame(1, 0, 1, b"\x82"))
    return client.end()


def half_frame(port):
    client = Client(port).begin()
    client.socket.sendall(frame(8, 0, 0, b"\0\0\0\1")[:7])
    return client.end()


def no_preface(port):
    client = Client(port)
    client.socket.sendall(b"PRI * HT")
    return client.end()


def idle(port):
    client = Client(port).begin()
    client.request(1)
    client.flush()
    answered = client.outcome([1])[0]
    return "%s %s %s" % (answered, client.end(), "GOAWAY %s" % int(client.goaway) if client.goaway is not None else "")


def pings(port):
    client = Client(port).begin()
    try:
        for _ in range(5000):
            client.socket.sendall(frame(6, 0, 0, b"12345678"))
    except OSError:
        client.ended = True
    return client.end()


def no_handshake(port):
    plain = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    plain.sendall(b"\x16\x03\x01")
    return "ended" if plain.recv(1) == b"" else "open"


def bad_heads(port):
    outcomes = []
    for path, headers in [("/" + "x" * 9000, []), ("/é", []), ("/", [("connection", "close")]), ("/", [("transfer-encoding", "chunked")])]:
        client = Client(port).begin()
        client.request(1, path=path, headers=headers)
        client.flush()
        outcomes.append(client.outcome([1])[0].split(" ")[0])
    return " ".join(outcomes)


def hosts(port):
    outcomes = []
    for hosts in [["localhost"], ["LOCALHOST:443"], ["elsewhere"], ["localhost", "elsewhere"]]:
        client = Client(port).begin()
        client.request(1, headers=[("host", host) for host in hosts])
        client.flush()
        outcomes.append(client.outcome([1])[0].split(" ")[0])
    return " ".join(outcomes)


def unannounced_body(port):
    client = Client(port).begin()
    client.request(1, method="POST", end=False)
    client.h2.send_data(1, b"abc")
    client.h2.send_data(1, b"def", end_stream=True)
    client.flush()
    body = b""
    for event in client.events():
        if isinstance(event, h2.events.DataReceived):
            body += event.data
        if isinstance(event, h2.events.StreamEnded):
            break
    return body.decode()


def close_over_tls(port):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE), server_hostname="localhost")
    connection.sendall(b"GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    text = b""
    while part := connection.recv(65536):
        text += part
    return text.split(b" ")[1].decode() + " ended"


if __name__ == "__main__":
    print(globals()[sys.argv[1]](int(sys.argv[2])))
