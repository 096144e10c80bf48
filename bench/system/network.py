"""Addresses of this machine, and the interfaces that have them."""

from __future__ import annotations

import fcntl
import socket
import struct
from ipaddress import IPv6Address, ip_address
from pathlib import Path

_SIOCGIFADDR = 0x8915


def interface_of(address: str) -> str:
    """Return the name of the interface with this address; empty where none is seen to have it."""
    wanted = ip_address(address.partition("%")[0])
    mapped = wanted.ipv4_mapped if isinstance(wanted, IPv6Address) else None
    if isinstance(wanted, IPv6Address) and not mapped:
        return _interface_of_six(wanted)
    names = [name for _, name in socket.if_nameindex()]
    return next((name for name in names if _four(name) == str(mapped or wanted)), "")


def free_port(host: str = "") -> int:
    """Return a port that nobody listens at; the system gives the same one again much later."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as bound:
        port: int = bound.getsockname()[1]
    return port


def _four(name: str) -> str:
    """Return the IPv4 address of an interface; empty where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            told = fcntl.ioctl(asked, _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
        except OSError:
            return ""
    return socket.inet_ntoa(told[20:24])


def _interface_of_six(wanted: IPv6Address) -> str:
    try:
        lines = Path("/proc/net/if_inet6").read_text().splitlines()
    except OSError:
        return ""
    fields = (line.split() for line in lines)
    return next((f[-1] for f in fields if int(f[0], 16) == int(wanted)), "")
