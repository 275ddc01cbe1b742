"""Starts the server binary and drives it with grpcurl. For tests."""

import calendar
import json
import os
import re
import select
import signal
import subprocess
import tempfile
import time
import unittest


def runfile(path):
    """Path of a file that the test depends on."""
    return os.path.join(os.environ["TEST_SRCDIR"], os.environ["TEST_WORKSPACE"], path)


def fresh_folder():
    return tempfile.mkdtemp(dir=os.environ["TEST_TMPDIR"])


class RpcError(Exception):
    """An RPC that did not answer OK. `code` is a name, as NotFound."""

    def __init__(self, output):
        super().__init__(output)
        self.output = output
        code = re.search(r"Code: (\w+)", output)
        self.code = code.group(1) if code else ""
        reason = re.search(r'"reason": ?"(\w+)"', output)
        self.reason = reason.group(1) if reason else ""


class Server:
    """One run of the binary. A port of its own choice, a data folder of ours."""

    START_TIMEOUT_SECONDS = 30

    def __init__(self, data_dir, *flags, preexec_fn=None):
        self.process = subprocess.Popen(
            [
                runfile("services/cofactord"),
                "--listen=127.0.0.1:0",
                "--data_dir=" + data_dir,
                *flags,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=preexec_fn,
        )
        ready, _, _ = select.select(
            [self.process.stdout], [], [], self.START_TIMEOUT_SECONDS
        )
        line = self.process.stdout.readline().decode() if ready else ""
        match = re.match(r"cofactord ready on (\S+)", line)
        if match is None:
            self.process.kill()
            raise AssertionError(
                "no start: %r %r" % (line, self.process.communicate()[1])
            )
        self.address = match.group(1)

    def call(self, method, **request):
        """Calls cofactor.v1.METHOD, as AuthService/Verify; returns the answer."""
        if "." not in method:
            method = "cofactor.v1." + method
        result = subprocess.run(
            [
                "grpcurl",
                "-plaintext",
                "-emit-defaults",
                "-max-time",
                "20",
                "-d",
                "@",
                self.address,
                method,
            ],
            input=json.dumps(request).encode(),
            capture_output=True,
            check=False,
        )
        if result.returncode != 0:
            raise RpcError((result.stdout + result.stderr).decode())
        return json.loads(result.stdout)

    def list(self, *what):
        return subprocess.run(
            ["grpcurl", "-plaintext", self.address, *(what or ["list"])],
            capture_output=True,
            check=True,
        ).stdout.decode()

    def stop(self):
        """SIGTERM; returns the exit code and all that was printed."""
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out.decode() + err.decode()

    def kill(self):
        self.process.kill()
        self.process.communicate()


def start_and_fail(data_dir, *flags, preexec_fn=None):
    """A start that has to be refused; returns the exit code and what it says."""
    result = subprocess.run(
        [
            runfile("services/cofactord"),
            "--listen=127.0.0.1:0",
            "--data_dir=" + data_dir,
            *flags,
        ],
        capture_output=True,
        timeout=60,
        check=False,
        preexec_fn=preexec_fn,
    )
    return result.returncode, result.stderr.decode()


def totp(base32_secret, server_time, steps_later=0):
    """What the app shows at the server's time, by oathtool."""
    at = int(server_time) + 30 * steps_later
    return subprocess.run(
        ["oathtool", "--totp", "-b", "--now", "@%d" % at, base32_secret],
        capture_output=True,
        check=True,
    ).stdout.decode().strip()


class ServerTest(unittest.TestCase):
    """A test with one server with --dev, started anew by restart()."""

    FLAGS = ("--dev",)

    def setUp(self):
        self.data_dir = fresh_folder()
        self.server = Server(self.data_dir, *self.FLAGS)
        self.addCleanup(lambda: self.server.kill())

    def call(self, method, **request):
        return self.server.call(method, **request)

    def refused(self, method, **request):
        """The RpcError of a call that has to fail."""
        with self.assertRaises(RpcError) as caught:
            self.call(method, **request)
        return caught.exception

    def restart(self):
        code, output = self.server.stop()
        self.assertEqual(code, 0, output)
        self.server = Server(self.data_dir, *self.FLAGS)

    def now(self):
        answer = self.call("cofactor.dev.v1.DevService/GetClock")
        text = answer["time"].split(".")[0].rstrip("Z") + "Z"
        return time_of(text)

    def move_clock(self, seconds):
        self.call("cofactor.dev.v1.DevService/MoveClock", forward="%ds" % seconds)

    def next_step(self):
        """Moves the clock to the middle of the next time step, so that no test
        stands on an edge."""
        now = self.now()
        self.move_clock(30 - now % 30 + 15)

    def enrol(self, member_id):
        """Creates a member with a TOTP enrollment; returns its id and seed."""
        self.call(
            "AccountService/CreateMember",
            member={"account_id": "acme", "member_id": member_id},
        )
        begun = self.call(
            "AuthService/BeginEnrollment",
            account_id="acme",
            member_id=member_id,
            factor_type="totp",
        )
        enrollment_id = begun["enrollment"]["enrollment_id"]
        seed = begun["activation"]["totp"]["base32_secret"]
        confirmed = self.call(
            "AuthService/ConfirmEnrollment",
            account_id="acme",
            member_id=member_id,
            enrollment_id=enrollment_id,
            response={"code": totp(seed, self.now())},
        )
        self.assertTrue(confirmed["verified"])
        return enrollment_id, seed

    def verify(self, code, member_id=""):
        return self.call(
            "AuthService/Verify", account_id="acme", member_id=member_id, code=code
        )


def time_of(timestamp):
    return calendar.timegm(time.strptime(timestamp, "%Y-%m-%dT%H:%M:%SZ"))
