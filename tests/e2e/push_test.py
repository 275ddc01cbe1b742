#!/usr/bin/python3
# By its path: python3-nacl belongs to the interpreter of the system.
"""Challenges on devices, the whole way: over the server's binary, grpcurl as the
backend, and authenticators as processes of their own."""

import base64
import calendar
import hashlib
import http.server
import json
import os
import queue
import select
import signal
import subprocess
import threading
import time
import unittest
import urllib.parse

from cofactor_process import Server, ServerTest, fresh_folder, runfile
from nacl.signing import SigningKey

PATIENCE_SECONDS = 30


class Lines:
    """A process that prints lines of JSON, read as they come."""

    def __init__(self, command, **options):
        self.process = subprocess.Popen(
            command, bufsize=0, stdout=subprocess.PIPE, **options
        )
        self.rest = b""

    def read(self):
        """What is there to be read, after a wait; whether there was anything."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        ready, _, _ = select.select(
            [self.process.stdout], [], [], max(0, deadline - time.monotonic())
        )
        got = os.read(self.process.stdout.fileno(), 65536) if ready else b""
        self.rest += got
        return bool(got)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        if self.process.stdin:
            self.process.stdin.close()


class Watch(Lines):
    """cofactor_device watch: what the device shows, and what the person says."""

    def __init__(self, device):
        super().__init__(device.command("watch", "--json"), stdin=subprocess.PIPE)
        self.wait_for("connected")

    def next_event(self):
        while b"\n" not in self.rest:
            if not self.read():
                raise AssertionError("the device says nothing")
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def wait_for(self, name, challenge_id=None):
        """The next event of that name, for that challenge."""
        while True:
            event = self.next_event()
            if event["event"] == name and challenge_id in (
                None,
                event.get("challenge_id"),
            ):
                return event

    def say(self, challenge_id, words):
        self.process.stdin.write(("%s %s\n" % (challenge_id, words)).encode())

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE_SECONDS)
        self.kill()


class ChallengeStates(Lines):
    """grpcurl that watches a challenge as a backend does."""

    def __init__(self, server, challenge_id):
        super().__init__(
            ["grpcurl", "-plaintext", "-H", "authorization: Bearer " + server.admin_key]
            + ["-d", json.dumps({"challenge_id": challenge_id}), server.address]
            + ["cofactor.v1.AuthService/WatchChallenge"]
        )
        # The first message tells that it watches.
        self.seen = [self.next_state()]

    def next_state(self):
        while True:
            text = self.rest.decode().lstrip()
            if text:
                try:
                    message, end = json.JSONDecoder().raw_decode(text)
                    self.rest = text[end:].encode()
                    return message["challenge"]["state"][len("CHALLENGE_STATE_") :]
                except json.JSONDecodeError:
                    pass
            if not self.read():
                return None

    def all(self):
        """All states until the stream ended, and how it ended."""
        while (state := self.next_state()) is not None:
            self.seen.append(state)
        return self.seen, self.process.wait(PATIENCE_SECONDS)


class Device:
    """A key file of an authenticator."""

    def __init__(self, test):
        self.test = test
        self.folder = fresh_folder()
        self.passphrase = os.path.join(self.folder, "passphrase")
        with open(self.passphrase, "w", encoding="utf-8") as file:
            file.write("a passphrase of a test\n")
        os.chmod(self.passphrase, 0o600)

    def command(self, *words):
        return [
            runfile("clients/device/cofactor_device"),
            "--file=" + os.path.join(self.folder, "keys"),
            "--passphrase_file=" + self.passphrase,
            *words,
        ]

    def run(self, *words, stdin=""):
        """Runs a command that ends; returns its exit code and its events."""
        result = subprocess.run(
            self.command(*words),
            input=stdin.encode(),
            capture_output=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        events = []
        if "--json" in words:
            events = [json.loads(line) for line in result.stdout.splitlines()]
        return result.returncode, events

    def watch(self):
        watch = Watch(self)
        self.test.addCleanup(watch.kill)
        return watch


class SignedByHand:
    """A device that shares no code with ours: what docs/push.md says is enough."""

    def __init__(self, test, begun, web_push=None):
        """web_push: endpoint, public key and secret of a subscription."""
        self.test = test
        uri = urllib.parse.urlsplit(begun["activation"]["push"]["activation_uri"])
        values = dict(urllib.parse.parse_qsl(uri.query))
        self.ids = [values["account"], values["member"], values["enrollment"]]
        ticket = base64.urlsafe_b64decode(values["ticket"] + "==")
        self.key = SigningKey.generate()
        endpoint, p256dh, auth = web_push or ("", b"", b"")
        public = self.key.verify_key.encode()
        signature = self.sign(
            "register",
            *self.ids,
            ticket,
            1,
            public,
            "by hand",
            "",
            *[1 if web_push else 0, endpoint, p256dh, auth, "", ""],
        )
        registered = test.call(
            "DeviceService/RegisterDevice",
            **self.named(),
            registration={
                "ticket": base64.b64encode(ticket).decode(),
                "key": {
                    "algorithm": "DEVICE_KEY_ALGORITHM_ED25519",
                    "public_key": base64.b64encode(public).decode(),
                },
                "device_name": "by hand",
                "wake_up": web_push
                and {
                    "web_push": {
                        "endpoint": endpoint,
                        "p256dh": base64.b64encode(p256dh).decode(),
                        "auth": base64.b64encode(auth).decode(),
                    }
                },
                "signature": signature,
            },
        )
        test.assertTrue(registered["registered"])

    def named(self):
        return dict(zip(["account_id", "member_id", "enrollment_id"], self.ids))

    @staticmethod
    def bytes_of(use, *fields):
        text = b"cofactor/push/v1/" + use.encode() + b"\0"
        for field in fields:
            if isinstance(field, int):
                field = field.to_bytes(8, "big")
            elif isinstance(field, str):
                field = field.encode()
            text += len(field).to_bytes(4, "big") + field
        return text

    def sign(self, use, *fields):
        signed = self.key.sign(self.bytes_of(use, *fields))
        return base64.b64encode(signed.signature).decode()

    def approval(self, challenge, number):
        details = challenge.get("details") or {}
        fields = sorted(
            (label.encode(), value.encode())
            for label, value in details.get("fields", {}).items()
        )
        digest = hashlib.sha256(
            self.bytes_of(
                "details",
                challenge["purpose"],
                *[details.get(name, "") for name in ["title", "amount", "payee"]],
                len(fields),
                *[part for field in fields for part in field],
            )
        ).digest()
        signature = self.sign(
            "answer",
            challenge["challenge_id"],
            *self.ids,
            digest,
            1,
            number,
            "",
            micros_of(challenge["expire_time"]),
        )
        return {
            "decision": "PUSH_DECISION_APPROVE",
            "number": number,
            "signature": signature,
        }

    def send(self, challenge_id, answer):
        return self.test.call(
            "DeviceService/AnswerChallenge",
            challenge_id=challenge_id,
            **self.named(),
            answer=answer,
        )


def micros_of(timestamp):
    whole, _, fraction = timestamp.rstrip("Z").partition(".")
    parsed = time.strptime(whole + " UTC", "%Y-%m-%dT%H:%M:%S %Z")
    seconds = calendar.timegm(parsed)
    return seconds * 1_000_000 + int((fraction + "000000")[:6])


class PushService:
    """A service that takes Web Push, until it says that a subscription is gone."""

    # Of the receiver in RFC 8291, appendix A.
    P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4="
    AUTH = "BTBZMqHH6r4Tts7J_aSIgg=="

    def __init__(self, test):
        service = self
        self.taken = queue.Queue()
        self.status = 201

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(service.status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                service.taken.put((dict(self.headers), body))

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        test.addCleanup(self.server.server_close)
        test.addCleanup(self.server.shutdown)

    def subscription(self):
        return (
            "http://127.0.0.1:%d/subscription" % self.server.server_address[1],
            base64.urlsafe_b64decode(self.P256DH),
            base64.urlsafe_b64decode(self.AUTH),
        )


class PushTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.call("AccountService/CreateAccount", account={"account_id": "acme"})
        for member_id in ["ada", "bob"]:
            self.call(
                "AccountService/CreateMember",
                member={"account_id": "acme", "member_id": member_id},
            )

    def begin(self, member_id="ada"):
        return self.call(
            "AuthService/BeginEnrollment",
            account_id="acme",
            member_id=member_id,
            factor_type="push",
        )

    def enrolled(self, member_id="ada"):
        """A device that was enrolled by its URI."""
        begun = self.begin(member_id)
        device = Device(self)
        uri = begun["activation"]["push"]["activation_uri"]
        code, _ = device.run(
            "enrol", "-", "--server=http://" + self.server.address, stdin=uri + "\n"
        )
        self.assertEqual(code, 0)
        return device, begun["enrollment"]["enrollment_id"]

    def challenge(self, member_id="ada", **more):
        created = self.call(
            "AuthService/CreateChallenge",
            account_id="acme",
            member_id=member_id,
            factor_type="push",
            purpose="sign-in",
            details={"title": "Sign in to the shop", "fields": {"City": "Berlin"}},
            **more,
        )
        return created["challenge"], created["number"]

    def state(self, challenge):
        return self.call(
            "AuthService/GetChallenge", challenge_id=challenge["challenge_id"]
        )["challenge"]["state"]

    def events(self, action, reason=None):
        events = self.call(
            "AuditService/ListAuditEvents", filter={"account_id": "acme"}, page_size=1000
        )["events"]
        return [
            event
            for event in events
            if event["action"] == action and reason in (None, event["reason"])
        ]

    def last_event(self, action):
        return self.events(action)[-1]

    def test_enrols_by_a_picture_and_only_once(self):
        begun = self.begin()
        device = Device(self)
        picture = os.path.join(device.folder, "qr.png")
        with open(picture, "wb") as file:
            file.write(base64.b64decode(begun["activation"]["push"]["qr_png"]))
        server = "--server=http://" + self.server.address
        code, _ = device.run("enrol", "--qr=" + picture, server)
        self.assertEqual(code, 0)
        enrollment = self.call(
            "AuthService/GetEnrollment",
            account_id="acme",
            member_id="ada",
            enrollment_id=begun["enrollment"]["enrollment_id"],
        )["enrollment"]
        self.assertEqual(enrollment["state"], "ENROLLMENT_STATE_ACTIVE")
        self.assertEqual(enrollment["attributes"]["key_algorithm"], "Ed25519")
        # Whoever sees the picture later gets nothing by it.
        code, _ = Device(self).run("enrol", "--qr=" + picture, server)
        self.assertNotEqual(code, 0)

    def test_approves_by_the_number_and_tells_who_watches(self):
        device, _ = self.enrolled()
        phone = device.watch()
        challenge, number = self.challenge()
        backends = [
            ChallengeStates(self.server, challenge["challenge_id"]) for _ in range(2)
        ]
        for backend in backends:
            self.addCleanup(backend.kill)
        shown = phone.wait_for("challenge", challenge["challenge_id"])
        self.assertEqual(shown["title"], "Sign in to the shop")
        self.assertEqual(shown["fields"], {"City": "Berlin"})
        wrong = "%06d" % ((int(number) + 1) % 1_000_000)
        phone.say(challenge["challenge_id"], "approve " + wrong)
        refused = phone.wait_for("answered", challenge["challenge_id"])
        self.assertEqual((refused["accepted"], refused["attempts_left"]), (False, 4))
        phone.say(challenge["challenge_id"], "approve " + number)
        accepted = phone.wait_for("answered", challenge["challenge_id"])
        self.assertEqual((accepted["accepted"], accepted["state"]), (True, "APPROVED"))
        for backend in backends:
            states, code = backend.all()
            self.assertEqual((states[-1], code), ("APPROVED", 0))
            # In their order, whichever of them came before the watch began.
            order = ["PENDING", "DELIVERED", "SEEN", "APPROVED"]
            ranks = [order.index(state) for state in states]
            self.assertEqual(ranks, sorted(ranks))

    def test_denies_with_a_reason(self):
        device, _ = self.enrolled()
        phone = device.watch()
        challenge, _ = self.challenge()
        phone.wait_for("challenge", challenge["challenge_id"])
        phone.say(challenge["challenge_id"], "deny wrong city")
        self.assertTrue(phone.wait_for("answered")["accepted"])
        self.assertEqual(self.state(challenge), "CHALLENGE_STATE_DENIED")
        event = self.last_event("AnswerChallenge")
        self.assertEqual(event["reason"], "VERIFICATION_REASON_DENIED")
        self.assertEqual(event["note"], "wrong city")

    def test_not_me_stops_push_until_it_is_lifted(self):
        device, enrollment_id = self.enrolled()
        phone = device.watch()
        challenge, _ = self.challenge()
        phone.wait_for("challenge", challenge["challenge_id"])
        phone.say(challenge["challenge_id"], "not-me")
        self.assertTrue(phone.wait_for("answered")["accepted"])
        self.assertEqual(
            self.last_event("AnswerChallenge")["reason"], "VERIFICATION_REASON_REPORTED"
        )
        wanted = {
            "account_id": "acme",
            "member_id": "ada",
            "factor_type": "push",
            "purpose": "sign-in",
        }
        refused = self.refused("AuthService/CreateChallenge", **wanted)
        self.assertEqual(refused.reason, "PROMPTS_STOPPED")
        self.restart()
        refused = self.refused("AuthService/CreateChallenge", **wanted)
        self.assertEqual(refused.reason, "PROMPTS_STOPPED")
        self.call(
            "AuthService/UnlockEnrollment",
            account_id="acme",
            member_id="ada",
            enrollment_id=enrollment_id,
        )
        self.challenge()

    def test_a_new_challenge_supersedes_the_old_on_both_devices(self):
        phones = [self.enrolled()[0].watch() for _ in range(2)]
        first, old_number = self.challenge()
        for phone in phones:
            phone.wait_for("challenge", first["challenge_id"])
        backend = ChallengeStates(self.server, first["challenge_id"])
        self.addCleanup(backend.kill)
        second, number = self.challenge()
        for phone in phones:
            ended = phone.wait_for("ended", first["challenge_id"])
            self.assertEqual(ended["state"], "SUPERSEDED")
            phone.wait_for("challenge", second["challenge_id"])
        self.assertEqual(backend.all()[0][-1], "SUPERSEDED")
        # Either device answers, and the other one hears of it.
        phones[1].say(second["challenge_id"], "approve " + number)
        self.assertTrue(phones[1].wait_for("answered")["accepted"])
        ended = phones[0].wait_for("ended", second["challenge_id"])
        self.assertEqual(ended["state"], "APPROVED")

    def test_an_expired_challenge_is_told_and_takes_no_answer(self):
        device, _ = self.enrolled()
        phone = device.watch()
        challenge, number = self.challenge()
        phone.wait_for("challenge", challenge["challenge_id"])
        backend = ChallengeStates(self.server, challenge["challenge_id"])
        self.addCleanup(backend.kill)
        self.move_clock(301)
        self.assertEqual(backend.all()[0][-1], "EXPIRED")
        code, events = device.run(
            "approve", challenge["challenge_id"], "--number=" + number, "--json"
        )
        self.assertNotEqual(code, 0, events)
        self.assertEqual(self.state(challenge), "CHALLENGE_STATE_EXPIRED")

    def test_a_device_that_was_away_finds_its_challenge(self):
        device, _ = self.enrolled()
        device.watch().close()
        challenge, number = self.challenge()
        code, events = device.run("list", "--json")
        self.assertEqual(code, 0)
        self.assertEqual(
            [event["challenge_id"] for event in events if event["event"] == "challenge"],
            [challenge["challenge_id"]],
        )
        self.assertEqual(self.state(challenge), "CHALLENGE_STATE_DELIVERED")
        phone = device.watch()
        phone.wait_for("challenge", challenge["challenge_id"])
        phone.say(challenge["challenge_id"], "approve " + number)
        self.assertTrue(phone.wait_for("answered")["accepted"])

    def test_goes_on_after_the_server_was_killed(self):
        device, _ = self.enrolled()
        phone = device.watch()
        challenge, number = self.challenge()
        phone.wait_for("challenge", challenge["challenge_id"])
        address = self.server.address
        self.server.kill()
        phone.wait_for("disconnected")
        self.server = Server(self.data_dir, mode=self.MODE, address=address)
        # It knows the challenge, and does not show it twice.
        phone.wait_for("connected")
        backend = ChallengeStates(self.server, challenge["challenge_id"])
        self.addCleanup(backend.kill)
        phone.say(challenge["challenge_id"], "approve " + number)
        self.assertTrue(phone.wait_for("answered")["accepted"])
        self.assertEqual(backend.all()[0][-1], "APPROVED")
        # What was accepted is on disk before it is told.
        self.server.kill()
        self.server = Server(self.data_dir, mode=self.MODE, address=address)
        self.assertEqual(self.state(challenge), "CHALLENGE_STATE_APPROVED")

    def test_a_stolen_answer_is_worth_nothing(self):
        device = SignedByHand(self, self.begin())
        bobs = SignedByHand(self, self.begin("bob"))
        challenge, number = self.challenge()
        challenge_id = challenge["challenge_id"]
        answer = device.approval(challenge, number)
        # By another device, and as another's.
        self.assertFalse(bobs.send(challenge_id, bobs.approval(challenge, number))["accepted"])
        self.assertFalse(device.send(challenge_id, bobs.approval(challenge, number))["accepted"])
        self.assertTrue(device.send(challenge_id, answer)["accepted"])
        again = {"challenge_id": challenge_id, "answer": answer, **device.named()}
        self.assertEqual(
            self.refused("DeviceService/AnswerChallenge", **again).reason,
            "CHALLENGE_FINAL",
        )
        self.server.kill()
        self.server = Server(self.data_dir, mode=self.MODE)
        self.assertEqual(
            self.refused("DeviceService/AnswerChallenge", **again).reason,
            "CHALLENGE_FINAL",
        )
        fresh, _ = self.challenge()
        stolen = device.send(fresh["challenge_id"], answer)
        self.assertFalse(stolen["accepted"])
        self.assertEqual(stolen["attempts_left"], 4)

    def test_one_at_a_time_and_five_in_a_row(self):
        self.enrolled()
        made = [self.challenge()[0] for _ in range(5)]
        states = [self.state(challenge) for challenge in made]
        self.assertEqual(states[:-1], ["CHALLENGE_STATE_SUPERSEDED"] * 4)
        wanted = {
            "account_id": "acme",
            "member_id": "ada",
            "factor_type": "push",
            "purpose": "sign-in",
        }
        refused = self.refused("AuthService/CreateChallenge", **wanted)
        self.assertEqual(refused.reason, "TOO_MANY_PROMPTS")
        self.restart()
        refused = self.refused("AuthService/CreateChallenge", **wanted)
        self.assertEqual(refused.reason, "TOO_MANY_PROMPTS")
        self.move_clock(600)
        self.challenge()

    def test_a_new_key_ends_the_channel_of_the_old_one(self):
        device, _ = self.enrolled()
        phone = device.watch()
        code, _ = device.run("rotate", "acme:ada")
        self.assertEqual(code, 0)
        self.assertEqual(phone.wait_for("disconnected")["reason"], "DEVICE_NOT_PROVEN")
        # The authenticator goes on with the new key.
        phone.wait_for("connected")
        challenge, number = self.challenge()
        phone.wait_for("challenge", challenge["challenge_id"])
        phone.say(challenge["challenge_id"], "approve " + number)
        self.assertTrue(phone.wait_for("answered")["accepted"])

    def test_wakes_a_device_up_until_its_address_is_dead(self):
        self.server.stop()
        self.server = Server(
            self.data_dir,
            mode=self.MODE,
            push="""push {
              device_server: "http://127.0.0.1:50051"
              web_push {
                vapid_key_file: "vapid_key"
                subject: "mailto:operator@example.com"
                allowed_hosts: "push.example.com"
                allow_loopback: true
              }
            }""",
        )
        service = PushService(self)
        SignedByHand(self, self.begin(), service.subscription())
        nonce = self.call("DeviceService/CreateDeviceNonce")
        self.assertEqual(len(base64.b64decode(nonce["web_push_public_key"])), 65)
        challenge, number = self.challenge()
        headers, body = service.taken.get(timeout=PATIENCE_SECONDS)
        self.assertEqual(headers["Content-Encoding"], "aes128gcm")
        self.assertTrue(headers["Authorization"].startswith("vapid "))
        for secret in [challenge["challenge_id"], number, "ada", "acme"]:
            self.assertNotIn(secret.encode(), body)
            self.assertNotIn(secret, str(headers))
        service.status = 410
        self.challenge()
        service.taken.get(timeout=PATIENCE_SECONDS)
        # Its end is on disk once the audit log tells of it.
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.events("DeliveryReport", reason="ADDRESS_GONE"):
            self.assertLess(time.monotonic(), deadline)
        self.challenge()
        self.server.stop()
        self.assertTrue(service.taken.empty())
        self.server = Server(self.data_dir, mode=self.MODE)

    def test_a_device_whose_enrollment_is_gone_is_cut_off(self):
        device, enrollment_id = self.enrolled()
        phone = device.watch()
        self.call(
            "AuthService/DeleteEnrollment",
            account_id="acme",
            member_id="ada",
            enrollment_id=enrollment_id,
        )
        cut_off = phone.wait_for("disconnected")
        self.assertEqual(cut_off["reason"], "DEVICE_NOT_PROVEN")


if __name__ == "__main__":
    unittest.main(verbosity=2)
