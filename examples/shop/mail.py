"""Mails to customers, delivered by a thread."""

import threading
import time


class Mailbox:
    """A mailbox that is filled a moment after something was sent to it."""

    def __init__(self, delay=0.005):
        self.delay = delay
        self.mails = []

    def send(self, mail):
        """Send a mail; it arrives a little later."""
        threading.Timer(self.delay, self.mails.append, [mail]).start()

    def wait_for(self, count, timeout=5.0):
        """Wait until there are `count` mails. Looks four times a second."""
        end = time.monotonic() + timeout
        while len(self.mails) < count:
            if time.monotonic() > end:
                raise TimeoutError(f"{len(self.mails)} of {count} mails")
            time.sleep(0.25)
        return self.mails
