#!/usr/bin/env python3
"""What can be wrong at a start: each has a clear error and an exit code, and
nothing is lost."""

import glob
import os
import resource
import unittest

from cofactor_process import (
    RpcError,
    Server,
    ServerTest,
    fresh_folder,
    run_command,
    totp,
)

EX_USAGE, EX_DATAERR, EX_UNAVAILABLE, EX_CONFIG = 64, 65, 69, 78


class StartTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.call("AccountService/CreateAccount", account={"account_id": "acme"})

    def assert_refused(self, code, words, data_dir=None, **changes):
        got, _, said = run_command(data_dir or self.data_dir, **changes)
        self.assertEqual(got, code, said)
        for word in words:
            self.assertIn(word, said)
        self.assertEqual(said.count("\n"), 1, said)

    def assert_account_is_there(self):
        self.server = Server(self.data_dir)
        got = self.call("AccountService/GetAccount", account_id="acme")
        self.assertEqual(got["account"]["account_id"], "acme")

    def test_second_server_on_the_same_folder(self):
        self.assert_refused(EX_CONFIG, ["another", self.data_dir])
        self.call("AccountService/GetAccount", account_id="acme")

    def test_second_server_on_the_same_port(self):
        self.assert_refused(
            EX_UNAVAILABLE,
            ["another", "port"],
            data_dir=fresh_folder(),
            address=self.server.address,
        )

    def test_beyond_loopback(self):
        for address in ("0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.com:0"):
            self.assert_refused(
                EX_USAGE, ["loopback"], data_dir=fresh_folder(), address=address
            )

    def test_malformed_configuration(self):
        folder = fresh_folder()
        self.assert_refused(EX_USAGE, ["HOST:PORT"], data_dir=folder, address="x")
        self.assert_refused(
            EX_CONFIG,
            ["cofactor.textproto:10:1: threads: want"],
            data_dir=folder,
            threads=300,
        )
        self.assert_refused(
            EX_CONFIG,
            ["cofactor.textproto:8:1: listeners[0].security: is not chosen"],
            data_dir=folder,
            security="",
        )

    def test_check_of_a_configuration(self):
        folder = fresh_folder()
        code, said, _ = run_command(folder, "--check_config")
        self.assertEqual((code, said), (0, "the configuration is good\n"))
        code, _, said = run_command(folder, "--check_config", mode="MODE_X")
        self.assertEqual(code, EX_CONFIG)
        self.assertIn("MODE_X", said)
        self.assertEqual(os.listdir(folder), ["cofactor.textproto"])

    def test_missing_key_ring(self):
        self.server.stop()
        key_ring = os.path.join(self.data_dir, "key_ring")
        self.assertEqual(os.stat(key_ring).st_mode & 0o777, 0o600)
        os.rename(key_ring, key_ring + ".kept")
        self.assert_refused(EX_CONFIG, [key_ring])
        self.assertFalse(os.path.exists(key_ring))
        os.rename(key_ring + ".kept", key_ring)
        self.assert_account_is_there()

    def test_wrong_or_unsafe_key_ring(self):
        self.server.stop()
        key_ring = os.path.join(self.data_dir, "key_ring")
        other = fresh_folder()
        Server(other).stop()
        self.assert_refused(
            EX_CONFIG, ["key"], key_ring=os.path.join(other, "key_ring")
        )
        os.chmod(key_ring, 0o644)
        self.assert_refused(EX_CONFIG, [key_ring, "600"])
        os.chmod(key_ring, 0o600)
        with open(key_ring, "rb") as file:
            content = file.read()
        with open(key_ring, "wb") as file:
            file.write(b"garbage")
        self.assert_refused(EX_CONFIG, [key_ring])
        with open(key_ring, "wb") as file:
            file.write(content)
        self.assert_account_is_there()

    def test_corruption(self):
        self.server.stop()
        # The newest log: a byte in the middle of what is in no other file.
        log = max(glob.glob(os.path.join(self.data_dir, "store", "*.log")))
        size = os.path.getsize(log)
        self.assertGreater(size, 0)
        with open(log, "r+b") as file:
            file.seek(size // 3)
            byte = file.read(1)
            file.seek(size // 3)
            file.write(bytes([byte[0] ^ 1]))
        self.assert_refused(EX_DATAERR, ["damaged"])
        with open(log, "r+b") as file:
            file.seek(size // 3)
            file.write(byte)
        self.assert_account_is_there()

    def test_moved_clock_needs_dev(self):
        self.move_clock(3600)
        self.server.stop()
        self.assert_refused(EX_CONFIG, ["MODE_DEV"], mode="MODE_PRODUCTION")
        self.assert_account_is_there()

    def test_full_disk_while_serving(self):
        _, seed = self.enrol("ada")
        self.server.stop()

        def small_files():
            limit = 192 * 1024
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        self.server = Server(self.data_dir, preexec_fn=small_files)
        acknowledged = []
        error = None
        for i in range(2000):
            account_id = "full-%d" % i
            try:
                self.call(
                    "AccountService/CreateAccount",
                    account={"account_id": account_id, "display_name": "x" * 128},
                )
                acknowledged.append(account_id)
            except RpcError as refused:
                error = refused
                break
        self.assertIsNotNone(error)
        self.assertIn(error.code, ("Unavailable", "Unknown"), error.output)
        self.server.process.communicate(timeout=30)
        self.assertEqual(self.server.process.returncode, EX_UNAVAILABLE)
        self.assertIn("cofactord: ", self.server.log())

        # The disk has room again: all that was acknowledged is there.
        self.server = Server(self.data_dir)
        for account_id in acknowledged[-50:]:
            self.call("AccountService/GetAccount", account_id=account_id)
        self.next_step()
        self.assertTrue(self.verify(totp(seed, self.now()), "ada")["verified"])

    def test_stops_at_once_and_is_ready_at_once(self):
        code, said = self.server.stop()
        self.assertEqual(code, 0)
        self.assertIn("cofactord stopped", said)
        self.assert_account_is_there()


if __name__ == "__main__":
    unittest.main(verbosity=2)
