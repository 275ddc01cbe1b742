#!/usr/bin/env python3
"""The first session of the README, word for word but for the address."""

import json
import re
import subprocess
import unittest

from cofactor_process import ServerTest, fresh_folder, runfile


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
        with open(runfile("README.md"), encoding="utf-8") as file:
            blocks = re.findall(r"```sh\n(.*?)```", file.read(), re.DOTALL)
        session, describing, device = blocks[1], blocks[2], blocks[3]

        output = self.run_session(session)
        caller = session[: session.index("# An account")]
        approved = self.run_session(caller + device)
        self.assertIn("payee: Muster GmbH", approved)
        self.assertIn(" APPROVED", approved)
        self.assertIn('"state": "CHALLENGE_STATE_APPROVED"', approved)

        answers = []
        decoder = json.JSONDecoder()
        while output.strip():
            answer, end = decoder.raw_decode(output.strip())
            answers.append(answer)
            output = output.strip()[end:]
        ada, bob, first, replayed, typed_by = answers[-5:]
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


if __name__ == "__main__":
    unittest.main(verbosity=2)
