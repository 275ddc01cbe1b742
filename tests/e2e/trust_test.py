#!/usr/bin/env python3
"""Who may call, what is remembered, and what an operator can prove: over the
binary, grpcurl and openssl alone."""

import base64
import binascii
import json
import os
import re
import shutil
import subprocess
import unittest
import urllib.request

from cofactor_process import (
    Server,
    ServerTest,
    run_command,
    totp,
)

SEEDS = 100
MAX_DRIFT_STEPS = 10


def forms_of(secret):
    """How a secret might be found."""
    base32 = base64.b32encode(secret).rstrip(b"=")
    return {
        secret,
        binascii.hexlify(secret),
        binascii.hexlify(secret).upper(),
        base32,
        base32.lower(),
        base64.b64encode(secret).rstrip(b"="),
        base64.urlsafe_b64encode(secret).rstrip(b"="),
    }


def files_under(*folders):
    for folder in folders:
        for root, _, names in os.walk(folder):
            for name in names:
                with open(os.path.join(root, name), "rb") as file:
                    yield os.path.join(root, name), file.read()


class TrustTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.call("AccountService/CreateAccount", account={"account_id": "acme"})

    def create_client(self, client_id, *scopes, **more):
        return self.call(
            "AdminService/CreateClient",
            client={"client_id": client_id, "scopes": scopes, **more},
        )["api_key"]

    def import_seed(self, member_id, seed):
        """A member with this seed; returns the enrollment's id."""
        self.call(
            "AccountService/CreateMember",
            member={"account_id": "acme", "member_id": member_id},
        )
        begun = self.call(
            "AuthService/BeginEnrollment",
            account_id="acme",
            member_id=member_id,
            factor_type="totp",
            parameters={"totp": {"secret": base64.b64encode(seed).decode()}},
        )
        enrollment_id = begun["enrollment"]["enrollment_id"]
        confirmed = self.call(
            "AuthService/ConfirmEnrollment",
            account_id="acme",
            member_id=member_id,
            enrollment_id=enrollment_id,
            response={
                "code": totp(base64.b32encode(seed).decode(), self.steady_now(), -1)
            },
        )
        self.assertTrue(confirmed["verified"])
        return enrollment_id

    def events(self, **filters):
        return self.call("AuditService/ListAuditEvents", page_size=1000, filter=filters)[
            "events"
        ]

    def verify_chain(self, after=None):
        """Checks the whole audit log; returns its end."""
        end = after or {}
        while True:
            answer = self.call(
                "AuditService/VerifyAuditChain",
                after_sequence=end.get("last_sequence", 0),
                after_link=end.get("last_link", ""),
            )
            end = answer
            if answer["complete"]:
                return end

    # Callers

    def test_keys(self):
        path = os.path.join(self.data_dir, "admin_key")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        key = self.create_client("login", "SCOPE_VERIFY")
        self.call("AuthService/ListFactors", key=key)
        self.assertEqual(
            self.refused("AccountService/ListAccounts", key=key).reason,
            "SCOPE_MISSING",
        )
        rotated = self.call(
            "AdminService/RotateClientKey", client_id="login", overlap="60s"
        )["api_key"]
        for both in (key, rotated):
            self.call("AuthService/ListFactors", key=both)
        self.move_clock(61)
        self.assertEqual(
            self.refused("AuthService/ListFactors", key=key).reason, "BAD_CREDENTIALS"
        )
        self.call("AuthService/ListFactors", key=rotated)
        self.call("AdminService/RevokeClient", client_id="login")
        refused = self.refused("AuthService/ListFactors", key=rotated)
        self.assertEqual(refused.code, "Unauthenticated")
        self.restart()
        refused = self.refused("AuthService/ListFactors", key=rotated)
        self.assertEqual(refused.reason, "BAD_CREDENTIALS")

    def test_new_admin_key(self):
        lost = self.server.admin_key
        self.server.stop()
        code, said, _ = run_command(self.data_dir, "--new_admin_key")
        self.assertEqual(code, 0)
        self.assertIn(os.path.join(self.data_dir, "admin_key"), said)
        self.server = Server(self.data_dir)
        self.assertNotEqual(self.server.admin_key, lost)
        self.call("AccountService/ListAccounts")
        self.assertEqual(
            self.refused("AccountService/ListAccounts", key=lost).reason,
            "BAD_CREDENTIALS",
        )

    def test_tls(self):
        self.create_client(
            "spiffe", "SCOPE_ACCOUNTS", tls_identities=["uri:spiffe://test/backend"]
        )
        self.server.stop()
        folder = os.path.join(self.data_dir, "certs")
        make_certificates(folder)
        security = 'tls { folder: "certs" client_certificates: %s }'
        self.server = Server(
            self.data_dir,
            address="0.0.0.0:0",
            security=security % "CLIENT_CERTIFICATES_REQUIRED",
        )
        address = "127.0.0.1:" + self.server.address.rsplit(":", 1)[1]

        def call(*flags):
            return subprocess.run(
                ["grpcurl", "-cacert", folder + "/ca.crt", "-max-time", "10"]
                + list(flags)
                + [address, "cofactor.v1.AccountService/ListAccounts"],
                capture_output=True,
                check=False,
            )

        def certificate(name):
            return ["-cert", "%s/%s.crt" % (folder, name), "-key", "%s/%s.key" % (folder, name)]

        served = call(*certificate("client"))
        self.assertEqual(served.returncode, 0, served.stderr)
        self.assertIn(b"acme", served.stdout)
        # None, a stranger's, and one that is nobody's here.
        key = ["-H", "authorization: Bearer " + self.server.admin_key]
        self.assertNotEqual(call(*key).returncode, 0)
        self.assertNotEqual(call(*key, *certificate("stranger")).returncode, 0)
        nobody = call(*certificate("other"))
        self.assertIn(b"Unauthenticated", nobody.stderr + nobody.stdout)
        # A right certificate does not make up for a wrong key.
        wrong = call("-H", "authorization: Bearer x", *certificate("client"))
        self.assertIn(b"Unauthenticated", wrong.stderr + wrong.stdout)
        # The right key with the certificate of nobody.
        self.assertEqual(call(*key, *certificate("other")).returncode, 0)

    # Memory

    def test_audit_log(self):
        _, seed = self.enrol("ada")
        self.next_step()
        code = totp(seed, self.now())
        self.assertTrue(self.verify(code, "ada")["verified"])
        self.assertFalse(self.verify(code, "ada")["verified"])
        self.verify("000000", "nobody")
        told = [
            (event["action"], event["member_id"], event["result"], event["reason"])
            for event in self.events(account_id="acme")
        ][-4:]
        self.assertEqual(
            told,
            [
                ("ConfirmEnrollment", "ada", "AUDIT_RESULT_VERIFIED", ""),
                ("Verify", "ada", "AUDIT_RESULT_VERIFIED", ""),
                (
                    "Verify",
                    "ada",
                    "AUDIT_RESULT_NOT_VERIFIED",
                    "VERIFICATION_REASON_REPLAYED",
                ),
                (
                    "Verify",
                    "nobody",
                    "AUDIT_RESULT_NOT_VERIFIED",
                    "VERIFICATION_REASON_NO_ENROLLMENT",
                ),
            ],
        )
        end = self.verify_chain()
        self.restart()
        self.verify("000000", "ada")
        self.assertGreater(
            int(self.verify_chain(end)["last_sequence"]), int(end["last_sequence"])
        )

    def test_tail_of_the_audit_log(self):
        tail = subprocess.Popen(
            [
                "grpcurl",
                "-plaintext",
                "-H",
                "authorization: Bearer " + self.server.admin_key,
                "-d",
                json.dumps({"resume_token": "0"}),
                self.server.address,
                "cofactor.v1.AuditService/TailAuditEvents",
            ],
            stdout=subprocess.PIPE,
        )
        self.addCleanup(tail.stdout.close)
        self.addCleanup(tail.wait)
        self.addCleanup(tail.kill)
        self.call("AccountService/CreateAccount", account={"account_id": "later"})
        seen = b""
        while b'"later"' not in seen:
            line = tail.stdout.readline()
            self.assertTrue(line, "the stream ended")
            seen += line
        self.assertIn(b"ResetAdminKey", seen)
        # It ends when the server does, which does not wait for it.
        self.assertEqual(self.server.stop()[0], 0)

    def test_rotation_of_keys_while_serving(self):
        enrolled = {name: self.enrol(name) for name in ("ada", "bob")}
        key_ring = os.path.join(self.data_dir, "key_ring")
        with open(key_ring, "rb") as file:
            old_ring = file.read()
        rotation = self.call("AdminService/RotateKeys")["rotation"]
        self.assertEqual(rotation["primary_key_id"], 2)
        while not self.call("AdminService/GetKeyRotation")["rotation"]["complete"]:
            # Calls go on meanwhile.
            self.next_step()
            for name, (_, seed) in enrolled.items():
                self.assertTrue(self.verify(totp(seed, self.now()), name)["verified"])
        dropped = self.call("AdminService/DropOldKeys")["rotation"]
        self.assertEqual(dropped.get("old_key_ids", []), [])
        self.verify_chain()
        self.server.stop()

        code, said, _ = run_command(self.data_dir, "--check_store")
        self.assertEqual(code, 0, said)
        self.assertIn("sealed with key 2", said)
        self.assertNotIn("sealed with key 1:", said)
        with open(key_ring, "rb") as file:
            new_ring = file.read()
        with open(key_ring, "wb") as file:
            file.write(old_ring)
        code, _, said = run_command(self.data_dir)
        self.assertEqual(code, 78, said)
        with open(key_ring, "wb") as file:
            file.write(new_ring)
        self.server = Server(self.data_dir)
        self.next_step()
        for name, (_, seed) in enrolled.items():
            self.assertTrue(self.verify(totp(seed, self.now()), name)["verified"])

    def test_backup_and_restore_arm_no_used_code(self):
        _, seed = self.enrol("ada")
        self.next_step()
        self.call("AdminService/CreateBackup", name="monday")
        self.assertEqual(
            self.refused("AdminService/CreateBackup", name="monday").code,
            "AlreadyExists",
        )
        self.assertEqual(
            self.refused("AdminService/CreateBackup", name="..").code,
            "InvalidArgument",
        )
        used = totp(seed, self.now())
        self.assertTrue(self.verify(used, "ada")["verified"])
        self.server.stop()

        backup = os.path.join(self.data_dir, "backups", "monday")
        code, _, said = run_command(self.data_dir, "--restore_backup=" + backup)
        self.assertEqual(code, 78, said)  # There is a store.
        shutil.rmtree(os.path.join(self.data_dir, "store"))
        code, said, errors = run_command(self.data_dir, "--restore_backup=" + backup)
        self.assertEqual(code, 0, errors)
        self.assertIn("1 enrollments of 1 members", said)
        self.server = Server(self.data_dir)
        self.assertFalse(self.verify(used, "ada")["verified"])
        self.assertEqual(self.events()[-2]["action"], "RestoreBackup")
        # As far as the drift of an app's clock may have been learned meanwhile.
        for _ in range(MAX_DRIFT_STEPS + 2):
            self.next_step()
        self.assertTrue(self.verify(totp(seed, self.now()), "ada")["verified"])

    # Secrets

    def test_secrets_are_nowhere(self):
        seeds = [os.urandom(20) for _ in range(SEEDS)]
        for i, seed in enumerate(seeds):
            self.import_seed("member-%d" % i, seed)
        key = self.create_client("canary", "SCOPE_ADMIN")
        secret_part = key.rsplit("_", 1)[1]
        self.call("AdminService/CreateBackup", name="b")
        # Seeds pass through memory in the clear before they are sealed. (9, the
        # base point, is a public key as good as any.)
        self.call(
            "AdminService/ExportAccount",
            account_id="acme",
            recipient_public_key=base64.b64encode(bytes([9] + [0] * 31)).decode(),
        )
        with urllib.request.urlopen(self.server.metrics_url) as answer:
            metrics = answer.read()
        memory = memory_of(self.server.process.pid)
        self.server.kill()
        wanted = set()
        for seed in seeds:
            wanted |= forms_of(seed)
        wanted |= forms_of(binascii.unhexlify(secret_part))
        found_seeds = []
        places = dict(files_under(os.path.join(self.data_dir, "store"),
                                  os.path.join(self.data_dir, "backups")))
        self.assertGreater(len(places), 4)
        places["log"] = self.server.log().encode()
        places["metrics"] = metrics
        for place, content in places.items():
            found_seeds += [(place, one) for one in wanted if one in content]
        self.assertEqual(found_seeds, [])
        in_memory = [one for one in wanted if one in memory]
        self.assertEqual(in_memory, [], "%d in memory" % len(in_memory))

    def test_canaries_and_forged_lines(self):
        canary = "CANARY-31337"
        forged = canary + '"}\n{"time":"x","event":"forged"}\r\x1b[31m'
        for request in (
            {"account_id": forged},
            {"account_id": "acme", "member_id": forged},
            {"account_id": "acme", "member_id": "ada", "code": canary},
            {"account_id": "acme", "member_id": "ada", "code": forged},
            {"account_id": "acme", "factor_type": forged, "code": "123456"},
            {"account_id": "acme", "code": "123456", "request_id": forged},
        ):
            error = self.refused("AuthService/Verify", **request)
            self.assertNotIn(canary, error.output)
        refused = self.refused("AuthService/ListFactors", key=canary)
        self.assertNotIn(canary, refused.output)
        with urllib.request.urlopen(self.server.metrics_url) as answer:
            self.assertNotIn(canary, answer.read().decode())
        for name in ("cmdline", "environ"):
            with open("/proc/%d/%s" % (self.server.process.pid, name), "rb") as file:
                content = file.read()
                self.assertNotIn(canary.encode(), content)
                self.assertNotIn(self.server.admin_key.encode(), content)
        self.server.stop()
        log = self.server.log()
        self.assertNotIn(canary, log)
        self.assertNotIn(self.server.admin_key, log)
        for line in log.splitlines():
            self.assertEqual(json.loads(line)["event"], "call", line)

    def test_leaves_no_core_dump(self):
        with open("/proc/%d/limits" % self.server.process.pid) as file:
            limits = file.read()
        self.assertRegex(limits, r"Max core file size +0 +0 ")

    def test_trace_ids(self):
        trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
        subprocess.run(
            [
                "grpcurl",
                "-plaintext",
                "-H",
                "authorization: Bearer " + self.server.admin_key,
                "-H",
                "traceparent: 00-%s-00f067aa0ba902b7-01" % trace_id,
                "-d",
                '{"account": {"account_id": "traced"}}',
                self.server.address,
                "cofactor.v1.AccountService/CreateAccount",
            ],
            capture_output=True,
            check=True,
        )
        self.assertEqual(self.events(account_id="traced")[0]["trace_id"], trace_id)
        self.server.stop()
        self.assertIn('"trace_id":"%s"' % trace_id, self.server.log())

    def test_health_over_http(self):
        url = self.server.metrics_url.replace("/metrics", "/healthz")
        with urllib.request.urlopen(url) as answer:
            self.assertEqual(answer.read(), b"ok\n")


def memory_of(pid):
    """All of a process' memory that can be written, as a core dump would have."""
    pieces = []
    try:
        with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb") as mem:
            for line in maps:
                area = re.match(r"(\w+)-(\w+) rw", line)
                if area is None:
                    continue
                start, end = (int(part, 16) for part in area.groups())
                try:
                    mem.seek(start)
                    pieces.append(mem.read(end - start))
                except (OSError, ValueError):
                    pass
    except PermissionError:
        return b""  # Not dumpable: nobody but root can read it.
    return b"\0".join(pieces)


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], capture_output=True, check=True)


def make_certificates(folder):
    """A CA, what a server and two clients have of it, and a stranger."""
    os.mkdir(folder)

    def path(name):
        return os.path.join(folder, name)

    for ca in ("ca", "stranger-ca"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-days", "2", "-subj", "/CN=" + ca,
                "-keyout", path(ca + ".key"), "-out", path(ca + ".crt"))
    for name, ca, names in (
        ("tls", "ca", "IP:127.0.0.1"),
        ("client", "ca", "URI:spiffe://test/backend"),
        ("other", "ca", "DNS:other.test"),
        ("stranger", "stranger-ca", "URI:spiffe://test/backend"),
    ):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-subj", "/CN=" + name, "-keyout", path(name + ".key"),
                "-out", path(name + ".csr"))
        with open(path("san"), "w", encoding="utf-8") as file:
            file.write("subjectAltName=" + names)
        openssl("x509", "-req", "-days", "2", "-in", path(name + ".csr"),
                "-CA", path(ca + ".crt"), "-CAkey", path(ca + ".key"),
                "-CAcreateserial", "-extfile", path("san"), "-out", path(name + ".crt"))
        os.chmod(path(name + ".key"), 0o600)


if __name__ == "__main__":
    unittest.main(verbosity=2)
