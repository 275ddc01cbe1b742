#!/usr/bin/python3
# By its path: python3-nacl belongs to the interpreter of the system.
"""The story of a sign-in, the whole way: over the built binary, by grpcurl alone,
with an authenticator as a process of its own and receipts that are checked by a
library that shares no code with ours."""

import base64
import hashlib
import json
import os
import subprocess
import unittest
import urllib.request

from cofactor_process import RpcError, Server, ServerTest, fresh_folder, runfile, totp
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

PASSWORD = "nine lamps in the attic"
WRONG_PASSWORD = "ten lamps in the cellar"
NUMBER = "+491701234567"

POSSESSION = {"kind": "FACTOR_KIND_POSSESSION"}
POLICY = {
    "levels": [
        {
            "acr": "password_and_code",
            "any_of": [{"all_of": [{"factor_type": "password"}, POSSESSION]}],
        },
        {
            "acr": "password_and_device",
            "any_of": [
                {"all_of": [{"factor_type": "password"}, {"factor_type": "push"}]}
            ],
        },
    ],
    "sign_in_acr": "password_and_code",
    "enrollment_grace": "604800s",
    "sessions": {"receipt_lifetime": "300s"},
    "remembered_devices": {"lifetime": "2592000s"},
    "recovery": {"approvals": 2, "delay": "3600s"},
}


class Phone:
    """An authenticator by our client for the command line."""

    def __init__(self, server, uri):
        self.folder = fresh_folder()
        self.passphrase = os.path.join(self.folder, "passphrase")
        with open(self.passphrase, "w", encoding="utf-8") as file:
            file.write("a passphrase of a test\n")
        os.chmod(self.passphrase, 0o600)
        self.run("enrol", "-", "--server=http://" + server.address, stdin=uri)

    def run(self, *words, stdin=""):
        subprocess.run(
            [
                runfile("clients/device/cofactor_device"),
                "--file=" + os.path.join(self.folder, "keys"),
                "--passphrase_file=" + self.passphrase,
                *words,
            ],
            input=(stdin + "\n").encode(),
            capture_output=True,
            timeout=30,
            check=True,
        )

    def approve(self, challenge, number):
        self.run("approve", challenge["challenge_id"], "--number=" + number)

    def deny(self, challenge):
        self.run("deny", challenge["challenge_id"])


def from_base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class SignInTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.call("AccountService/CreateAccount", account={"account_id": "acme"})
        self.seeds = {}
        self.phones = {}
        self.codes = {}

    # People, and what they have.

    def create_member(self, member_id, *factors, role="MEMBER"):
        self.call(
            "AccountService/CreateMember",
            member={
                "account_id": "acme",
                "member_id": member_id,
                "role": "MEMBER_ROLE_" + role,
            },
        )
        for factor in factors:
            getattr(self, "enrol_" + factor)(member_id)

    def begin(self, member_id, factor_type, **more):
        return self.call(
            "AuthService/BeginEnrollment",
            account_id="acme",
            member_id=member_id,
            factor_type=factor_type,
            **more,
        )

    def confirm(self, begun, **response):
        enrollment = begun["enrollment"]
        confirmed = self.call(
            "AuthService/ConfirmEnrollment",
            account_id="acme",
            member_id=enrollment["member_id"],
            enrollment_id=enrollment["enrollment_id"],
            response=response,
        )
        self.assertTrue(confirmed["verified"], confirmed)
        return enrollment["enrollment_id"]

    def enrol_password(self, member_id):
        begun = self.begin(
            member_id, "password", parameters={"password": {"password": PASSWORD}}
        )
        return self.confirm(begun, password=PASSWORD)

    def enrol_totp(self, member_id, **proof):
        begun = self.begin(member_id, "totp", **proof)
        self.seeds[member_id] = begun["activation"]["totp"]["base32_secret"]
        enrollment_id = self.confirm(begun, code=self.totp(member_id))
        self.next_step()
        return enrollment_id

    def enrol_sms(self, member_id):
        begun = self.begin(
            member_id, "sms", parameters={"sms": {"phone_number": NUMBER}}
        )
        return self.confirm(begun, code=self.texts()[-1])

    def enrol_push(self, member_id, **proof):
        begun = self.begin(member_id, "push", **proof)
        uri = begun["activation"]["push"]["activation_uri"]
        self.phones[member_id] = Phone(self.server, uri)
        return begun["enrollment"]["enrollment_id"]

    def enrol_recovery_code(self, member_id):
        begun = self.begin(member_id, "recovery_code")
        self.codes[member_id] = begun["activation"]["recovery_code"]["codes"]
        return self.confirm(begun, code=self.codes[member_id][0])

    def totp(self, member_id):
        return totp(self.seeds[member_id], self.steady_now())

    def texts(self):
        """The codes of all texts so far."""
        outbox = self.call("cofactor.dev.v1.DevService/ListOutbox", phone_number=NUMBER)
        return ["".join(filter(str.isdigit, text["text"]))[:6] for text in outbox["messages"]]

    def set_policy(self, **changes):
        version = self.call("PolicyService/GetPolicy", account_id="acme")["policy"]["version"]
        self.call(
            "PolicyService/SetPolicy",
            account_id="acme",
            policy={"account_id": "acme", "version": version, **POLICY, **changes},
        )

    # Signing in.

    def start(self, member_id, password=PASSWORD, **more):
        return self.call(
            "SignInService/StartSignIn",
            account_id="acme",
            member_id=member_id,
            password=password,
            **more,
        )

    def go_on(self, started, **more):
        return self.call(
            "SignInService/ContinueSignIn",
            sign_in_id=started["sign_in"]["sign_in_id"],
            **more,
        )

    def sign_in(self, member_id, **more):
        """By the password and the app; the grant."""
        started = self.start(member_id, **more)
        self.assertTrue(started["verified"], started)
        self.assertIsNone(started["grant"])
        answer = self.go_on(
            started, factor_type="totp", response={"code": self.totp(member_id)}
        )
        self.next_step()
        return self.granted(answer)

    def granted(self, answer):
        """The grant of an answer that has to bring one."""
        self.assertTrue(answer["verified"], answer)
        self.assertEqual(answer["sign_in"]["state"], "SIGN_IN_STATE_COMPLETE")
        self.assertTrue(answer["grant"]["refresh_token"])
        return answer["grant"]

    def refresh(self, grant):
        return self.call(
            "SessionService/RefreshSession", refresh_token=grant["refresh_token"]
        )

    def introspect(self, grant, **more):
        return self.call(
            "SessionService/IntrospectSession", receipt=grant["receipt"], **more
        )

    def keys(self):
        """The public keys, as anybody fetches them."""
        url = self.server.metrics_url.replace("/metrics", "/.well-known/jwks.json")
        with urllib.request.urlopen(url, timeout=30) as answer:
            return {key["kid"]: key for key in json.load(answer)["keys"]}

    def claims(self, receipt, keys=None):
        """What a receipt states, checked offline."""
        header, claims, signature = receipt.split(".")
        head = json.loads(from_base64url(header))
        self.assertEqual(head["alg"], "EdDSA")
        key = (keys or self.keys())[head["kid"]]
        self.assertEqual((key["kty"], key["crv"]), ("OKP", "Ed25519"))
        VerifyKey(from_base64url(key["x"])).verify(
            (header + "." + claims).encode(), from_base64url(signature)
        )
        stated = json.loads(from_base64url(claims))
        self.assertEqual((stated["iss"], stated["aud"]), ("cofactor", "admin"))
        self.assertEqual(stated["account"], "acme")
        self.assertAlmostEqual(stated["iat"], self.now(), delta=60)
        self.assertGreater(stated["exp"], stated["iat"])
        return stated

    def assert_session(self, grant, member_id, amr, acr):
        claims = self.claims(grant["receipt"])
        self.assertEqual(claims["sub"], member_id)
        self.assertEqual(claims["sid"], grant["session"]["session_id"])
        self.assertEqual(sorted(claims["amr"]), sorted(amr))
        self.assertEqual(claims["acr"], acr)
        return claims

    # The story.

    def test_password_then_a_text_that_leaves_by_itself(self):
        self.create_member("ada", "password", "sms")
        self.set_policy()
        self.move_clock(60)
        before = len(self.texts())
        started = self.start("ada")
        self.assertTrue(started["verified"])
        sign_in = started["sign_in"]
        self.assertEqual(sign_in["state"], "SIGN_IN_STATE_OPEN")
        (option,) = sign_in["options"]
        self.assertEqual(option["factor_type"], "sms")
        shown = option["attributes"]["phone_number"]
        self.assertTrue(shown.endswith(NUMBER[-2:]), shown)
        self.assertNotIn(NUMBER[3:6], shown)
        self.assertNotIn(NUMBER[-4:-2], shown)
        self.assertEqual(sign_in["challenge"]["factor_type"], "sms")
        self.assertEqual(len(self.texts()), before + 1)
        code = self.texts()[-1]
        wrong = self.go_on(
            started, response={"code": "%06d" % ((int(code) + 1) % 1_000_000)}
        )
        self.assertFalse(wrong["verified"])
        self.assertEqual(wrong["reason"], "VERIFICATION_REASON_WRONG_CODE")
        grant = self.granted(self.go_on(started, response={"code": code}))
        claims = self.assert_session(
            grant, "ada", ["pwd", "sms", "mfa"], "password_and_code"
        )
        self.assertEqual(len(claims["enrollments"]), 2)
        over = self.refused(
            "SignInService/ContinueSignIn",
            sign_in_id=sign_in["sign_in_id"],
            response={"code": code},
        )
        self.assertEqual(over.reason, "SIGN_IN_OVER")

    def test_password_then_a_device(self):
        self.create_member("ada", "password", "push")
        self.set_policy()
        details = {"title": "Sign in to the shop", "fields": {"City": "Berlin"}}
        started = self.start("ada", details=details)
        challenge = started["sign_in"]["challenge"]
        self.assertEqual(challenge["factor_type"], "push")
        self.assertEqual(challenge["details"]["title"], "Sign in to the shop")
        self.assertRegex(started["number"], r"^\d{6}$")
        waiting = self.go_on(started)
        self.assertFalse(waiting["verified"])
        self.assertEqual(waiting["sign_in"]["state"], "SIGN_IN_STATE_OPEN")
        self.phones["ada"].approve(challenge, started["number"])
        grant = self.granted(self.go_on(started))
        claims = self.claims(grant["receipt"])
        self.assertEqual(claims["acr"], "password_and_device")
        self.assertIn("mfa", claims["amr"])
        self.assertEqual(len(from_base64url(claims["challenge_digest"])), 32)

    def test_a_refusal_on_the_device_ends_it(self):
        self.create_member("ada", "password", "push", "totp")
        self.set_policy()
        started = self.start("ada")
        self.phones["ada"].deny(started["sign_in"]["challenge"])
        denied = self.go_on(started)
        self.assertFalse(denied["verified"])
        self.assertEqual(denied["reason"], "VERIFICATION_REASON_DENIED")
        self.assertEqual(denied["sign_in"]["state"], "SIGN_IN_STATE_FAILED")

    def test_password_then_an_app_and_a_recovery_code(self):
        self.create_member("ada", "password", "totp", "recovery_code")
        self.set_policy()
        grant = self.sign_in("ada")
        self.assert_session(grant, "ada", ["pwd", "otp", "mfa"], "password_and_code")
        started = self.start("ada")
        kinds = [option["factor_type"] for option in started["sign_in"]["options"]]
        self.assertEqual(kinds, ["totp", "recovery_code"])
        code = self.codes["ada"][3]
        answer = self.go_on(
            started, factor_type="recovery_code", response={"code": code}
        )
        self.granted(answer)
        # Good once.
        again = self.go_on(
            self.start("ada"), factor_type="recovery_code", response={"code": code}
        )
        self.assertFalse(again["verified"])

    def test_five_wrong_passwords_lock(self):
        self.create_member("ada", "password", "totp")
        self.set_policy()
        login = self.call(
            "AdminService/CreateClient",
            client={"client_id": "login", "scopes": ["SCOPE_VERIFY"]},
        )["api_key"]
        answers = []
        for member_id in ("ada", "nobody"):
            for _ in range(5):
                answer = self.start(member_id, WRONG_PASSWORD, key=login)
                self.assertFalse(answer["verified"])
                self.assertIsNone(answer["sign_in"])
                answers.append(answer)
            with self.assertRaises(RpcError) as caught:
                self.start(member_id, PASSWORD, key=login)
            self.assertEqual(caught.exception.code, "ResourceExhausted")
        # Nobody learns who is a member.
        self.assertEqual(answers[:5], answers[5:])
        self.move_clock(31)
        self.assertTrue(self.start("ada", key=login)["verified"])

    def test_the_same_code_signs_in_once(self):
        self.create_member("ada", "password", "totp")
        self.set_policy()
        code = self.totp("ada")
        answer = {"factor_type": "totp", "response": {"code": code}}
        self.granted(self.go_on(self.start("ada"), **answer))
        again = self.go_on(self.start("ada"), **answer)
        self.assertFalse(again["verified"])
        self.assertEqual(again["reason"], "VERIFICATION_REASON_REPLAYED")

    def test_binds_a_factor_in_the_middle(self):
        self.create_member("ada", "password")
        self.set_policy()
        started = self.start("ada")
        sign_in = started["sign_in"]
        self.assertEqual(sign_in["state"], "SIGN_IN_STATE_ENROLLMENT_REQUIRED")
        self.assertIn("totp", sign_in["enrollable_factor_types"])
        begun = self.begin(
            "ada", "totp", proof={"sign_in_id": sign_in["sign_in_id"]}
        )
        self.seeds["ada"] = begun["activation"]["totp"]["base32_secret"]
        answer = self.go_on(
            started,
            enrollment_id=begun["enrollment"]["enrollment_id"],
            response={"code": self.totp("ada")},
        )
        grant = self.granted(answer)
        self.assert_session(grant, "ada", ["pwd", "otp", "mfa"], "password_and_code")
        # From now on it is asked for, and a second one takes the first.
        self.next_step()
        started = self.start("ada")
        self.assertEqual(started["sign_in"]["state"], "SIGN_IN_STATE_OPEN")
        with self.assertRaises(RpcError) as caught:
            self.begin(
                "ada", "totp", proof={"sign_in_id": started["sign_in"]["sign_in_id"]}
            )
        self.assertEqual(caught.exception.reason, "PROOF_REFUSED")
        with self.assertRaises(RpcError) as caught:
            self.begin("ada", "push")
        self.assertEqual(caught.exception.reason, "STEP_UP_REQUIRED")
        self.enrol_push("ada", proof={"receipt": grant["receipt"]})

    def test_steps_up(self):
        self.create_member("ada", "password", "totp", "push")
        self.set_policy()
        grant = self.sign_in("ada", factor_type="totp")
        self.assertTrue(self.introspect(grant, acr="password_and_code")["active"])
        with self.assertRaises(RpcError) as caught:
            self.introspect(grant, acr="password_and_device")
        self.assertEqual(caught.exception.code, "FailedPrecondition")
        self.assertEqual(caught.exception.reason, "STEP_UP_REQUIRED")
        self.assertIn("password_and_device", caught.exception.output)

        started = self.call(
            "SignInService/StartSignIn",
            account_id="acme",
            receipt=grant["receipt"],
            acr="password_and_device",
        )
        challenge = started["sign_in"]["challenge"]
        self.phones["ada"].approve(challenge, started["number"])
        stronger = self.granted(self.go_on(started))
        self.assertEqual(
            stronger["session"]["session_id"], grant["session"]["session_id"]
        )
        self.assertEqual(
            self.claims(stronger["receipt"])["acr"], "password_and_device"
        )
        self.assertTrue(self.introspect(stronger, acr="password_and_device")["active"])
        # What it has proven grows old.
        self.move_clock(120)
        self.assertTrue(self.introspect(stronger, max_age="300s")["active"])
        with self.assertRaises(RpcError) as caught:
            self.introspect(stronger, max_age="60s")
        self.assertEqual(caught.exception.reason, "STEP_UP_REQUIRED")

    def test_a_refresh_token_is_good_once(self):
        self.create_member("ada", "password", "totp")
        self.set_policy()
        first = self.sign_in("ada")
        self.move_clock(400)
        # The receipt is over, the session is not.
        self.assertFalse(self.introspect(first)["active"])
        second = self.refresh(first)["grant"]
        # A refresh proves nothing new.
        before = json.loads(from_base64url(first["receipt"].split(".")[1]))
        after = self.claims(second["receipt"])
        self.assertEqual(after["auth_time"], before["auth_time"])
        self.assertTrue(self.introspect(second)["active"])
        # Somebody has the old one.
        stolen = self.refresh(first)
        self.assertTrue(stolen["session_ended"])
        self.assertIsNone(stolen["grant"])
        self.assertFalse(self.introspect(second)["active"])
        with self.assertRaises(RpcError) as caught:
            self.refresh(second)
        self.assertEqual(caught.exception.code, "PermissionDenied")
        self.assertEqual(caught.exception.reason, "SESSION_ENDED")

    def test_suspension_ends_all_at_once(self):
        self.create_member("ada", "password", "totp")
        self.set_policy()
        grant = self.sign_in("ada")
        started = self.start("ada")
        member = {"account_id": "acme", "member_id": "ada"}
        for state in ("SUSPENDED", "ACTIVE"):
            self.call(
                "AccountService/UpdateMember",
                member={**member, "state": "MEMBER_STATE_" + state},
                update_mask={"paths": ["state"]},
            )
            self.assertFalse(self.introspect(grant)["active"])
            with self.assertRaises(RpcError) as caught:
                self.refresh(grant)
            self.assertEqual(caught.exception.reason, "SESSION_ENDED")
            with self.assertRaises(RpcError) as caught:
                self.go_on(
                    started, factor_type="totp", response={"code": self.totp("ada")}
                )
            self.assertEqual(caught.exception.reason, "SIGN_IN_OVER")
        self.next_step()
        self.sign_in("ada")

    def test_remembers_a_device(self):
        self.create_member("ada", "password", "totp")
        self.set_policy()
        token = self.sign_in("ada", remember_device_name="Firefox on Linux")[
            "remembered_device_token"
        ]
        self.assertTrue(token)
        started = self.start("ada", remembered_device_token=token)
        claims = self.claims(self.granted(started)["receipt"])
        self.assertNotIn("mfa", claims["amr"])
        self.assertTrue(claims["remembered_device"])
        wrong = self.start("ada", WRONG_PASSWORD, remembered_device_token=token)
        self.assertFalse(wrong["verified"])
        other = self.start("ada", remembered_device_token=token[:-4] + "AAAA")
        self.assertIsNone(other["grant"])
        (device,) = self.call(
            "SessionService/ListRememberedDevices", account_id="acme", member_id="ada"
        )["devices"]
        self.call(
            "SessionService/RevokeRememberedDevice",
            account_id="acme",
            member_id="ada",
            device_id=device["device_id"],
        )
        self.assertIsNone(self.start("ada", remembered_device_token=token)["grant"])

    def test_belongs_to_its_client_and_ends(self):
        self.create_member("ada", "password", "totp")
        self.set_policy()
        other = self.call(
            "AdminService/CreateClient",
            client={"client_id": "other", "scopes": ["SCOPE_VERIFY"]},
        )["api_key"]
        started = self.start("ada")
        which = {"sign_in_id": started["sign_in"]["sign_in_id"]}
        for method in ("GetSignIn", "ContinueSignIn", "CancelSignIn"):
            error = self.refused("SignInService/" + method, key=other, **which)
            self.assertEqual(error.code, "NotFound")
        grant = self.sign_in("ada")
        with self.assertRaises(RpcError) as caught:
            self.call(
                "SessionService/RefreshSession",
                key=other,
                refresh_token=grant["refresh_token"],
            )
        self.assertEqual(caught.exception.reason, "SESSION_ENDED")
        self.assertTrue(self.refresh(grant)["grant"])

        answer = {"factor_type": "totp", "response": {"code": self.totp("ada")}}
        cancelled = self.start("ada")
        self.call(
            "SignInService/CancelSignIn",
            sign_in_id=cancelled["sign_in"]["sign_in_id"],
        )
        self.move_clock(600)
        for over, state in ((cancelled, "CANCELLED"), (started, "EXPIRED")):
            with self.assertRaises(RpcError) as caught:
                self.go_on(over, **answer)
            self.assertEqual(caught.exception.reason, "SIGN_IN_OVER")
            got = self.call(
                "SignInService/GetSignIn", sign_in_id=over["sign_in"]["sign_in_id"]
            )
            self.assertEqual(got["sign_in"]["state"], "SIGN_IN_STATE_" + state)

    def test_secrets_of_a_sign_in_are_nowhere_in_clear(self):
        self.create_member("ada", "password", "totp", "recovery_code")
        self.set_policy()
        started = self.start("ada", remember_device_name="laptop", request_id="r-1")
        code = self.codes["ada"][5]
        answer = {"factor_type": "recovery_code", "response": {"code": code}}
        grant = self.granted(self.go_on(started, request_id="r-2", **answer))
        again = self.granted(self.go_on(started, request_id="r-2", **answer))
        self.assertEqual(grant, again)
        refreshed = self.call(
            "SessionService/RefreshSession",
            refresh_token=grant["refresh_token"],
            request_id="r-3",
        )["grant"]
        secrets = [PASSWORD, code, code.replace("-", ""), self.seeds["ada"]]
        for each in (grant, refreshed):
            secrets += [each["refresh_token"], each["receipt"].rpartition(".")[2]]
        secrets.append(grant["remembered_device_token"])
        with urllib.request.urlopen(self.server.metrics_url, timeout=30) as page:
            places = {"metrics": page.read()}
        code, output = self.server.stop()
        self.assertEqual(code, 0, output)
        for folder, _, names in os.walk(self.data_dir):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    places[name] = file.read()
        self.assertIn(b"ContinueSignIn", places["log"])
        for secret in secrets:
            # A token has parts: none of the long ones is there by itself either.
            parts = [secret] + [part for part in secret.split(".") if len(part) > 20]
            for part in parts:
                for place, content in places.items():
                    self.assertNotIn(part.encode(), content, place)

    def test_goes_on_after_a_restart_and_after_a_kill(self):
        self.create_member("ada", "password", "totp", "sms")
        self.set_policy()
        self.move_clock(60)
        keys = self.keys()
        started = self.start("ada", factor_type="sms")
        code = self.texts()[-1]
        self.restart()
        grant = self.granted(self.go_on(started, response={"code": code}))
        self.claims(grant["receipt"], keys)

        started = self.start("ada")
        app_code = self.totp("ada")
        self.kill()
        answer = {"factor_type": "totp", "response": {"code": app_code}}
        second = self.granted(self.go_on(started, **answer))
        self.kill()
        for each in (grant, second):
            self.assertTrue(self.introspect(each)["active"])
            self.assertTrue(self.refresh(each)["grant"])
        # The code was used up, whatever happened since.
        self.assertFalse(self.go_on(self.start("ada"), **answer)["verified"])

    def kill(self):
        self.server.kill()
        self.server = Server(self.data_dir, mode=self.MODE)

    def test_two_admins_bring_a_member_back(self):
        self.create_member("ada", "password", "totp", role="OWNER")
        self.create_member("bob", "password", "totp", role="ADMIN")
        self.create_member("carol", "password", "totp")
        self.set_policy()
        receipts = {
            name: self.sign_in(name)["receipt"] for name in ("ada", "bob", "carol")
        }
        carol = {"account_id": "acme", "member_id": "carol"}
        # Not oneself, and not anybody.
        with self.assertRaises(RpcError) as caught:
            self.call(
                "RecoveryService/StartRecovery",
                receipt=receipts["carol"],
                reason="lost",
                **carol,
            )
        self.assertEqual(caught.exception.reason, "NOT_A_RECOVERER")
        recovery = self.call(
            "RecoveryService/StartRecovery",
            receipt=receipts["ada"],
            reason="lost the phone",
            **carol,
        )["recovery"]
        self.assertEqual(recovery["state"], "RECOVERY_STATE_PENDING")
        which = {**carol, "recovery_id": recovery["recovery_id"]}
        again = self.refused(
            "RecoveryService/ApproveRecovery", receipt=receipts["ada"], **which
        )
        self.assertEqual(again.reason, "ALREADY_APPROVED")
        early = self.refused("RecoveryService/IssueEnrollmentTicket", **which)
        self.assertEqual(early.reason, "RECOVERY_NOT_READY")
        recovery = self.call(
            "RecoveryService/ApproveRecovery", receipt=receipts["bob"], **which
        )["recovery"]
        self.assertEqual(recovery["approver_member_ids"], ["ada", "bob"])
        self.assertEqual(recovery["state"], "RECOVERY_STATE_DELAYED")
        early = self.refused("RecoveryService/IssueEnrollmentTicket", **which)
        self.assertEqual(early.reason, "RECOVERY_NOT_READY")
        self.move_clock(3600)
        ticket = self.call("RecoveryService/IssueEnrollmentTicket", **which)[
            "enrollment_ticket"
        ]
        # Whoever knows the seed would be carol.
        with self.assertRaises(RpcError) as caught:
            self.begin(
                "carol",
                "totp",
                proof={"enrollment_ticket": ticket},
                parameters={"totp": {"secret": base64.b64encode(bytes(20)).decode()}},
            )
        self.assertEqual(caught.exception.code, "InvalidArgument")
        self.enrol_totp("carol", proof={"enrollment_ticket": ticket})
        with self.assertRaises(RpcError) as caught:
            self.begin("carol", "totp", proof={"enrollment_ticket": ticket})
        self.assertEqual(caught.exception.reason, "PROOF_REFUSED")
        self.sign_in("carol")
        recovery = self.call("RecoveryService/GetRecovery", **carol)["recovery"]
        self.assertEqual(recovery["state"], "RECOVERY_STATE_COMPLETE")

    def test_two_members_approve_together(self):
        self.create_member("ada", "totp", "push")
        self.create_member("bob", "totp")
        details = {"title": "Pay the rent", "amount": "1,250.00 EUR"}
        approval_id = self.call(
            "ApprovalService/ApproveTogether",
            account_id="acme",
            purpose="payout",
            details=details,
            wanted_members=2,
        )["approval"]["approval_id"]
        asked = self.call(
            "ApprovalService/AskForApproval",
            approval_id=approval_id,
            member_id="ada",
            factor_type="push",
        )
        self.assertEqual(asked["challenge"]["details"]["title"], "Pay the rent")
        ada = {"approval_id": approval_id, "member_id": "ada"}
        self.assertFalse(self.call("ApprovalService/AddApproval", **ada)["verified"])
        self.phones["ada"].approve(asked["challenge"], asked["number"])
        self.assertTrue(self.call("ApprovalService/AddApproval", **ada)["verified"])
        # One person counts once.
        self.assertTrue(
            self.call(
                "ApprovalService/AddApproval",
                response={"code": self.totp("ada")},
                **ada,
            )["verified"]
        )
        got = self.call("ApprovalService/GetApproval", approval_id=approval_id)
        self.assertEqual(got["approval"]["state"], "APPROVAL_STATE_OPEN")
        self.assertEqual(got["receipt"], "")
        self.kill()
        added = self.call(
            "ApprovalService/AddApproval",
            approval_id=approval_id,
            member_id="bob",
            response={"code": self.totp("bob")},
        )
        self.assertEqual(added["approval"]["state"], "APPROVAL_STATE_APPROVED")
        got = self.call("ApprovalService/GetApproval", approval_id=approval_id)
        claims = self.claims(got["receipt"])
        self.assertEqual(claims["members"], ["ada", "bob"])
        self.assertEqual(claims["purpose"], "payout")
        self.assertNotIn("sub", claims)
        self.assertNotIn("mfa", claims["amr"])
        self.assertEqual(
            from_base64url(claims["challenge_digest"]), digest_of("payout", details)
        )

    def test_a_receipt_stands_for_what_it_states_alone(self):
        self.create_member("ada", "password", "totp")
        self.set_policy()
        grant = self.sign_in("ada")
        keys = self.keys()
        header, claims, signature = grant["receipt"].split(".")
        stated = json.loads(from_base64url(claims))
        stated["sub"] = "bob"
        forged = base64.urlsafe_b64encode(json.dumps(stated).encode()).decode()
        forged = ".".join([header, forged.rstrip("="), signature])
        with self.assertRaises(BadSignatureError):
            self.claims(forged, keys)
        self.assertFalse(self.introspect({"receipt": forged})["active"])
        # After a rotation the one from before still verifies, with keys of now.
        self.call("ReceiptService/RotateReceiptKeys")
        self.claims(grant["receipt"])
        newer = self.refresh(grant)["grant"]
        self.claims(newer["receipt"])
        # Whoever fetched the keys before it knew the next one already.
        self.claims(newer["receipt"], keys)


def digest_of(purpose, details):
    """What docs/push.md calls the details digest."""
    signed = b"cofactor/push/v1/details\0"
    count = (0).to_bytes(8, "big")
    texts = [purpose] + [details.get(name, "") for name in ("title", "amount", "payee")]
    for field in [text.encode() for text in texts] + [count]:
        signed += len(field).to_bytes(4, "big") + field
    return hashlib.sha256(signed).digest()


if __name__ == "__main__":
    unittest.main(verbosity=2)
