"""Certificates for tests, made by the openssl tool: authorities, and what they sign."""

import pathlib
import ssl
import subprocess
from dataclasses import dataclass


def openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"openssl {arguments}:\n{done.stderr}"
    return done.stdout


@dataclass
class Certificate:
    path: pathlib.Path
    key: pathlib.Path


class Authority:
    """Signs certificates; its own, and theirs, lie in `directory`."""

    def __init__(self, directory, name="authority"):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.path, self.key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        openssl("req", "-x509", *self._new_key(self.key), "-subj", f"/CN={name}", "-days", 30, "-out", self.path)

    def intermediate(self, name):
        """An authority that this one has signed."""
        made = Authority(self.directory / name, name)
        request, extensions = made.directory / "new.csr", made.directory / "extensions"
        extensions.write_text("basicConstraints=critical,CA:TRUE\n")
        openssl("x509", "-x509toreq", "-in", made.path, "-signkey", made.key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.path, "-CAkey", self.key, "-CAcreateserial", "-days", 30,
                "-extfile", extensions, "-out", made.path)
        return made

    @staticmethod
    def _new_key(path):
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path

    def sign(self, name, file=None, days=30, names=None, usage=None):
        """names: a subjectAltName such as "DNS:localhost,IP:127.0.0.1"; usage: an extendedKeyUsage; negative days: it
        has expired. Files are named by `file`, else by the name; they are replaced at once, as a careful tool does."""
        made = Certificate(self.directory / f"{file or name}.pem", self.directory / f"{file or name}.key")
        new, new_key, request = (self.directory / f"new{suffix}" for suffix in (".pem", ".key", ".csr"))
        extensions = self.directory / "extensions"
        lines = ["basicConstraints=CA:FALSE", names and f"subjectAltName={names}", usage and f"extendedKeyUsage={usage}"]
        extensions.write_text("".join(f"{line}\n" for line in lines if line))
        openssl("req", *self._new_key(new_key), "-subj", f"/CN={name}", "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.path, "-CAkey", self.key, "-CAcreateserial", "-days", days,
                "-extfile", extensions, "-out", new)
        new_key.rename(made.key)
        new.rename(made.path)
        return made

    def server(self, file="server", **options):
        return self.sign("localhost", file, names="DNS:localhost,IP:127.0.0.1", **options)

    def client_context(self, certificate=None, version=None):
        """Of a client that trusts this authority alone."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.path)
        if certificate is not None:
            context.load_cert_chain(certificate.path, certificate.key)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        return context
