"""Asks a FastCGI server on loopback for a script's output: fastcgi.py PORT SCRIPT."""

import socket
import struct
import sys

port, script = int(sys.argv[1]), sys.argv[2]


def record(kind, content):
    return struct.pack("!BBHHBB", 1, kind, 1, len(content), 0, 0) + content


parameters = b""
for name, value in {"SCRIPT_FILENAME": script, "REQUEST_METHOD": "GET", "SCRIPT_NAME": "/" + script.rsplit("/", 1)[1]}.items():
    parameters += bytes([len(name), len(value)]) + name.encode() + value.encode()
with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
    begin = record(1, struct.pack("!HB5x", 1, 0))
    connection.sendall(begin + record(4, parameters) + record(4, b"") + record(5, b""))
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
while len(answer) >= 8:
    _, kind, _, length, padding, _ = struct.unpack("!BBHHBB", answer[:8])
    if kind == 6:
        sys.stdout.buffer.write(answer[8 : 8 + length])
    answer = answer[8 + length + padding :]
