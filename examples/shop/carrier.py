"""The carrier's tracking service, spoken to over a socket pair."""

import socket


class Tracking:
    """A connection to the carrier."""

    def __init__(self):
        self.here, self.there = socket.socketpair()

    def status(self, parcel):
        """Return the status of a parcel."""
        self.here.sendall(parcel.encode())
        return "on its way" if self.there.recv(100).decode().startswith("P") else "unknown"

    def close(self):
        """Hang up."""
        self.here.close()
        self.there.close()
