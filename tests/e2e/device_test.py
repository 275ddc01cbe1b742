#!/usr/bin/env python3
"""The authenticator for the command line as a person uses it: over TLS, with
codes, with a terminal, and with a key file that others want."""

import base64
import json
import os
import pty
import select
import signal
import subprocess
import time
import unittest

from cofactor_process import Server, ServerTest, fresh_folder, runfile, totp

PATIENCE_SECONDS = 30
PASSPHRASE = "a passphrase of a test"


def make_certificates(folder):
    """A CA and a server's certificate for 127.0.0.1."""
    os.mkdir(folder)

    def openssl(*arguments):
        subprocess.run(
            ["openssl", *arguments], cwd=folder, check=True, capture_output=True
        )

    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl(
        *["req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.crt"],
        *["-subj", "/CN=test CA", "-days", "2"],
    )
    openssl(
        *["req", "-x509", *new_key, "-keyout", "tls.key", "-out", "tls.crt"],
        *["-subj", "/CN=server", "-days", "2", "-CA", "ca.crt", "-CAkey", "ca.key"],
        *["-addext", "subjectAltName=IP:127.0.0.1"],
        *["-addext", "basicConstraints=critical,CA:FALSE"],
    )
    os.chmod(os.path.join(folder, "tls.key"), 0o600)


class DeviceTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.folder = fresh_folder()
        self.keys = os.path.join(self.folder, "keys")
        self.passphrase = os.path.join(self.folder, "passphrase")
        with open(self.passphrase, "w", encoding="utf-8") as file:
            file.write(PASSPHRASE + "\n")
        os.chmod(self.passphrase, 0o600)
        self.call("AccountService/CreateAccount", account={"account_id": "acme"})

    def command(self, *words):
        return [runfile("clients/device/cofactor_device"), "--file=" + self.keys, *words]

    def device(self, *words, stdin=""):
        """Runs a command; returns its exit code, output and errors."""
        result = subprocess.run(
            self.command("--passphrase_file=" + self.passphrase, *words),
            input=stdin.encode(),
            capture_output=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        return result.returncode, result.stdout.decode(), result.stderr.decode()

    def begin(self, factor_type="push"):
        self.call(
            "AccountService/CreateMember",
            member={"account_id": "acme", "member_id": "ada"},
        )
        begun = self.call(
            "AuthService/BeginEnrollment",
            account_id="acme",
            member_id="ada",
            factor_type=factor_type,
        )
        return begun["activation"][factor_type]

    def enrolled(self):
        uri = self.begin()["activation_uri"]
        server = "--server=http://" + self.server.address
        code, _, errors = self.device("enrol", "-", server, "--name=ada", stdin=uri)
        self.assertEqual(code, 0, errors)

    def challenge(self):
        created = self.call(
            "AuthService/CreateChallenge",
            account_id="acme",
            member_id="ada",
            factor_type="push",
            purpose="sign-in",
        )
        return created["challenge"]["challenge_id"], created["number"]

    def test_over_tls(self):
        uri = self.begin()["activation_uri"]
        self.server.stop()
        certificates = os.path.join(self.data_dir, "certs")
        make_certificates(certificates)
        self.server = Server(
            self.data_dir,
            address="0.0.0.0:0",
            security='tls { folder: "certs" '
            "client_certificates: CLIENT_CERTIFICATES_NONE }",
        )
        address = "127.0.0.1:" + self.server.address.rsplit(":", 1)[1]
        enrol = ["enrol", "-", "--name=ada", "--server=https://" + address]
        authority = "--ca_file=%s/ca.crt" % certificates
        # Nobody but who the CA vouches for is told the ticket.
        code, _, errors = self.device(*enrol, stdin=uri)
        self.assertEqual(code, 69, errors)
        code, _, errors = self.device(*enrol, authority, stdin=uri)
        self.assertEqual(code, 0, errors)
        created = subprocess.run(
            ["grpcurl", "-cacert", certificates + "/ca.crt", "-H"]
            + ["authorization: Bearer " + self.server.admin_key, "-d"]
            + ['{"account_id": "acme", "member_id": "ada", "factor_type": "push",'
               ' "purpose": "sign-in"}']
            + [address, "cofactor.v1.AuthService/CreateChallenge"],
            capture_output=True,
            check=True,
        )
        created = json.loads(created.stdout)
        challenge_id = created["challenge"]["challenge_id"]
        code, said, errors = self.device(
            "approve", challenge_id, "--number=" + created["number"]
        )
        self.assertEqual(code, 0, errors)
        self.assertIn("accepted: %s APPROVED\n" % challenge_id, said)

    def test_codes_are_those_of_the_server(self):
        begun = self.begin("totp")
        picture = os.path.join(self.folder, "qr.png")
        with open(picture, "wb") as file:
            file.write(base64.b64decode(begun["qr_png"]))
        code, _, errors = self.device("enrol", "--qr=" + picture)
        self.assertEqual(code, 0, errors)
        seed = begun["base32_secret"]
        # One of the two steps around the moment of the call.
        before = totp(seed, time.time())
        code, said, errors = self.device("codes", "--json")
        self.assertEqual(code, 0, errors)
        self.assertIn(json.loads(said)["code"], [before, totp(seed, time.time())])

    def test_rotates_while_it_is_watched(self):
        self.enrolled()
        watch = subprocess.Popen(
            self.command("--passphrase_file=" + self.passphrase, "watch", "--json"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        self.addCleanup(watch.stdout.close)
        self.addCleanup(watch.wait)
        self.addCleanup(watch.kill)
        self.assertEqual(json.loads(watch.stdout.readline())["event"], "connected")
        code, _, errors = self.device("rotate", "ada")
        self.assertEqual(code, 0, errors)
        challenge_id, number = self.challenge()
        code, said, errors = self.device("approve", challenge_id, "--number=" + number)
        self.assertEqual(code, 0, said + errors)
        # The end of the input ended nothing; a signal does.
        self.assertIsNone(watch.poll())
        watch.send_signal(signal.SIGTERM)
        self.assertEqual(watch.wait(PATIENCE_SECONDS), 0)

    def test_exit_codes(self):
        self.assertEqual(self.device("list")[0], 66)
        self.assertEqual(self.device("dance")[0], 64)
        self.enrolled()
        challenge_id, number = self.challenge()
        wrong = "%06d" % ((int(number) + 1) % 1_000_000)
        self.assertEqual(self.device("approve", challenge_id, "--number=" + wrong)[0], 1)
        self.assertEqual(self.device("approve", challenge_id, "--number=12345")[0], 64)
        self.assertEqual(self.device("deny", "none")[0], 66)
        address = self.server.address
        self.server.kill()
        self.assertEqual(self.device("list")[0], 69)
        self.server = Server(self.data_dir, mode=self.MODE, address=address)
        self.assertEqual(self.device("deny", challenge_id)[0], 0)
        with open(self.passphrase, "w", encoding="utf-8") as file:
            file.write("another passphrase")
        code, _, errors = self.device("list")
        self.assertEqual(code, 77)
        self.assertIn("passphrase", errors)
        with open(self.keys, "r+b") as file:
            file.seek(100)
            file.write(b"xyz")
        code, _, errors = self.device("list")
        self.assertEqual(code, 65)
        self.assertIn("damaged", errors)

    def test_no_secret_is_on_disk(self):
        self.enrolled()
        uri = "otpauth://totp/ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        self.assertEqual(self.device("enrol", "-", stdin=uri)[0], 0)
        for root, _, names in os.walk(self.folder):
            for name in names:
                path = os.path.join(root, name)
                self.assertEqual(os.stat(path).st_mode & 0o077, 0, path)
                with open(path, "rb") as file:
                    content = file.read()
                for secret in [b"12345678901234567890", b"GEZDGNBV", b"acme"]:
                    self.assertNotIn(secret, content, path)

    def test_a_person_at_a_terminal(self):
        self.enrolled()
        challenge_id, number = self.challenge()
        pid, terminal = pty.fork()
        if pid == 0:
            command = self.command("watch")
            os.execv(command[0], command)
        self.addCleanup(os.close, terminal)
        seen = ""

        def read_until(text):
            nonlocal seen
            while text not in seen:
                ready, _, _ = select.select([terminal], [], [], PATIENCE_SECONDS)
                self.assertTrue(ready, seen)
                seen += os.read(terminal, 4096).decode()

        read_until("key file: ")
        os.write(terminal, (PASSPHRASE + "\n").encode())
        read_until('"not me"? ')
        self.assertNotIn(PASSPHRASE, seen)
        self.assertIn(challenge_id, seen)
        os.write(terminal, b"yes\n")
        read_until("say the number")
        os.write(terminal, ("%s %s\n" % (number[:3], number[3:])).encode())
        read_until("accepted: %s APPROVED" % challenge_id)
        # Ctrl-C ends it.
        os.write(terminal, b"\x03")
        _, status = os.waitpid(pid, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), 0)


if __name__ == "__main__":
    unittest.main()
