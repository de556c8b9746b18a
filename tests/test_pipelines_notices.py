"""Notices: to servers on this machine; the address stays secret, and nothing that goes wrong fails a run."""

import json
import logging
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import dagster as dg
import pytest

from data.errors import InputError
from pipelines.failures import tell_failure
from pipelines.notices import Notice, check_address, send
from pipelines.settings import Settings

NOTICE = Notice(
    "failure", "synthesis failed\nBcc: everybody@example.org", "disk full <!channel> & more", {"job": "synthesis"}
)
SECRET = "s3cret-t0ken"


class Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((self.path, json.loads(content)))  # type: ignore[attr-defined]
        self.send_response(self.server.answer)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


class Mailbox(socketserver.StreamRequestHandler):
    """As much of SMTP as a letter needs."""

    def handle(self) -> None:
        def say(line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        say("220 ready")
        for raw in self.rfile:
            line = raw.decode().strip()
            self.server.said.append(line)  # type: ignore[attr-defined]
            if line.upper() == "DATA":
                say("354 go on")
                letter = []
                while (part := self.rfile.readline()) != b".\r\n":
                    letter.append(part.decode())
                self.server.letters.append("".join(letter))  # type: ignore[attr-defined]
                say("250 taken")
            elif line == "QUIT":
                say("221 bye")
                return
            else:
                say(
                    "250-here\r\n250 AUTH PLAIN"
                    if line.startswith("ehlo")
                    else "235 ok"
                    if "AUTH" in line
                    else "250 ok"
                )


def serving(server: socketserver.BaseServer):
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return server


@pytest.fixture
def hook():
    server = HTTPServer(("127.0.0.1", 0), Hook)
    server.got, server.answer = [], 200  # type: ignore[attr-defined]
    yield serving(server)
    server.shutdown()
    server.server_close()


@pytest.fixture
def mailbox():
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mailbox)
    server.said, server.letters = [], []  # type: ignore[attr-defined]
    yield serving(server)
    server.shutdown()
    server.server_close()


def test_a_web_hook_gets_the_facts(hook):
    assert send(f"http://127.0.0.1:{hook.server_port}/{SECRET}", NOTICE) == ""
    ((path, content),) = hook.got
    assert path == f"/{SECRET}"
    assert content == {"event": "failure", "title": NOTICE.title, "text": NOTICE.text, "job": "synthesis"}


def test_slack_gets_a_text_that_calls_nobody(hook):
    assert send(f"slack+http://127.0.0.1:{hook.server_port}/{SECRET}", NOTICE) == ""
    ((_, content),) = hook.got
    assert set(content) == {"text"}
    assert "<!channel>" not in content["text"]
    assert "disk full &lt;!channel&gt; &amp; more" in content["text"]


def test_a_letter_has_one_subject_and_only_the_people_of_the_address(mailbox):
    port = mailbox.server_address[1]
    address = f"smtp://me:{SECRET}@127.0.0.1:{port}/?from=a@example.org&to=b@example.org"
    assert send(address, NOTICE) == ""
    (letter,) = mailbox.letters
    head, _, body = letter.partition("\r\n\r\n")
    assert "Subject: synthesis failed Bcc: everybody@example.org" in head
    assert not any(line.startswith("Bcc") for line in head.splitlines())
    assert "disk full <!channel> & more" in body
    assert [line for line in mailbox.said if line.lower().startswith("rcpt")] == ["rcpt TO:<b@example.org>"]


@pytest.mark.parametrize(
    "address",
    [
        f"http://127.0.0.1:1/{SECRET}",
        f"smtp://me:{SECRET}@127.0.0.1:1/?from=a@example.org&to=b@example.org",
        f"ftp://{SECRET}@example.org/",
        f"http://[{SECRET}",
        f"smtp://me:{SECRET}@127.0.0.1/",
        f"https://{SECRET}.invalid:99999/",
    ],
)
def test_what_cannot_be_sent_is_told_without_the_secret(address):
    told = send(address, NOTICE)
    assert told
    assert SECRET not in told.replace(f"{SECRET}.invalid", "")


def test_a_server_that_refuses_is_told_by_its_host(hook):
    hook.answer = 500
    told = send(f"http://127.0.0.1:{hook.server_port}/{SECRET}", NOTICE)
    assert told == "127.0.0.1: did not take the notice (HTTP 500)"


def test_nowhere_to_send_to_is_no_error():
    assert send("", NOTICE) == ""


@pytest.mark.parametrize("address", ["mailto:a@example.org", "https://:443/hook", "smtp://host/?to=a@example.org"])
def test_an_address_of_another_form_is_refused_when_the_settings_are_read(settings, monkeypatch, address):
    with pytest.raises(InputError):
        check_address(address)
    monkeypatch.setenv("TESSITURA_NOTIFY", address)
    with pytest.raises(InputError, match="TESSITURA_NOTIFY=…: ") as caught:
        Settings.read()
    assert address not in str(caught.value)
    assert caught.value.__cause__ is None, "the cause would hold the address"


def test_the_address_stands_in_no_text_of_the_settings_and_not_in_what_assets_are_given(settings, monkeypatch):
    monkeypatch.setenv("TESSITURA_NOTIFY", f"https://example.org/{SECRET}")
    found = Settings.read()
    assert SECRET not in repr(found)
    assert SECRET not in str(found.environment())
    assert SECRET in found.frozen(), "the processes that it starts send notices too"


def test_a_failed_run_is_told_once_and_noted_whatever_becomes_of_the_notice(settings, hook, caplog):
    address = f"http://127.0.0.1:{hook.server_port}/{SECRET}"
    known = settings.model_copy(update={"notify": address})
    with caplog.at_level(logging.DEBUG):
        assert tell_failure(known, "synthesis", "r1", "disk full") == ""
        assert tell_failure(known, "synthesis", "r1", "disk full") == ""
        hook.answer = 500
        assert "did not take" in tell_failure(known, "synthesis", "r2", "disk full")
    assert [content["run"] for _, content in hook.got] == ["r1", "r2"]
    assert hook.got[0][1]["reason"] == "disk full"
    lines = (settings.home / "failures.jsonl").read_text().splitlines()
    assert [json.loads(line)["run"] for line in lines] == ["r1", "r2"]
    told = "".join(one.getMessage() for one in caplog.records if not one.name.startswith("urllib3"))
    assert SECRET not in told + "".join(lines)


def test_the_sensor_that_notes_failures_sends_a_notice(settings, hook, monkeypatch):
    from pipelines.failures import failures  # noqa: PLC0415 (the settings of the test count)

    monkeypatch.setenv("TESSITURA_NOTIFY", f"http://127.0.0.1:{hook.server_port}/{SECRET}")

    @dg.op
    def breaks() -> None:
        raise dg.Failure("the notes are gone; name another folder")

    @dg.job
    def breaking() -> None:
        breaks()

    with dg.DagsterInstance.ephemeral() as instance:
        result = breaking.execute_in_process(instance=instance, raise_on_error=False)
        event = result.get_run_failure_event() if hasattr(result, "get_run_failure_event") else None
        event = event or next(one for one in result.all_events if one.event_type_value == "PIPELINE_FAILURE")
        context = dg.build_run_status_sensor_context(
            sensor_name="failures", dagster_event=event, dagster_instance=instance, dagster_run=result.dagster_run
        ).for_run_failure()
        failures(context)
    ((_, content),) = hook.got
    assert "the notes are gone; name another folder" in content["reason"]
