"""A proxy for https on loopback, behind which a plain server of this machine is reached under TLS."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass
class Tunnel:
    """What the proxy was asked; it reads nothing of what goes through."""

    url: str
    certificate: Path  # of whom its clients have to trust
    asked: list[str] = field(default_factory=list)  # the line and the headers of each CONNECT


@contextmanager
def tunnelling(folder: Path) -> Iterator[Tunnel]:
    """Runs the proxy; `https://127.0.0.1:PORT` then leads to what listens on that port in plain HTTP."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(folder))
    loop = asyncio.new_event_loop()
    tunnel = Tunnel("", folder / "tls.pem")

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            tunnel.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
            host, _, port = tunnel.asked[-1].split()[1].rpartition(":")
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await writer.drain()
            await writer.start_tls(context)
            there, back = await asyncio.open_connection(host, int(port))
            await asyncio.gather(_passed(reader, back), _passed(there, writer))

    async def start() -> asyncio.Server:
        return await asyncio.start_server(connect, "127.0.0.1", 0)

    server = loop.run_until_complete(start())
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    tunnel.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield tunnel
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        server.close()
        loop.close()


async def _passed(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while part := await source.read(1 << 16):
        target.write(part)
        await target.drain()
    target.close()


def _certificate(folder: Path) -> Path:
    """A key and a certificate of 127.0.0.1 that vouches for itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "invented")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(here, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    path = folder / "tls.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + made.public_bytes(Encoding.PEM)
    )
    return path
