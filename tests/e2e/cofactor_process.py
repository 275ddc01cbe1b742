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


CONFIG = """
mode: %(mode)s
storage {
  rocksdb { folder: "store" }
  key_ring_file: "%(key_ring)s"
  backup_folder: "backups"
}
listeners { address: "%(address)s" %(security)s }
admin_key_file: "admin_key"
threads: %(threads)s
audit { retention { seconds: 34560000 } }
monitoring { http_address: "127.0.0.1:0" }
logging { calls: CALL_LOG_ALL }
messaging { %(messaging)s }
%(push)s
"""

# Texts stay in the server, and DevService shows them.
OUTBOX = """sms {
  gateways { name: "outbox" outbox {} }
  allowed_regions: ["DE", "US"]
}"""


def write_config(data_dir, **changes):
    """Writes a configuration into the data folder, and returns its path."""
    values = {
        "mode": "MODE_DEV",
        "key_ring": "key_ring",
        "address": "127.0.0.1:0",
        "security": "plaintext {}",
        "threads": 4,
        "push": "",
    }
    values.update(changes)
    values.setdefault(
        "messaging", OUTBOX if values["mode"] == "MODE_DEV" else "off {}"
    )
    path = os.path.join(data_dir, "cofactor.textproto")
    with open(path, "w", encoding="utf-8") as file:
        file.write(CONFIG % values)
    return path


class Server:
    """One run of the binary, on a port of its own choice. `changes` are those of
    write_config."""

    START_TIMEOUT_SECONDS = 30

    def __init__(self, data_dir, preexec_fn=None, **changes):
        self.data_dir = data_dir
        # A file, as a pipe that nobody reads would fill with log lines.
        with open(os.path.join(data_dir, "log"), "ab") as log:
            self.process = subprocess.Popen(
                [
                    runfile("services/cofactord"),
                    "--config=" + write_config(data_dir, **changes),
                ],
                # Unbuffered, so that select knows what there is to read.
                bufsize=0,
                stdout=subprocess.PIPE,
                stderr=log,
                preexec_fn=preexec_fn,
            )
        self.address = self.word_after("cofactord ready on ")
        self.metrics_url = self.word_after("cofactord metrics on ")
        with open(os.path.join(data_dir, "admin_key"), encoding="utf-8") as file:
            self.admin_key = file.read().strip()

    def word_after(self, start):
        """What the server prints behind these words."""
        ready, _, _ = select.select(
            [self.process.stdout], [], [], self.START_TIMEOUT_SECONDS
        )
        line = self.process.stdout.readline().decode() if ready else ""
        if line.startswith("cofactord: API key"):
            return self.word_after(start)
        if not line.startswith(start):
            self.process.kill()
            self.process.wait()
            raise AssertionError("no start: %r %r" % (line, self.log()))
        return line[len(start) :].strip()

    def log(self):
        with open(os.path.join(self.data_dir, "log"), encoding="utf-8") as file:
            return file.read()

    def call(self, method, key=None, **request):
        """Calls cofactor.v1.METHOD, as AuthService/Verify; returns the answer.
        key: API key; by default the administrator's."""
        if "." not in method:
            method = "cofactor.v1." + method
        result = subprocess.run(
            [
                "grpcurl",
                "-plaintext",
                "-H",
                "authorization: Bearer " + (key or self.admin_key),
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
        out, _ = self.process.communicate(timeout=30)
        return self.process.returncode, out.decode()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def run_command(data_dir, *flags, preexec_fn=None, **changes):
    """A run of the binary that has to end by itself; returns the exit code and
    what it says, first as output and then as errors."""
    result = subprocess.run(
        [
            runfile("services/cofactord"),
            "--config=" + write_config(data_dir, **changes),
            *flags,
        ],
        capture_output=True,
        timeout=60,
        check=False,
        preexec_fn=preexec_fn,
    )
    return result.returncode, result.stdout.decode(), result.stderr.decode()


def totp(base32_secret, server_time, steps_later=0):
    """What the app shows at the server's time, by oathtool."""
    at = int(server_time) + 30 * steps_later
    return subprocess.run(
        ["oathtool", "--totp", "-b", "--now", "@%d" % at, base32_secret],
        capture_output=True,
        check=True,
    ).stdout.decode().strip()


class ServerTest(unittest.TestCase):
    """A test with one server, in MODE_DEV, started anew by restart()."""

    MODE = "MODE_DEV"

    def setUp(self):
        self.data_dir = fresh_folder()
        self.server = Server(self.data_dir, mode=self.MODE)
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
        self.server = Server(self.data_dir, mode=self.MODE)

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

    def steady_now(self):
        """The server's time, with some ten seconds left of its time step, so that
        a code made from it is judged in the same step."""
        now = self.now()
        if now % 30 < 20:
            return now
        self.next_step()
        return self.now()

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
