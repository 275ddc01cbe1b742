#!/usr/bin/env python3
"""Codes by text message, the whole way: over the binary, grpcurl, and Kannel with
a phone network that prints what it gets."""

import os
import re
import select
import socket
import subprocess
import time
import unittest

from cofactor_process import RpcError, Server, ServerTest, fresh_folder

PATIENCE_SECONDS = 20
NUMBER = "+491701234567"

KANNEL_CONFIG = """group = core
admin-port = %(admin)d
admin-interface = 127.0.0.1
admin-password = adminpw
smsbox-port = %(box)d
smsbox-interface = 127.0.0.1
dlr-storage = internal
store-type = file
store-location = "%(folder)s/kannel.store"

group = smsc
smsc = fake
smsc-id = fake1
host = 127.0.0.1
port = %(network)d
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = %(send)d
sendsms-interface = 127.0.0.1

group = sendsms-user
username = idsvc
password = s3cret
"""


def pause():
    """A short wait, between two looks at what cannot be waited for."""
    select.select([], [], [], 0.05)


def free_ports(count):
    """Ports that nobody listens on. Kannel cannot choose its own."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Child:
    """A process whose streams go to a file, as nobody would read a pipe."""

    def __init__(self, path, *command):
        self.path = path
        self.seen = 0
        with open(path, "wb") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def lines(self):
        """The whole lines so far."""
        with open(self.path, encoding="utf-8", errors="replace") as file:
            return file.read().split("\n")[:-1]

    def wait_for(self, text):
        """The next line with the text, behind the last one that was waited for."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            # In this order, so that the last words of a child are read.
            ended = self.process.poll() is not None
            lines = self.lines()
            while self.seen < len(lines):
                self.seen += 1
                if text in lines[self.seen - 1]:
                    return lines[self.seen - 1]
            if ended or time.monotonic() > deadline:
                raise AssertionError("no %r in %s: %r" % (text, self.path, lines[-9:]))
            pause()

    def kill(self):
        self.process.kill()
        self.process.wait()


class Kannel:
    """A bearerbox, an smsbox, and a phone network that prints what it gets."""

    def __init__(self, test):
        self.children = []
        test.addCleanup(self.kill)
        # Until Kannel has taken its ports somebody else may, hence several tries.
        for tries in range(3):
            try:
                self.start()
                return
            except AssertionError:
                self.kill()
                if tries == 2:
                    raise

    def start(self):
        self.folder = fresh_folder()
        self.ports = dict(zip(["admin", "box", "network", "send"], free_ports(4)))
        config = os.path.join(self.folder, "kannel.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(KANNEL_CONFIG % {"folder": self.folder, **self.ports})
        self.url = "http://127.0.0.1:%d/cgi-bin/sendsms" % self.ports["send"]
        self.bearerbox = self.child("/usr/sbin/bearerbox", "-v", "1", config)
        self.bearerbox.wait_for("Start-up done")
        self.start_network()
        self.smsbox = self.child("/usr/sbin/smsbox", "-v", "0", config)
        # Not before: it serves HTTP already, but a request that comes before it
        # has taken note of its connection to the bearerbox makes it abort.
        self.smsbox.wait_for("(gw/heartbeat.c:heartbeat_thread)")
        self.bearerbox.wait_for("Client connected from")

    def start_network(self):
        # It sends texts of its own by the last argument; none, for -m is 0.
        self.network = self.child(
            "/usr/lib/kannel/test/fakesmsc",
            *["-H", "127.0.0.1", "-r", str(self.ports["network"])],
            *["-m", "0", "-v", "0", "100 200 text nop"],
        )
        self.bearerbox.wait_for("Fakesmsc client connected")

    def child(self, *command):
        path = os.path.join(self.folder, "%d.out" % len(self.children))
        self.children.append(Child(path, *command))
        return self.children[-1]

    def kill(self):
        for child in reversed(self.children):
            child.kill()
        self.children.clear()

    def next_text(self):
        """What the next phone shows: its number and the text."""
        line = self.network.wait_for("Got message ")
        return re.search(r"<\S+ (\+\d+) text (.*)>", line).groups()

    def count(self):
        return sum("Got message " in line for line in self.network.lines())

    def stop_network(self):
        self.network.kill()
        self.bearerbox.wait_for("EOF from fakesmsc client")

    def kill_bearerbox(self):
        self.bearerbox.kill()
        self.smsbox.wait_for("smsbox terminating")
        # Until it has closed its port, connections are made that it drops, and
        # whether such a text was sent is unknown.
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", self.ports["send"])) != 0:
                    return
            pause()
        raise AssertionError("the smsbox still listens")


def code_in(text):
    return re.search(r"\b\d{6}\b", text).group(0)


class SmsTest(ServerTest):
    def setUp(self):
        self.kannel = Kannel(self)
        self.data_dir = fresh_folder()
        self.server = None
        self.addCleanup(lambda: self.server and self.server.kill())

    def start(self, password="s3cret", outbox=False, reports=True):
        """A server whose first gateway is Kannel."""
        for name, secret in (("password", password), ("reports", os.urandom(32).hex())):
            path = os.path.join(self.data_dir, name)
            if not os.path.exists(path):
                descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
                with open(descriptor, "w", encoding="utf-8") as file:
                    file.write(secret)
        messaging = (
            'sms { gateways { name: "first" kannel { url: "%s" username: "idsvc"'
            ' password_file: "password" sender: "Cofactor" } }' % self.kannel.url
        )
        if outbox:
            messaging += ' gateways { name: "second" outbox {} }'
        if reports:
            messaging += ' report_address: "127.0.0.1:0" report_key_file: "reports"'
        messaging += ' allowed_regions: "DE" }'
        first = self.server is None
        self.server = Server(self.data_dir, messaging=messaging)
        if first:
            self.call("AccountService/CreateAccount", account={"account_id": "acme"})
            for name in ("ada", "bob"):
                member = {"account_id": "acme", "member_id": name}
                self.call("AccountService/CreateMember", member=member)

    def assert_refused(self, code, reason, call, *arguments):
        with self.assertRaises(RpcError) as caught:
            call(*arguments)
        self.assertEqual(caught.exception.code, code)
        self.assertEqual(caught.exception.reason, reason)

    def next_code(self, number=NUMBER):
        to, text = self.kannel.next_text()
        self.assertEqual(to, number)
        return code_in(text)

    def begin(self, member_id="ada", phone_number="0170 1234567"):
        """Sends a first code; returns what names the enrollment."""
        begun = self.call(
            "AuthService/BeginEnrollment",
            account_id="acme",
            member_id=member_id,
            factor_type="sms",
            parameters={"sms": {"phone_number": phone_number, "region": "DE"}},
        )["enrollment"]
        return {
            name: begun[name] for name in ("account_id", "member_id", "enrollment_id")
        }

    def enrol_number(self):
        """A member with a number, confirmed by the code that the phone got."""
        which = self.begin()
        code = self.next_code()
        confirmed = self.call(
            "AuthService/ConfirmEnrollment", response={"code": code}, **which
        )
        self.assertTrue(confirmed["verified"])
        self.assertEqual(confirmed["enrollment"]["state"], "ENROLLMENT_STATE_ACTIVE")
        return code

    def challenge(self):
        return self.call(
            "AuthService/CreateChallenge",
            account_id="acme",
            member_id="ada",
            factor_type="sms",
            purpose="sign-in",
        )["challenge"]["challenge_id"]

    def verify_challenge(self, challenge_id, code):
        return self.call(
            "AuthService/VerifyChallenge",
            challenge_id=challenge_id,
            account_id="acme",
            member_id="ada",
            purpose="sign-in",
            response={"code": code},
        )

    def await_delivery(self, state, method="AuthService/GetChallenge", **which):
        """The challenge or enrollment, once its delivery has come so far."""
        for _ in range(100):
            (found,) = self.call(method, **which).values()
            if found["delivery"]["state"] == "DELIVERY_STATE_" + state:
                return found
            pause()
        raise AssertionError(found)

    def test_enrol_and_verify(self):
        self.start()
        codes = [self.enrol_number()]
        challenge_id = self.challenge()
        codes.append(self.next_code())
        delivered = self.await_delivery("DELIVERED", challenge_id=challenge_id)
        self.assertEqual(delivered["state"], "CHALLENGE_STATE_DELIVERED")
        self.assertEqual(delivered["delivery"]["gateway"], "first")
        answer = [challenge_id, codes[-1]]
        verified = self.verify_challenge(*answer)
        self.assertTrue(verified["verified"])
        self.assertEqual(verified["challenge"]["state"], "CHALLENGE_STATE_APPROVED")
        self.assert_refused(
            "FailedPrecondition", "CHALLENGE_FINAL", self.verify_challenge, *answer
        )
        self.assert_nothing_in_clear(codes)

    def assert_nothing_in_clear(self, codes):
        """Neither log nor data folder has the number or a code in it."""
        self.assertEqual(self.server.stop()[0], 0)
        looked_at = 0
        # Apart from longer words, as the fraction of a time or a key.
        clear = rb"(?<![0-9A-Za-z.])(%s)(?![0-9A-Za-z])" % "|".join(codes).encode()
        for root, _, names in os.walk(self.data_dir):
            for name in names:
                where = os.path.join(root, name)
                with open(where, "rb") as file:
                    content = file.read()
                looked_at += 1
                self.assertNotIn(NUMBER[3:].encode(), content, where)
                self.assertIsNone(re.search(clear, content), where)
        self.assertIn("CreateChallenge", self.server.log())
        self.assertGreater(looked_at, 5)

    def test_sent_without_reports(self):
        self.start(reports=False)
        self.enrol_number()
        challenge_id = self.challenge()
        self.next_code()
        self.await_delivery("SENT", challenge_id=challenge_id)

    def test_resend(self):
        self.start()
        self.enrol_number()
        challenge_id = self.challenge()
        old = self.next_code()
        early = self.refused("AuthService/ResendChallenge", challenge_id=challenge_id)
        self.assertEqual(early.reason, "RESEND_TOO_SOON")
        self.move_clock(30)
        self.call("AuthService/ResendChallenge", challenge_id=challenge_id)
        new = self.next_code()
        # Once in a million draws it is the same.
        if new != old:
            failed = self.verify_challenge(challenge_id, old)
            self.assertFalse(failed["verified"])
            self.assertEqual(failed["challenge"]["attempts_left"], 4)
        self.assertTrue(self.verify_challenge(challenge_id, new)["verified"])

    def test_network_away(self):
        self.start()
        self.enrol_number()
        self.kannel.stop_network()
        challenge_id = self.challenge()
        # By 3 Kannel says that it queued the text, and not 0 for sent.
        self.kannel.smsbox.wait_for("Got ACK (3)")
        for _ in range(100):
            queued = self.await_delivery("QUEUED", challenge_id=challenge_id)
            if queued["delivery"]["reason"]:
                break
            pause()
        self.assertEqual(queued["delivery"]["reason"], "the network is away")
        self.assertEqual(queued["delivery"]["gateway"], "first")
        self.kannel.start_network()
        code = self.next_code()
        self.await_delivery("DELIVERED", challenge_id=challenge_id)
        self.assertTrue(self.verify_challenge(challenge_id, code)["verified"])

    def test_wrong_password(self):
        self.start(password="wrong")
        which = self.begin()
        failed = self.await_delivery("FAILED", "AuthService/GetEnrollment", **which)
        self.assertIn("authorization failed", failed["delivery"]["reason"])
        self.assertEqual(failed["delivery"]["gateway"], "first")
        self.assertEqual(self.kannel.count(), 0)

    def test_second_gateway(self):
        self.start(outbox=True)
        self.enrol_number()
        self.kannel.kill_bearerbox()
        challenge_id = self.challenge()
        sent = self.await_delivery("SENT", challenge_id=challenge_id)
        self.assertEqual(sent["delivery"]["gateway"], "second")
        outbox = self.call("cofactor.dev.v1.DevService/ListOutbox")
        (message,) = outbox["messages"]
        self.assertEqual(message["to"], NUMBER)
        verified = self.verify_challenge(challenge_id, code_in(message["text"]))
        self.assertTrue(verified["verified"])

    def test_limits(self):
        self.start()
        self.enrol_number()
        for _ in range(4):
            self.challenge()
            self.next_code()
        self.assert_refused("ResourceExhausted", "SEND_LIMIT", self.challenge)
        abroad = ["bob", "+33612345678"]
        self.assert_refused(
            "FailedPrecondition", "REGION_NOT_ALLOWED", self.begin, *abroad
        )
        # Had one of these left, it would have come before this one.
        self.begin("bob", "0160 1234567")
        self.next_code("+491601234567")
        self.assertEqual(self.kannel.count(), 6)

    def test_killed(self):
        self.start()
        self.enrol_number()
        challenge_id = self.challenge()
        # The server may not have stored yet that it was sent.
        code = self.next_code()
        self.server.kill()
        self.start()
        self.call("AuthService/GetChallenge", challenge_id=challenge_id)
        self.assertTrue(self.verify_challenge(challenge_id, code)["verified"])
        # The text was not sent a second time: it would have come before this one.
        self.begin("bob", "0160 1234567")
        self.next_code("+491601234567")


if __name__ == "__main__":
    unittest.main()
