"""Locks that hold across machines: an object of the bucket with an owner, a heartbeat and a token.

    {"owner": "worker-3, process 812", "home": "9f1c…", "token": 4, "beat": 17, "seconds": 60,
     "pointers": ["small/model/current/main"], "released": false, "nonce": "5c1e…"}

Whoever takes a lease writes the object on condition that nobody else has written it since it was read, with a token
that is one higher than the last. A thread of the holder writes it again every few seconds. A holder that has not
written for `seconds` counts as dead, and the next one takes its place. The clocks of machines are not compared: who
waits observes by its own clock that the object does not change.

A holder that was only paused finds out when it next writes the object, since the condition fails: it has been replaced
(`Replaced`). What it does before it finds out must be harmless; see `assets.store.remote.shared`. The object stays when
the lease is released, so that tokens only grow.
"""

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from assets.store.remote.objects import ABSENT, Bucket, Conflict, Unreachable
from data.errors import InputError

SECONDS = 60.0  # a holder that has been silent for so long is replaced
_BEATS = 4  # renewals in that time
_MOST_SECONDS = 3600.0  # that one waits for a holder, whatever its lease says
_FREE: dict[str, Any] = {"owner": "", "home": "", "token": 0, "seconds": 0.0, "pointers": [], "released": True}


class Replaced(InputError):
    """The holder of a lease was silent for too long, and another one has taken its place."""


class Lease:
    """A lease of this process, once it is taken.

    Attributes:
        token: number of this holder, 1 for the first one; 0 before the lease is taken.
        path: object of the lease.
        overtaken: pointers that the holders before this one were to move, and have not given back.

    Example:
        >>> lease = Lease(bucket, "small/model/leases/3f2a.json", home="9f1c")
        >>> lease.take("small/model/current/main", print)
        >>> lease.check()
        >>> lease.release()
    """

    def __init__(self, bucket: Bucket, path: str, home: str, seconds: float = SECONDS) -> None:
        """Prepare a lease; nothing is asked of the bucket yet.

        Args:
            bucket: where the lease lies.
            path: its object.
            home: id of the local store. Its own lock is held whenever a lease is taken, so a former holder from there
                is dead, and is replaced at once.
            seconds: for how long a holder may be silent.
        """
        self._bucket, self.path, self._home, self._seconds = bucket, path, home, seconds
        self._state, self._beat = ABSENT, 0
        self._lock, self._done, self._thread = threading.Lock(), threading.Event(), None
        self.token, self._lost = 0, ""
        self.overtaken: list[str] = []
        self._pointers: list[str] = []

    def take(self, pointer: str, say: Callable[[str], None]) -> None:
        """Take the lease; wait for at most `seconds` to see whether another holder is alive.

        Args:
            pointer: object that the holder is to write in the end; whoever replaces it learns of that. "" for none.
            say: callback that receives a line of text if it has to wait.

        Raises:
            InputError: another holder is alive; the message names it.
            Unreachable: the bucket does not answer.
        """
        while True:
            found = self._bucket.read(self.path)
            other, state = (_FREE, ABSENT) if found is None else (_parsed(found[0]), found[1])
            if other["released"] or other["home"] == self._home or self._is_dead(other, state, say):
                break
        self.overtaken = [] if other["released"] else self._own(other["pointers"])
        self.token, self._pointers = other["token"] + 1, sorted({pointer, *self.overtaken} - {""})
        try:
            self._state = self._bucket.replace(self.path, self._content(), state)
        except Conflict:
            raise InputError(f"{self.path}: another machine has just begun the same work; wait for it") from None
        self._thread = threading.Thread(target=self._renew, name="renew lease", daemon=True)
        self._thread.start()

    def _is_dead(self, other: dict[str, Any], state: str, say: Callable[[str], None]) -> bool:
        """Return whether a holder is silent for as long as it promised not to be; False if it released the lease.

        Raises:
            InputError: it is alive.
        """
        patience = other["seconds"]
        say(f"{other['owner']} has begun this; waiting up to {patience:.0f} s to see whether it is alive")
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            time.sleep(min(1.0, patience / 20))
            now = self._bucket.read(self.path)
            if now is None or now[1] != state:
                if now is None or _parsed(now[0])["released"]:
                    return False
                raise InputError(f"{self.path}: {other['owner']} is at work on it; wait for it or stop it")
        return True

    def _own(self, pointers: list[str]) -> list[str]:
        """Return those of the paths that are pointers of the asset whose lease this is."""
        home = self.path.rpartition("/leases/")[0]
        return [one for one in pointers if one.startswith((f"{home}/current/", f"{home}/experiments/"))]

    def _content(self, *, released: bool = False) -> bytes:
        """Return the next content of the lease, which no other writer writes."""
        self._beat += 1
        return json.dumps(
            {
                "owner": f"{socket.gethostname()}, process {os.getpid()}",
                "home": self._home,
                "token": self.token,
                "beat": self._beat,
                "seconds": self._seconds,
                "pointers": self._pointers,
                "released": released,
                "nonce": secrets.token_hex(8),
            },
            sort_keys=True,
        ).encode()

    def _renew(self) -> None:
        """Write the lease every few seconds until it is released or lost."""
        while not self._done.wait(self._seconds / _BEATS):
            try:
                self.check()
            except Replaced:
                return
            except (Unreachable, InputError):
                continue  # as long as nobody takes its place, it holds

    def check(self) -> None:
        """Renew the lease.

        Raises:
            Replaced: another holder has taken its place.
            Unreachable: the bucket does not answer.
        """
        with self._lock:
            if not self._lost:
                try:
                    self._state = self._bucket.replace(self.path, self._content(), self._state)
                except Conflict:
                    self._lost = f"this one was silent for more than {self._seconds:.0f} s"
            if self._lost:
                raise Replaced(
                    f"{self.path}: another machine has taken over this work ({self._lost}); run again, which takes "
                    "what it has made"
                )

    def release(self) -> None:
        """Give the lease back, if it is still held; the token stays in the object."""
        self._done.set()
        if self._thread is not None:
            self._thread.join(self._seconds)
        with self._lock:
            if self.token and not self._lost:
                self._lost = "it was released"
                try:
                    self._bucket.replace(self.path, self._content(released=True), self._state)
                except (Conflict, Unreachable, InputError):
                    return  # it runs out by itself


def _parsed(content: bytes) -> dict[str, Any]:
    """Return the content of a lease; one that cannot be read counts as free."""
    try:
        found = json.loads(content)
        return {
            "owner": str(found["owner"])[:200],
            "home": str(found["home"]),
            "token": int(found["token"]),
            "seconds": min(float(found["seconds"]), _MOST_SECONDS),
            "pointers": [str(one) for one in found["pointers"]],
            "released": bool(found["released"]),
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return _FREE
