"""TLS in front of servers that have none, with certificates that clients do not trust by themselves."""

import datetime
import ipaddress
import select
import socket
import ssl
import subprocess
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PATIENCE_S = 60


class Authority:
    def __init__(self, folder):
        now = datetime.datetime.now(datetime.timezone.utc)
        day = datetime.timedelta(days=1)
        authority_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test authority")])
        authority_key = ec.generate_private_key(ec.SECP256R1())
        key = ec.generate_private_key(ec.SECP256R1())

        def certificate(name, own_key, is_authority):
            builder = x509.CertificateBuilder(
                authority_name, name, own_key.public_key(), x509.random_serial_number(), now - day, now + day
            )
            return builder.add_extension(x509.BasicConstraints(is_authority, None), critical=True)

        root = certificate(authority_name, authority_key, True).sign(authority_key, hashes.SHA256())
        names = ["localhost", "*.amazonaws.com"]
        names += [f"*.{name}.amazonaws.com" for name in ("us-east-1", "s3", "s3.us-east-1")]
        alternative = [x509.DNSName(name) for name in names] + [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        leaf_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test server")])
        leaf = (
            certificate(leaf_name, key, False)
            .add_extension(x509.SubjectAlternativeName(alternative), critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        folder.mkdir(parents=True, exist_ok=True)
        self.root = folder / "authority.pem"
        self.root.write_bytes(root.public_bytes(serialization.Encoding.PEM))
        self.chain = folder / "server.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.chain.write_bytes(leaf.public_bytes(serialization.Encoding.PEM) + private)


class SelfSigned:
    """A server's own certificate, as `openssl req -x509` makes it: it signs itself, and is marked as an authority's."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.root, key = folder / "self-signed.pem", folder / "self-signed.key"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
        command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", self.root]
        subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S)
        self.chain = folder / "self-signed-server.pem"
        self.chain.write_bytes(self.root.read_bytes() + key.read_bytes())


class TlsFront:
    """Ends TLS before a plain server, and keeps the names that clients asked for."""

    def __init__(self, authority, port):
        self.names = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(authority.chain)
        self.context.sni_callback = lambda _, name, __: self.names.append(name)
        self.behind = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            inner = self.context.wrap_socket(connection, server_side=True)
            outer = socket.create_connection(("127.0.0.1", self.behind))
        except OSError:
            connection.close()
            return
        with inner, outer:
            try:
                self.copy(inner, outer)
            except OSError:
                pass

    @staticmethod
    def copy(inner, outer):
        """Both ways on one thread: a TLS socket that two use at once garbles what it says."""
        while True:
            readable = [inner] if inner.pending() else select.select([inner, outer], [], [])[0]
            for source in readable:
                if not (data := source.recv(65536)):
                    return
                (outer if source is inner else inner).sendall(data)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
