"""An authority of our own, and certificates for nodes, made by openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path

from alived.raft.config import Tls

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class Authority:
    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.certificate = directory / "ca.pem"
        self._key = directory / "ca.key"
        _openssl("req", "-x509", *_KEY, "-subj", "/CN=an authority", "-days", "3000",
                 "-keyout", str(self._key), "-out", str(self.certificate))  # fmt: skip

    def issue(
        self,
        name: str,
        *,
        dns: tuple[str, ...] = (),
        addresses: tuple[str, ...] = (),
        days: int = 300,
        usage: str = "",
        file: str = "",
    ) -> Tls:
        """A certificate with this common name; days: -1 has expired. usage: extendedKeyUsage."""
        base = self.directory / (file or name)
        key, request, certificate, extensions = (base.with_suffix(s) for s in (".key", ".csr", ".pem", ".ext"))
        lines = ["basicConstraints=critical,CA:FALSE"]
        if alternatives := [f"DNS:{one}" for one in dns] + [f"IP:{one}" for one in addresses]:
            lines.append("subjectAltName=" + ",".join(alternatives))
        if usage:
            lines.append(f"extendedKeyUsage={usage}")
        extensions.write_text("\n".join(lines))
        _openssl("req", "-new", *_KEY, "-subj", f"/CN={name}", "-keyout", str(key), "-out", str(request))
        _openssl("x509", "-req", "-in", str(request), "-CA", str(self.certificate), "-CAkey", str(self._key),
                 "-days", str(days), "-extfile", str(extensions), "-out", str(certificate))  # fmt: skip
        return Tls(ca_file=str(self.certificate), cert_file=str(certificate), key_file=str(key))
