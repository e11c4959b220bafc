"""A DNS server for tests: real packets on a real socket, records as the test says."""

import json
import socket
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class DnsServer:
    """Answers for what it was told, on UDP, from a thread of its own.

    Parameters
    ----------
    host : str
        Where it listens, on a port that the system chooses.
    port : int
        The port; 0 for any.

    Attributes
    ----------
    records : dict
        Values by name (lower case, without a dot at the end) and kind.
    is_broken : bool
        Whether it fails whatever it is asked.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        self.is_broken = False
        self.asked: list[tuple[str, str]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, port))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def address(self) -> str:
        """Where it listens, as ``host:port``."""
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # An empty packet to itself ends the thread, whatever it waits for.
        host, port = self._socket.getsockname()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
            bell.sendto(b"", (host, port))
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while self.answer_one():
            pass

    def answer_one(self) -> bool:
        """Answer the next question; False if it was a call to end."""
        data, sender = self._socket.recvfrom(4096)
        if data:
            self._socket.sendto(self._answer(data), sender)
        return bool(data)

    def _answer(self, data: bytes) -> bytes:
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA | dns.flags.RA
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if self.is_broken:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif values := self.records.get((name, kind)):
            answer.answer.append(
                dns.rrset.from_text_list(question.name, 0, "IN", kind, values)
            )
        elif not any(known == name for known, _ in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire()


def main(address: str, records: str) -> None:
    """Answer until the process is ended, from a file that may change meanwhile.

    Parameters
    ----------
    address : str
        Where to listen, on port 53.
    records : str
        The file: a JSON object, addresses by name.
    """
    server = DnsServer(address, 53)
    while True:
        known = json.loads(Path(records).read_text(encoding="utf-8"))
        server.records = {(name, "A"): values for name, values in known.items()}
        server.answer_one()


if __name__ == "__main__":
    main(*sys.argv[1:])
