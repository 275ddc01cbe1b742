#!/usr/bin/env python3
"""Passwords, by the built binary and grpcurl alone."""

import base64
import os
import unittest
import urllib.request

from cofactor_process import RpcError, Server, ServerTest, fresh_folder

RIGHT = "Neun Lampen, k\u00e4in Dachboden"
# The same, as another keyboard sends it.
IN_PARTS = "Neun Lampen, ka\u0308in Dachboden"
WRONG = "Zehn Lampen, kein Keller"


def forms_of(password):
    raw = password.encode()
    return (raw, raw.hex().encode(), base64.b64encode(raw))


class PasswordTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.call("AccountService/CreateAccount", account={"account_id": "acme"})
        self.call(
            "AccountService/CreateMember",
            member={"account_id": "acme", "member_id": "ada"},
        )

    def begin(self, **password):
        return self.call(
            "AuthService/BeginEnrollment",
            account_id="acme",
            member_id="ada",
            factor_type="password",
            parameters={"password": password},
            request_id="begin",
        )["enrollment"]

    def confirm(self, enrollment, password):
        return self.call(
            "AuthService/ConfirmEnrollment",
            account_id="acme",
            member_id="ada",
            enrollment_id=enrollment["enrollment_id"],
            response={"password": password},
        )

    def verify_password(self, password, member_id="ada", **more):
        return self.call(
            "AuthService/Verify",
            account_id="acme",
            member_id=member_id,
            factor_type="password",
            response={"password": password},
            **more,
        )

    def test_lets_in_whoever_knows_it(self):
        enrollment = self.begin(password=RIGHT)
        self.assertFalse(self.confirm(enrollment, WRONG)["verified"])
        self.assertTrue(self.confirm(enrollment, IN_PARTS)["verified"])
        for _ in range(2):
            answer = self.verify_password(RIGHT)
            self.assertTrue(answer["verified"])
            self.assertEqual(
                answer["enrollment"]["enrollment_id"], enrollment["enrollment_id"]
            )
            self.assertTrue(self.verify_password(IN_PARTS)["verified"])
            self.assertFalse(self.verify_password(WRONG)["verified"])
            self.assertFalse(self.verify_password(RIGHT, "nobody")["verified"])
            self.restart()

    def test_takes_over_a_hash(self):
        # Of "abc", by jBCrypt.
        enrollment = self.begin(
            imported_hash="$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"
        )
        self.assertEqual(enrollment["attributes"], {"hash": "bcrypt"})
        confirmed = self.confirm(enrollment, "abc")
        self.assertTrue(confirmed["verified"])
        self.assertEqual(confirmed["enrollment"]["attributes"], {"hash": "argon2id"})
        self.assertTrue(self.verify_password("abc")["verified"])

    def test_says_what_makes_a_password_easy(self):
        for password in ("acmeada2024", "P@ssw0rd!", "kurz"):
            with self.assertRaises(RpcError) as caught:
                self.begin(password=password)
            self.assertEqual(caught.exception.code, "InvalidArgument")
            self.assertIn("parameters.password.password", caught.exception.output)
            self.assertNotIn(password, caught.exception.output)

    def test_a_change_wants_the_old_one(self):
        self.confirm(self.begin(password=RIGHT), RIGHT)
        wanted = {"password": "two cellars, eight doors"}
        for current, reason in (
            ({}, "CURRENT_SECRET_REQUIRED"),
            ({"current_password": WRONG}, "CURRENT_SECRET_WRONG"),
        ):
            with self.assertRaises(RpcError) as caught:
                self.call(
                    "AuthService/BeginEnrollment",
                    account_id="acme",
                    member_id="ada",
                    factor_type="password",
                    parameters={"password": {**wanted, **current}},
                )
            self.assertEqual(caught.exception.code, "FailedPrecondition")
            self.assertIn(reason, caught.exception.output)
        # What was counted is on disk although the call was refused.
        self.restart()
        enrollments = self.call(
            "AuthService/ListEnrollments", account_id="acme", member_id="ada"
        )["enrollments"]
        self.assertEqual([e["consecutive_failures"] for e in enrollments], [1])

    def test_is_nowhere_in_clear(self):
        self.confirm(self.begin(password=RIGHT), RIGHT)
        self.verify_password(RIGHT, request_id="r-1")
        self.verify_password(WRONG, request_id="r-2")
        with urllib.request.urlopen(self.server.metrics_url) as answer:
            places = {"metrics": answer.read()}
        self.server.stop()
        places["log"] = self.server.log().encode()
        for folder, _, names in os.walk(os.path.join(self.data_dir, "store")):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    places[name] = file.read()
        self.assertGreater(len(places), 4)
        for place, content in places.items():
            for form in forms_of(RIGHT) + forms_of(WRONG):
                self.assertNotIn(form, content, place)


class BlocklistTest(unittest.TestCase):
    def test_refuses_what_is_on_the_list_of_the_operator(self):
        data_dir = fresh_folder()
        with open(os.path.join(data_dir, "list"), "w", encoding="utf-8") as file:
            file.write(RIGHT.upper() + "\n")
        # Behind the last part of the configuration.
        server = Server(
            data_dir, messaging='off {} }\npasswords { blocklist_file: "list"'
        )
        self.addCleanup(server.kill)
        server.call("AccountService/CreateAccount", account={"account_id": "acme"})
        server.call(
            "AccountService/CreateMember",
            member={"account_id": "acme", "member_id": "ada"},
        )
        with self.assertRaises(RpcError) as caught:
            server.call(
                "AuthService/BeginEnrollment",
                account_id="acme",
                member_id="ada",
                factor_type="password",
                parameters={"password": {"password": RIGHT}},
            )
        self.assertIn("is on the list", caught.exception.output)


if __name__ == "__main__":
    unittest.main()
