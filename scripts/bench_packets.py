"""Counts the packets of one TCP port on the loopback interface as they would be on a line: bytes with IP headers, both
ways. `bench_packets.py PORT FILE` counts until it is ended (needs the right to open a packet socket); `--sum REPORT FILE`
adds to a report of the generator what was counted between its moments."""

import json
import signal
import socket
import struct
import sys
import time

# Loopback takes what a line would carry in several packets as one: headers are counted for each of these bytes.
SEGMENT = 1400
BUCKET_US = 10_000


def count(port, target):
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 << 20)
    listener.bind(("lo", 0))
    buckets, ended = {}, []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    listener.settimeout(0.2)
    while not ended:
        try:
            packet, (_, protocol, direction, *_) = listener.recvfrom(128, socket.MSG_TRUNC)
        except TimeoutError:
            continue
        # Each packet is seen leaving and coming in.
        if protocol != 0x0800 or direction == socket.PACKET_OUTGOING or packet[9] != socket.IPPROTO_TCP:
            continue
        head = (packet[0] & 15) * 4
        source, destination = struct.unpack_from("!HH", packet, head)
        if port not in (source, destination):
            continue
        (length,) = struct.unpack_from("!H", packet, 2)
        headers = head + (packet[head + 12] >> 4) * 4
        # A packet of more than 64 KB has no length; there are none here.
        payload = length - headers
        segments = max(1, -(-payload // SEGMENT))
        bucket = buckets.setdefault(time.time_ns() // 1000 // BUCKET_US, [0, 0, 0, 0])
        way = 0 if destination == port else 2
        bucket[way] += payload + segments * headers
        bucket[way + 1] += segments
    with open(target, "w", encoding="utf-8") as file:
        json.dump(buckets, file)


def add(report, source):
    report = json.loads(report)
    if report.get("failed"):
        return report
    with open(source, encoding="utf-8") as file:
        buckets = {int(key) * BUCKET_US: value for key, value in json.load(file).items()}

    def between(begin, end):
        return [sum(value[i] for at, value in buckets.items() if begin <= at < end) for i in range(4)]

    up, up_packets, down, down_packets = between(report["begun_us"] - BUCKET_US, report["ended_us"] + 500_000)
    connects = sum(between(report["dialled_us"] - BUCKET_US, report["begun_us"] - BUCKET_US)[::2])
    offered = report["offered"]
    report["wire"] = {
        "up_bytes": up, "down_bytes": down, "packets": up_packets + down_packets,
        "connect_bytes": round(connects / offered["connections"]),
        "shift_bytes": up + down + round(connects / offered["connections"]),
        "bytes_per_message": round((up + down) / max(1, report["messages"] + report["signs_of_life"]), 1),
    }
    return report


if __name__ == "__main__":
    if sys.argv[1] == "--sum":
        print(json.dumps(add(sys.argv[2], sys.argv[3])))
    else:
        count(int(sys.argv[1]), sys.argv[2])
