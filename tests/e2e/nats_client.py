#!/usr/bin/env python3
"""A NATS client of a few lines that knows nothing of Coppice. Usage:

nats_client.py DATA sub SUBJECT FILE   payloads, one a line, into FILE; FILE.ready appears once subscribed; runs until killed
nats_client.py DATA pub SUBJECT BODY   one message; ends when the server has it

DATA is the folder of a development cluster: address and token are read from DATA/nats/nats.conf.
"""
import json
import re
import socket
import sys


def connect(data):
    """A connection on which the server has answered our PING; the bytes behind it are read from the file."""
    conf = open(data + "/nats/nats.conf").read()
    host, port = re.search(r'listen:\s*"?([0-9.]+):(\d+)', conf).groups()
    wire = socket.create_connection((host, int(port)), timeout=30)
    stream = wire.makefile("rb")
    line = stream.readline()
    if not line.startswith(b"INFO "):
        sys.exit("expected INFO, found " + repr(line))
    options = {"verbose": False, "pedantic": False, "name": "foreign", "lang": "python", "version": "0"}
    token = re.search(r'token:\s*"?([^"\s]+)', conf)
    if token:
        options["auth_token"] = token.group(1)
    wire.sendall(b"CONNECT " + json.dumps(options).encode() + b"\r\n")
    flush(wire, stream)
    return wire, stream


def flush(wire, stream):
    """Returns when the server has handled everything that was sent."""
    wire.sendall(b"PING\r\n")
    while (line := stream.readline()) != b"PONG\r\n":
        if not line or line.startswith(b"-ERR"):
            sys.exit("refused: " + repr(line))


def subscribe(wire, stream, subject, path):
    wire.sendall(b"SUB " + subject.encode() + b" 1\r\n")
    with open(path, "wb") as out:
        sync(wire, stream, out)
        open(path + ".ready", "w").close()
        while line := stream.readline():
            handle(line, wire, stream, out)


def sync(wire, stream, out):
    wire.sendall(b"PING\r\n")
    while (line := stream.readline()) != b"PONG\r\n":
        if not line:
            sys.exit("the server hung up")
        handle(line, wire, stream, out)


def handle(line, wire, stream, out):
    if line.startswith(b"MSG "):
        size = int(line.split()[-1])
        payload = stream.read(size + 2)[:size]
        out.write(payload.replace(b"\n", b" ") + b"\n")
        out.flush()
    elif line == b"PING\r\n":
        wire.sendall(b"PONG\r\n")
    elif line.startswith(b"-ERR"):
        sys.exit("refused: " + repr(line))


def main():
    data, verb, subject, what = sys.argv[1:]
    wire, stream = connect(data)
    if verb == "sub":
        subscribe(wire, stream, subject, what)
    else:
        body = what.encode()
        wire.sendall(b"PUB " + subject.encode() + b" " + str(len(body)).encode() + b"\r\n" + body + b"\r\n")
        flush(wire, stream)


main()
