#!/usr/bin/env python3
"""The main job, by the built binary and grpcurl alone: two people of one account
enrol their authenticator apps, and the server tells who typed a code."""

import unittest

from cofactor_process import ServerTest, totp


class MainJobTest(ServerTest):
    def wrong_code(self, seed):
        near = {totp(seed, self.now(), step) for step in range(-2, 3)}
        return next(c for c in ("%06d" % i for i in range(10)) if c not in near)

    def test_two_people_one_account(self):
        self.call("AccountService/CreateAccount", account={"account_id": "acme"})
        ada_enrollment, ada_seed = self.enrol("ada")
        bob_enrollment, bob_seed = self.enrol("bob")
        self.next_step()

        # By member.
        code = totp(ada_seed, self.now())
        answer = self.verify(code, "ada")
        self.assertTrue(answer["verified"])
        self.assertEqual(answer["enrollment"]["enrollment_id"], ada_enrollment)

        # By code alone.
        bobs_code = totp(bob_seed, self.now())
        answer = self.verify(bobs_code)
        self.assertTrue(answer["verified"])
        self.assertEqual(answer["member_id"], "bob")
        self.assertEqual(answer["enrollment"]["enrollment_id"], bob_enrollment)

        # A code counts once, also after a restart.
        for _ in range(2):
            answer = self.verify(code, "ada")
            self.assertFalse(answer["verified"])
            self.assertEqual(answer["reason"], "VERIFICATION_REASON_REPLAYED")
            answer = self.verify(bobs_code)
            self.assertFalse(answer["verified"])
            self.restart()

        # Wrong codes lock, also over a restart; the rest of the account goes on.
        self.next_step()
        wrong = self.wrong_code(ada_seed)
        for _ in range(3):  # Two replays were counted before.
            self.assertFalse(self.verify(wrong, "ada")["verified"])
        self.restart()
        error = self.refused(
            "AuthService/Verify",
            account_id="acme",
            member_id="ada",
            code=totp(ada_seed, self.now()),
        )
        self.assertEqual(error.code, "ResourceExhausted")
        self.assertIn("LOCKED", error.output)
        self.assertIn("retry_delay", error.output)
        self.assertTrue(self.verify(totp(bob_seed, self.now()), "bob")["verified"])

        # The clock moves on, and the lock ends.
        self.move_clock(30)
        self.assertTrue(self.verify(totp(ada_seed, self.now()), "ada")["verified"])

        # One leaves; nobody else enrols again.
        self.call("AccountService/DeleteMember", account_id="acme", member_id="ada")
        self.next_step()
        self.assertFalse(self.verify(totp(ada_seed, self.now()))["verified"])
        self.assertEqual(self.verify(totp(bob_seed, self.now()))["member_id"], "bob")

    def test_says_what_is_wrong_with_a_request(self):
        error = self.refused("AccountService/CreateAccount", account={"account_id": "a b"})
        self.assertEqual(error.code, "InvalidArgument")
        self.assertIn("account.account_id", error.output)
        self.assertIn("INVALID_FIELD", error.output)
        error = self.refused("AccountService/GetAccount", account_id="acme")
        self.assertEqual(error.code, "NotFound")
        self.assertIn("CreateAccount", error.output)

    def test_describes_itself(self):
        services = self.server.list().split()
        for service in (
            "cofactor.v1.AuthService",
            "cofactor.v1.AccountService",
            "cofactor.dev.v1.DevService",
            "grpc.health.v1.Health",
        ):
            self.assertIn(service, services)
            self.server.list("describe", service)
        health = self.call("grpc.health.v1.Health/Check")
        self.assertEqual(health["status"], "SERVING")

    def test_clock_moves_forward_only(self):
        error = self.refused("cofactor.dev.v1.DevService/MoveClock", forward="-1s")
        self.assertEqual(error.code, "InvalidArgument")


if __name__ == "__main__":
    unittest.main(verbosity=2)
