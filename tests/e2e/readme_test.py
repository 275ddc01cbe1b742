#!/usr/bin/env python3
"""The first session of the README, and what goes on from it, word for word but for
the address."""

import json
import re
import subprocess
import time
import unittest

from cofactor_process import ServerTest, fresh_folder, runfile, totp


def blocks_of(page):
    with open(runfile(page), encoding="utf-8") as file:
        return re.findall(r"```sh\n(.*?)```", file.read(), re.DOTALL)


def answers_in(output):
    """The objects of JSON that were printed one after the other."""
    answers = []
    decoder = json.JSONDecoder()
    while output.strip():
        answer, end = decoder.raw_decode(output.strip())
        answers.append(answer)
        output = output.strip()[end:]
    return answers


class ReadmeTest(ServerTest):
    MODE = "MODE_PRODUCTION"

    def run_session(self, session):
        session = session.replace(".tools/bin/grpcurl", "grpcurl")
        session = session.replace("127.0.0.1:50051", self.server.address)
        session = session.replace(".data/", self.data_dir + "/")
        session = session.replace("bazel-bin/", runfile(""))
        # This server took a port of its own, which no activation names.
        session = session.replace("enrol -", "enrol - --server=http://" + self.server.address)
        session = session.replace("-import-path proto", "-import-path " + runfile("proto"))
        result = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", session],
            cwd=fresh_folder(),
            capture_output=True,
            check=False,
        )
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        return result.stdout.decode()

    def test_first_session(self):
        session, describing, device = blocks_of("README.md")[1:4]
        output = self.run_session(session)
        caller = session[: session.index("# An account")]
        approved = self.run_session(caller + device)
        self.assertIn("payee: Muster GmbH", approved)
        self.assertIn(" APPROVED", approved)
        self.assertIn('"state": "CHALLENGE_STATE_APPROVED"', approved)

        ada, bob, first, replayed, typed_by = answers_in(output)[-5:]
        self.assertEqual(ada["enrollment"]["state"], "ENROLLMENT_STATE_ACTIVE")
        self.assertEqual(bob["enrollment"]["state"], "ENROLLMENT_STATE_ACTIVE")
        self.assertTrue(first["verified"])
        self.assertNotIn("verified", replayed)
        self.assertEqual(replayed["reason"], "VERIFICATION_REASON_REPLAYED")
        self.assertEqual(typed_by["member_id"], "bob")

        described = self.run_session(describing)
        self.assertIn("cofactor.v1.AuthService", described)
        self.assertIn("rpc Verify", described)
        self.assertIn("// The code as typed.", described)

    def enrol_bob(self):
        """With the code of the step before, so that the present one is still good;
        returns the seed."""
        bob = {"account_id": "acme", "member_id": "bob"}
        self.call("AccountService/CreateMember", member=bob)
        begun = self.call("AuthService/BeginEnrollment", factor_type="totp", **bob)
        seed = begun["activation"]["totp"]["base32_secret"]
        confirmed = self.call(
            "AuthService/ConfirmEnrollment",
            enrollment_id=begun["enrollment"]["enrollment_id"],
            response={"code": totp(seed, time.time(), -1)},
            **bob,
        )
        self.assertTrue(confirmed["verified"])
        return seed

    def test_approves_together(self):
        self.call("AccountService/CreateAccount", account={"account_id": "acme"})
        self.call(
            "AccountService/CreateMember",
            member={"account_id": "acme", "member_id": "ada"},
        )
        seed = self.enrol_bob()
        session, _, device = blocks_of("README.md")[1:4]
        caller = session[: session.index("# An account")]
        (approvals,) = blocks_of("docs/approvals.md")
        output = self.run_session(
            caller + "BOB_SEED=%s\n" % seed + device + "echo APPROVALS\n" + approvals
        )
        _, _, output = output.partition("APPROVALS\n")
        added_ada, added_bob, got = answers_in(output[output.index("{") :])
        self.assertTrue(added_ada["verified"])
        self.assertEqual(added_ada["approval"]["state"], "APPROVAL_STATE_OPEN")
        self.assertTrue(added_bob["verified"])
        self.assertEqual(got["approval"]["state"], "APPROVAL_STATE_APPROVED")
        approvers = [each["member_id"] for each in got["approval"]["approvals"]]
        self.assertEqual(approvers, ["ada", "bob"])
        self.assertEqual(got["receipt"].count("."), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
