"""Stands for journald: journal-socket.py PATH says each datagram that comes to a socket, in hex."""

import socket
import sys

with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
    journal.bind(sys.argv[1])
    print("ready", flush=True)
    while True:
        print(journal.recv(1 << 20).hex(), flush=True)
