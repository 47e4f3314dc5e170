"""DNS_CHECK: one question by UDP. An answer without an error code is a success, whatever it says.

As keepalived: datagrams that are no answer to this question are passed over, the answer section is not looked at.
"""

from __future__ import annotations

from alived.base import DecodeError
from alived.health.config import DnsCheck
from alived.health.dialogue import WAIT, Step, Verdict, verdict
from alived.health.dialogues.conversation import Conversation
from alived.wire.dns import RCODES, Type, decode_header, encode_name, encode_query


class DnsDialogue(Conversation):
    def __init__(self, check: DnsCheck, query_id: int) -> None:
        """query_id: 0..65535, not to be guessed. The name of the check is a right one (`encode_name`)."""
        self._query = encode_query(query_id, encode_name(check.name), Type[check.type])
        self._query_id = query_id
        self._question = f"{check.name} {check.type}"
        self._strangers = 0
        """Datagrams that were no answer."""
        self.awaited = f"answer to {self._question}"

    def begun(self) -> Step:
        return Step(send=self._query)

    def received(self, data: bytes) -> Step:
        try:
            header = decode_header(data)
        except DecodeError:
            header = None
        if header is None or not header.is_response or header.id != self._query_id:
            self._strangers += 1
            return WAIT
        if header.rcode:
            name = RCODES.get(header.rcode, f"code {header.rcode}")
            return verdict(False, f"{self._question} is answered by {name}")
        return verdict(True, f"{self._question} is answered, number of records: {header.answers}")

    def timed_out(self) -> Verdict:
        others = f"; other datagrams: {self._strangers}" if self._strangers else ""
        return Verdict(False, super().timed_out().reason + others)
