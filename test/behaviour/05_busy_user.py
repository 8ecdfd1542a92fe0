#!/usr/bin/env python3
"""Another program of the same user has many descriptors on their way between processes. The kernel counts them against each process
of the user that wants to send one, so a process with a small limit could not."""
import array
import os
import socket

from node import DOUBLE, Node, equal

MANY = 700

left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
for _ in range(MANY // 100):
    left.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * 100))])
with Node() as node:
    equal(node.infer("double")[2].get("output"), DOUBLE, "the node starts and answers")
right.close()
