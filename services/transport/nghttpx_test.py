#!/usr/bin/env python3
"""docs/nghttpx.conf for real: gRPC goes through it, and what would hurt a gRPC
server ends at it."""

import os
import re
import select
import socket
import ssl
import struct
import subprocess
import tempfile
import unittest

# No wait of these tests is longer.
TIMEOUT_SECONDS = 20

DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY, CONTINUATION = 0, 1, 3, 4, 7, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def runfile(path):
    return os.path.join(os.environ["TEST_SRCDIR"], os.environ["TEST_WORKSPACE"], path)


def read_until(stream, pattern):
    """Reads lines of a process until one matches."""
    said = b""
    while True:
        ready, _, _ = select.select([stream], [], [], TIMEOUT_SECONDS)
        more = os.read(stream.fileno(), 65536) if ready else b""
        if not more:
            raise AssertionError("no %s in %r" % (pattern, said))
        said += more
        match = re.search(pattern.encode(), said)
        if match:
            return match


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(
        ">BBI", kind, flags, stream
    ) + payload


def field(name, value):
    """A header field of HPACK, neither indexed nor Huffman coded."""
    out = b"\0"
    for text in (name, value):
        size = len(text)
        if size < 127:
            out += bytes([size])
        else:
            out += b"\x7f"
            size -= 127
            while size >= 128:
                out += bytes([size % 128 + 128])
                size //= 128
            out += bytes([size])
        out += text
    return out


CALL = b"".join(
    field(name, value)
    for name, value in [
        (b":method", b"POST"),
        (b":scheme", b"https"),
        (b":path", b"/grpc.health.v1.Health/Check"),
        (b":authority", b"localhost"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
    ]
)


class NghttpxTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=os.environ["TEST_TMPDIR"])
        self.backend = self.start(
            [runfile("services/transport/test_backend")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.backend_port = int(
            read_until(self.backend.stdout, r"ready on \S+:(\d+)\n").group(1)
        )
        self.make_certificate()
        self.start_proxy()

    def start(self, arguments, **options):
        process = subprocess.Popen(arguments, **options)

        def end():
            process.kill()
            process.communicate()

        self.addCleanup(end)
        return process

    def make_certificate(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"]
            + ["-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=localhost"]
            + ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
            + ["-keyout", "tls.key", "-out", "tls.crt"],
            cwd=self.folder,
            check=True,
            capture_output=True,
        )

    def start_proxy(self):
        # nghttpx takes no port 0, but a socket of its parent, as it hands one to
        # its successor when it is upgraded.
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(64)
            self.port = listener.getsockname()[1]
            with open(runfile("docs/nghttpx.conf")) as file:
                text = file.read()
            for before, after in [
                ("frontend=*,443", "frontend=127.0.0.1,%d" % self.port),
                ("127.0.0.1,50051", "127.0.0.1,%d" % self.backend_port),
                ("/etc/cofactor/edge", self.folder),
            ]:
                self.assertIn(before, text)
                text = text.replace(before, after)
            conf = os.path.join(self.folder, "nghttpx.conf")
            with open(conf, "w") as file:
                file.write(text)
            # One process, so that its end is the end of all. Its log is read
            # for as long as it writes it.
            log = open(os.path.join(self.folder, "nghttpx.log"), "wb")
            self.addCleanup(log.close)
            self.proxy = self.start(
                ["nghttpx", "--conf=" + conf, "--single-process"],
                stderr=log,
                env={**os.environ, "NGHTTPX_ACCEPT_1": "tcp,%d" % listener.fileno()},
                pass_fds=[listener.fileno()],
            )

    def grpcurl(self, *target, headers=()):
        return subprocess.run(
            ["grpcurl", "-v", "-max-time", str(TIMEOUT_SECONDS)]
            + ["-import-path", "/usr/share/grpc-proto"]
            + ["-proto", "grpc/health/v1/health.proto"]
            + [part for header in headers for part in ("-H", header)]
            + [*target, "grpc.health.v1.Health/Check"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=2 * TIMEOUT_SECONDS,
            check=False,
        )

    def call_proxy(self, *headers):
        return self.grpcurl(
            "-cacert",
            os.path.join(self.folder, "tls.crt"),
            "localhost:%d" % self.port,
            headers=headers,
        )

    def assert_serves(self):
        answer = self.call_proxy()
        self.assertEqual(answer.returncode, 0, answer.stderr)
        # And so does the backend itself, to those who know it.
        answer = self.grpcurl("-plaintext", "127.0.0.1:%d" % self.backend_port)
        self.assertEqual(answer.returncode, 0, answer.stderr)

    def connect(self, protocol="h2", **versions):
        context = ssl.create_default_context(
            cafile=os.path.join(self.folder, "tls.crt")
        )
        for name, version in versions.items():
            setattr(context, name, version)
        if protocol:
            context.set_alpn_protocols([protocol])
        raw = socket.create_connection(("127.0.0.1", self.port), TIMEOUT_SECONDS)
        self.addCleanup(raw.close)
        connection = context.wrap_socket(raw, server_hostname="localhost")
        self.addCleanup(connection.close)
        return connection

    def http2(self):
        connection = self.connect()
        connection.sendall(
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
            + frame(SETTINGS, 0, 0)
            + frame(SETTINGS, ACK, 0)
        )
        return connection

    def assert_cut(self, connection, send):
        """The other side closes the connection, be it while we send."""
        try:
            send()
            while connection.recv(65536):
                pass
        except (ConnectionError, ssl.SSLError):
            pass
        except socket.timeout:
            self.fail("the connection is still open")

    def test_passes_calls_and_their_authorization(self):
        answer = self.call_proxy("authorization: Bearer token-of-ada")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn(b"seen-authorization: Bearer token-of-ada", answer.stdout)

    def test_speaks_tls_from_12_on_and_http2_alone(self):
        self.assertEqual(self.connect().version(), "TLSv1.3")
        old = self.connect(maximum_version=ssl.TLSVersion.TLSv1_2)
        self.assertEqual(old.version(), "TLSv1.2")
        self.assertEqual(old.selected_alpn_protocol(), "h2")
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.connect(
                minimum_version=ssl.TLSVersion.TLSv1,
                maximum_version=ssl.TLSVersion.TLSv1_1,
            )

        http1 = self.connect("http/1.1")
        self.assert_cut(
            http1, lambda: http1.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        )

    def test_cuts_clients_that_stay_silent(self):
        before_tls = socket.create_connection(
            ("127.0.0.1", self.port), TIMEOUT_SECONDS
        )
        self.addCleanup(before_tls.close)
        after_tls = self.connect()
        for connection in (before_tls, after_tls):
            self.assert_cut(connection, lambda: None)
        self.assert_serves()

    def test_refuses_a_large_header_before_the_backend(self):
        small = self.call_proxy("filler: " + "x" * 4_000)
        self.assertEqual(small.returncode, 0, small.stderr)
        large = self.call_proxy("filler: " + "x" * 9_000)
        self.assertNotEqual(large.returncode, 0)
        many = self.call_proxy(*["filler-%d: x" % i for i in range(100)])
        self.assertNotEqual(many.returncode, 0)
        self.assert_serves()

    def test_cuts_a_header_split_into_many_frames(self):
        connection = self.http2()

        def flood():
            connection.sendall(frame(HEADERS, END_STREAM, 1, CALL))
            filler = field(b"filler", b"x" * 16_000)
            for _ in range(4 * 1024 * 1024 // len(filler)):
                connection.sendall(frame(CONTINUATION, 0, 1, filler))

        self.assert_cut(connection, flood)
        self.assert_serves()

    def test_cuts_a_header_split_into_tiny_frames(self):
        connection = self.http2()

        def flood():
            connection.sendall(frame(HEADERS, END_STREAM, 1, CALL))
            tiny = frame(CONTINUATION, 0, 1, field(b"a", b"b")) * 1_000
            for _ in range(100):
                connection.sendall(tiny)

        self.assert_cut(connection, flood)
        self.assert_serves()

    def test_cuts_calls_that_are_reset_as_fast_as_they_are_made(self):
        connection = self.http2()

        def flood():
            for start in range(1, 100_001, 2_000):
                connection.sendall(
                    b"".join(
                        frame(HEADERS, END_HEADERS, stream, CALL)
                        + frame(RST_STREAM, 0, stream, struct.pack(">I", 8))
                        for stream in range(start, start + 2_000, 2)
                    )
                )

        self.assert_cut(connection, flood)
        self.assert_serves()


if __name__ == "__main__":
    unittest.main()
