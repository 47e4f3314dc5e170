"""How a receiver knows that a message is ours: HMAC-SHA-256 over the time and the body, or what a chat service wants.

Ours (format json): header `X-Alived-Signature: sha256=HEX`, the HMAC with the secret over `X-Alived-Timestamp`, a full
stop and the body as it came. A receiver that also refuses old timestamps cannot be told yesterday's news again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote


def our_signature(secret: bytes, timestamp_s: int, body: bytes) -> str:
    return "sha256=" + hmac.new(secret, b"%d." % timestamp_s + body, hashlib.sha256).hexdigest()


def dingtalk_query(secret: bytes, timestamp_ms: int) -> str:
    """What its URL has in addition: key is the secret, message the time and the secret, a line each."""
    digest = hmac.new(secret, b"%d\n%b" % (timestamp_ms, secret), hashlib.sha256).digest()
    return f"timestamp={timestamp_ms}&sign={quote(base64.b64encode(digest), safe='')}"


def feishu_signature(secret: bytes, timestamp_s: int) -> str:
    """Of the field `sign`: key is the time and the secret, a line each, and the message is empty."""
    digest = hmac.new(b"%d\n%b" % (timestamp_s, secret), b"", hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
