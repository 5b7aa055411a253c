"""Processes that answer rounds (tests/bench/README.md has the protocol), each with a time limit."""

import json
import queue
import subprocess
import tempfile
import threading


class PeerFailed(Exception):
    """A side could not start, ended, took too long, or said what was wrong."""


class Peer:
    """One process. It starts at once; ready() waits until it is warm."""

    def __init__(self, command, environment=None):
        self.command = [str(word) for word in command]
        self.complaints = tempfile.TemporaryFile("w+")
        self.lines = queue.Queue()
        self.ready_line = None
        try:
            self.child = subprocess.Popen(self.command, stdin=subprocess.PIPE, text=True, env=environment,
                                          stdout=subprocess.PIPE, stderr=self.complaints)
        except OSError as error:
            self.complaints.close()
            raise PeerFailed(str(error)) from error
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.child.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def _line(self, seconds):
        try:
            text = self.lines.get(timeout=max(0.1, seconds))
        except queue.Empty:
            self.child.kill()
            raise PeerFailed(f"no answer within {seconds:.0f} s") from None
        if text is None:
            self.lines.put(None)
            raise PeerFailed(f"ended: {self._reason()}")
        answer = json.loads(text)
        if "error" in answer:
            raise PeerFailed(answer["error"])
        return answer

    def _reason(self):
        self.child.wait()
        self.complaints.seek(0)
        said = self.complaints.read().strip().splitlines()[-3:]
        return " ".join(said) or f"exit status {self.child.returncode}"

    def ready(self, seconds):
        if self.ready_line is None:
            self.ready_line = self._line(seconds)
        return self.ready_line

    def round(self, measure, seconds):
        """The answer to one round. After a failure of the measure others may still be asked for."""
        try:
            self.child.stdin.write(f"go {measure}\n")
            self.child.stdin.flush()
        except OSError:
            raise PeerFailed(f"ended: {self._reason()}") from None
        return self._line(seconds)

    def end(self):
        try:
            self.child.stdin.close()
        except OSError:
            pass
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.reader.join()
        self.child.stdout.close()
        self.complaints.close()


class Peers:
    """The processes of one part, by their commands. A failed one stays failed."""

    def __init__(self, environment=None):
        self.environment = environment
        self.started = {}

    def start(self, command):
        if command not in self.started:
            try:
                self.started[command] = Peer(command, self.environment)
            except PeerFailed as error:
                self.started[command] = error
        return self.started[command]

    def ready(self, command, seconds):
        peer = self.start(command)
        if isinstance(peer, PeerFailed):
            raise peer
        try:
            return peer.ready(seconds)
        except PeerFailed as error:
            peer.end()
            self.started[command] = error
            raise

    def round(self, command, measure, seconds):
        self.ready(command, seconds)
        return self.started[command].round(measure, seconds)

    def end(self):
        for peer in self.started.values():
            if isinstance(peer, Peer):
                peer.end()
        self.started = {}
