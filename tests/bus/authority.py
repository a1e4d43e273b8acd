"""A certificate authority of a test's own: certificates of servers and clients, as PEM files."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)


class Authority:
    """Signs certificates for this machine."""

    def __init__(self, name: str = "Test CA") -> None:
        """Make a key and sign it with itself."""
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _named(name)
        built = _builder(self.name, self.name, self.key)
        built = built.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        built = built.add_extension(_usage(authority=True), critical=True)
        self.certificate = built.sign(self.key, hashes.SHA256())

    def folder(self, path: Path, *, own: bool = True, name: str = "localhost") -> Path:
        """Write ca.pem, and with ``own`` cert.pem and key.pem for ``name`` and 127.0.0.1."""
        path.mkdir(parents=True, exist_ok=True)
        (path / "ca.pem").write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        if own:
            self._signed(path, name)
        return path

    def _signed(self, path: Path, name: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        built = _builder(_named(name), self.name, key)
        built = built.add_extension(x509.SubjectAlternativeName(names), critical=False)
        built = built.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        built = built.add_extension(_usage(authority=False), critical=True)
        signed = built.sign(self.key, hashes.SHA256())
        (path / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        (path / "key.pem").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - DAY,
        not_valid_after=now + DAY,
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
