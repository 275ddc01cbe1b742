#!/usr/bin/env python3
"""An account moves from one server to another: the apps go on, and no code
passes twice."""

import unittest

from cofactor_process import RpcError, Server, ServerTest, fresh_folder, totp


class MoveAccountTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.new_data_dir = fresh_folder()
        self.new = Server(self.new_data_dir, mode=self.MODE)
        self.addCleanup(lambda: self.new.kill())
        self.call("AccountService/CreateAccount", account={"account_id": "acme"})

    def next_step(self):
        before = self.now()
        super().next_step()
        self.new.call(
            "cofactor.dev.v1.DevService/MoveClock",
            forward="%ds" % (self.now() - before),
        )

    def move(self):
        """Moves all pages; returns them, and what the new server says of each."""
        key = self.new.call("AdminService/GetImportKey")["public_key"]
        token, pages, answers = "", [], []
        while True:
            page = self.call(
                "AdminService/ExportAccount",
                account_id="acme",
                recipient_public_key=key,
                page_token=token,
            )
            pages.append(page["sealed_export"])
            answers.append(
                self.new.call(
                    "AdminService/ImportAccount",
                    request_id="page-%s" % page["sealed_export"][:40],
                    sealed_export=page["sealed_export"],
                )
            )
            token = page["next_page_token"]
            if not token:
                return pages, answers

    def verify_on_new(self, code, member_id):
        return self.new.call(
            "AuthService/Verify", account_id="acme", member_id=member_id, code=code
        )

    def test_moves(self):
        _, ada = self.enrol("ada")
        _, bob = self.enrol("bob")
        self.next_step()
        used = totp(ada, self.now())
        self.assertTrue(self.verify(used, "ada")["verified"])
        _, answers = self.move()
        self.assertEqual([a["members_created"] for a in answers], [2])
        self.assertEqual([a["enrollments_created"] for a in answers], [2])
        self.assertEqual(
            self.verify_on_new(used, "ada")["reason"], "VERIFICATION_REASON_REPLAYED"
        )
        self.assertTrue(self.verify_on_new(totp(bob, self.now()), "bob")["verified"])

        # What happened on the old server meanwhile comes with the next move.
        self.next_step()
        used = totp(ada, self.now())
        self.assertTrue(self.verify(used, "ada")["verified"])
        _, answers = self.move()
        self.assertEqual([a["enrollments_updated"] for a in answers], [1])
        self.assertFalse(self.verify_on_new(used, "ada")["verified"])

        # The import key lives in the store, so pages outlast a restart.
        pages, _ = self.move()
        self.new.stop()
        self.new = Server(self.new_data_dir, mode=self.MODE)
        again = self.new.call("AdminService/ImportAccount", sealed_export=pages[0])
        self.assertEqual(again["members_updated"], 0)
        self.next_step()
        self.assertTrue(self.verify_on_new(totp(ada, self.now()), "ada")["verified"])

    def test_many_members_and_their_events(self):
        for i in range(101):
            self.call(
                "AccountService/CreateMember",
                member={"account_id": "acme", "member_id": "m%d" % i},
            )
        pages, answers = self.move()
        self.assertEqual([a["members_created"] for a in answers], [100, 1])
        events = self.call(
            "AuditService/ListAuditEvents",
            page_size=1000,
            filter={"account_id": "acme"},
        )["events"]
        exports = [e for e in events if e["action"] == "ExportAccount"]
        self.assertEqual(len(exports), len(pages))
        self.assertEqual(exports[0]["client_id"], "admin")
        # To nobody but the one that it was sealed to.
        self.assertEqual(
            self.refused(
                "AdminService/ImportAccount", sealed_export=pages[0]
            ).reason,
            "INVALID_FIELD",
        )

    def test_only_administrators(self):
        key = self.call(
            "AdminService/CreateClient",
            client={"client_id": "login", "scopes": ["SCOPE_AUDIT", "SCOPE_ENROLL"]},
        )["api_key"]
        for method in ("GetImportKey", "ExportAccount", "ImportAccount"):
            with self.assertRaises(RpcError) as caught:
                self.call("AdminService/" + method, key=key)
            self.assertEqual(caught.exception.reason, "SCOPE_MISSING")


if __name__ == "__main__":
    unittest.main()
