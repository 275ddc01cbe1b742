#!/usr/bin/env python3
"""The login page of docs/login_page.md, word for word but for addresses."""

import os
import re
import shutil
import subprocess
import unittest
import urllib.parse
import urllib.request

from cofactor_process import ServerTest, fresh_folder, runfile, totp


def blocks_of(page, language):
    with open(runfile(page), encoding="utf-8") as file:
        return re.findall(r"```%s\n(.*?)```" % language, file.read(), re.DOTALL)


def node_path():
    """Where the packages are that tools/setup has installed."""
    folders = []
    for link in ("grpc.js", "jose.js"):
        module = shutil.which(link, mode=os.F_OK)
        if module is None:
            raise AssertionError(link + " is not installed: run tools/setup")
        folder = os.path.realpath(module).partition("/node_modules/")[0]
        folders.append(folder + "/node_modules")
    return ":".join(folders)


class LoginPageTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.call("AccountService/CreateAccount", account={"account_id": "acme"})
        _, self.seed = self.enrol("ada")
        self.next_step()
        (session,) = blocks_of("docs/login_page.md", "sh")
        readme = blocks_of("README.md", "sh")[1]
        self.run_shell(readme[: readme.index("# An account")] + session)
        self.environment = {
            **os.environ,
            "NODE_PATH": node_path(),
            "COFACTOR_KEY": self.server.admin_key,
        }
        page, self.who = blocks_of("docs/login_page.md", "js")
        page = page.replace("127.0.0.1:50051", self.server.address)
        page = page.replace(
            ".listen(8080, '127.0.0.1')",
            ".listen(0, '127.0.0.1', function () { console.log(this.address().port); })",
        )
        self.start_page(page)

    def run_shell(self, session):
        session = session.replace(".tools/bin/grpcurl", "grpcurl")
        session = session.replace("127.0.0.1:50051", self.server.address)
        session = session.replace(".data/", self.data_dir + "/")
        result = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", session],
            cwd=fresh_folder(),
            capture_output=True,
            check=False,
        )
        self.assertEqual(result.returncode, 0, result.stderr.decode())

    def script(self, text):
        path = os.path.join(fresh_folder(), "script.js")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def start_page(self, page):
        process = subprocess.Popen(
            ["node", self.script(page)],
            # It reads the protos from there.
            cwd=runfile(""),
            env=self.environment,
            stdout=subprocess.PIPE,
        )
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.url = "http://127.0.0.1:%d" % int(process.stdout.readline())

    def send(self, **form):
        """What the browser shows, and the receipt if the page set one."""
        data = urllib.parse.urlencode(form).encode() if form else None
        with urllib.request.urlopen(self.url, data, timeout=30) as answer:
            cookie = re.match(r"receipt=([^;]+); HttpOnly", answer.headers["Set-Cookie"] or "")
            return answer.read().decode(), cookie and cookie.group(1)

    def test_lets_ada_in_by_password_and_code(self):
        html, receipt = self.send()
        self.assertIn("name=password", html)
        self.assertIsNone(receipt)

        html, receipt = self.send(member="ada", password="eight lamps in the attic")
        self.assertIn("That was not right.", html)
        self.assertIn("name=password", html)
        self.assertIsNone(receipt)

        html, receipt = self.send(member="ada", password="nine lamps in the attic")
        self.assertIn("name=code", html)
        self.assertIsNone(receipt)
        sign_in = re.search(r"name=sign_in type=hidden value=([^>]+)>", html).group(1)

        html, receipt = self.send(sign_in=sign_in, code="000")
        self.assertIsNone(receipt)
        html, receipt = self.send(sign_in=sign_in, code=totp(self.seed, self.steady_now()))
        self.assertIn("Welcome, ada", html)
        self.assertIsNotNone(receipt)
        self.assertEqual(self.who_is(receipt), "ada of acme, by pwd and otp and mfa\n")
        self.assertEqual(self.who_is(receipt[:-8] + "AAAAAAAA"), "")

        # It is over: going back in the browser lets nobody in.
        html, receipt = self.send(sign_in=sign_in, code=totp(self.seed, self.steady_now()))
        self.assertIn("name=password", html)
        self.assertIsNone(receipt)

    def who_is(self, receipt):
        who = self.who.replace(
            "http://127.0.0.1:9464/", self.server.metrics_url.replace("metrics", "")
        )
        result = subprocess.run(
            ["node", self.script(who), receipt],
            env=self.environment,
            capture_output=True,
            timeout=30,
            check=False,
        )
        return result.stdout.decode()


if __name__ == "__main__":
    unittest.main(verbosity=2)
