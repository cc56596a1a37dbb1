# SPDX-License-Identifier: Apache-2.0
"""Codec `rans` in plain Python, from docs/activation-format.md alone, without Cleave.

    python3 rans.py make           write the files rans_*.point, .payload and .tensors here
    python3 rans.py check DIR...   decode every DIR/rans_*.payload by its .point, and after the
                                   frame in .reference, if there is one: is it .tensors?
"""
import glob
import itertools
import os
import struct
import sys

TOTAL, LANES, MASK64 = 4096, 8, (1 << 64) - 1
F32, U8 = 1, 4  # types, as the signature has them


class Damaged(Exception):
    pass


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


# --- points -----------------------------------------------------------------------------------

def upper_symbols(levels):
    return min(levels, 16) if levels <= 31 else (levels + 15) // 16


def lower_sizes(levels):
    if levels <= 16:
        return []
    if levels <= 31:
        return [levels - 15]
    return [min(16, levels - 16 * i) for i in range(upper_symbols(levels))]


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if self.at + n > len(self.data):
            raise Damaged("cut off")
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def many(self, code, n):
        return list(struct.unpack(f"<{n}{code}", self.take(n * struct.calcsize(code))))

    def bounds(self, n):
        return list(itertools.accumulate(self.number() for _ in range(n)))

    def table(self, n):
        counts = [self.number() for _ in range(n - 1)]
        counts.append(TOTAL - sum(counts))
        if min(counts) < 1:
            raise Damaged("a table doesn't add up")
        return counts


def parse_group(r):
    g = {"levels": r.number(), "zero": r.number(), "empty": r.number(), "contexts": r.number()}
    levels = g["levels"]
    g["classes"] = [0] * levels
    if g["contexts"] > 1:
        g["outside"] = r.number()
        g["classes"] = list(r.take(levels))
        g["means"], g["spreads"] = r.bounds(15), r.bounds(3)
        if max(g["classes"]) > 127 or g["outside"] >= levels:
            raise Damaged("classes")
    g["upper"] = [r.table(upper_symbols(levels)) for _ in range(g["contexts"])]
    g["lower"] = [r.table(n) for n in lower_sizes(levels)]
    return g


def parse_point(data):
    r = Reader(data)
    if r.number() != 3:
        raise Damaged("version")
    flags = r.number()
    p = {"lossless": bool(flags & 1), "transform": bool(flags & 2),
         "bytes": bool(flags & 5)}
    for name in ("channels", "rows", "cols", "planes", "n_groups"):
        p[name] = r.number()
    p["groups"] = [parse_group(r) for _ in range(p["n_groups"])]
    p["group_of"] = list(r.take(p["planes"]))
    if not p["lossless"]:
        for g in p["groups"]:
            g["rounding"], g["price"] = r.take(2)
            g["centre"] = r.many("b", g["levels"])
        p["step"] = r.many("f", p["planes"])
        p["offset"] = r.many("f", p["channels"])
        if p["transform"]:
            p["forward_scale"] = r.many("f", p["planes"])
            p["forward"] = r.many("b", p["planes"] * p["channels"])
            p["inverse_scale"] = r.many("f", p["planes"])
            p["inverse"] = r.many("h", p["planes"] * p["channels"])
        else:
            p["source"], after = [], 0
            for _ in range(p["planes"]):
                p["source"].append(after + r.number())
                after = p["source"][-1] + 1
    if r.at != len(data):
        raise Damaged("bytes follow a point")
    return p


# --- symbols ----------------------------------------------------------------------------------

def checksum(symbols):
    k = h = 0x9E3779B97F4A7C15
    whole = len(symbols) // 8 * 8
    for at in range(0, whole, 8):
        h = (h ^ int.from_bytes(symbols[at:at + 8], "little")) * k & MASK64
        h ^= h >> 32
    h = (h ^ int.from_bytes(symbols[whole:], "little")) * k & MASK64
    return (h ^ h >> 32) & 0xFFFFFFFF


def last_state(lane, check):
    return 1 << 16 | (check & 0xFFFF if lane % 2 == 0 else check >> 16)


def parts_of(group, symbol, context):
    """The tables that a symbol is coded by and its part in each, in decoding order."""
    upper, levels, zero = group["upper"][context], group["levels"], group["zero"]
    if levels <= 16:
        return [(upper, symbol)]
    if levels > 31:
        return [(upper, symbol // 16), (group["lower"][symbol // 16], symbol % 16)]
    if 0 <= symbol - (zero - 7) <= 14:
        return [(upper, symbol - (zero - 7))]
    return [(upper, 15), (group["lower"][0], symbol if symbol < zero else symbol - 15)]


def context_at(p, group, plane, y, x, activity):
    if group["contexts"] == 1:
        return 0

    def class_at(row, col):
        inside = row >= 0 and 0 <= col < p["cols"]
        return group["classes"][plane[row * p["cols"] + col] if inside else group["outside"]]

    near = [class_at(y, x - 1), class_at(y - 1, x), class_at(y - 1, x - 1), class_at(y - 1, x + 1)]
    mean = 15 + sum(w * (c % 16) for w, c in zip((5, 4, -1, 1), near))
    spread = activity[y * p["cols"] + x] + sum(w * (c // 16) for w, c in zip((2, 2, 1, 1), near))
    return 4 * sum(b <= mean for b in group["means"]) + sum(b <= spread for b in group["spreads"])


def visit_coded(p, empty, planes, step):
    """Calls step(lane, plane, place, context) for all symbols in decoding order, each of which has
    to be in its plane afterwards."""
    full = [i for i in range(p["planes"]) if not empty[i]]
    of = [p["groups"][g] for g in p["group_of"]]
    activity = [16] * (p["rows"] * p["cols"])
    for first in range(0, len(full), LANES):
        batch = full[first:first + LANES]
        for y in range(p["rows"]):
            for x in range(p["cols"]):
                for lane, i in enumerate(batch):
                    context = context_at(p, of[i], planes[i], y, x, activity)
                    step(lane, i, y * p["cols"] + x, context)
        for at, before in enumerate(activity):
            seen = sum(of[i]["classes"][planes[i][at]] // 16 for i in batch)
            activity[at] = (before + seen + 1) // 2


def decode_coded(p, data):
    states = list(struct.unpack_from("<8I", data)) if len(data) >= 32 else []
    if not states or min(states) < 1 << 16 or len(data) % 2:
        raise Damaged("states")
    words = list(struct.unpack(f"<{len(data) // 2 - 16}H", data[32:]))
    used = 0

    def take(lane, counts):
        nonlocal used
        slot, symbol, start = states[lane] % TOTAL, 0, 0
        while slot >= start + counts[symbol]:
            start += counts[symbol]
            symbol += 1
        states[lane] = counts[symbol] * (states[lane] // TOTAL) + slot - start
        if states[lane] < 1 << 16:
            if used == len(words):
                raise Damaged("too few words")
            states[lane] = states[lane] << 16 | words[used]
            used += 1
        return symbol

    def symbol_at(lane, g, context):
        upper = take(lane, g["upper"][context])
        if g["levels"] <= 16:
            return upper
        if g["levels"] > 31:
            return 16 * upper + take(lane, g["lower"][upper])
        if upper < 15:
            return g["zero"] - 7 + upper
        rank = take(lane, g["lower"][0])
        return rank if rank < g["zero"] - 7 else rank + 15

    of = [p["groups"][g] for g in p["group_of"]]
    size = p["rows"] * p["cols"]
    empty = [take(i % LANES, [TOTAL - g["empty"], g["empty"]]) for i, g in enumerate(of)]
    planes = [bytearray([g["zero"]] * size) for g in of]

    def step(lane, i, at, context):
        planes[i][at] = symbol_at(lane, of[i], context)

    visit_coded(p, empty, planes, step)
    symbols = b"".join(planes)
    if used != len(words) or states != [last_state(i, checksum(symbols)) for i in range(LANES)]:
        raise Damaged("checksum")
    return symbols


def encode_coded(p, symbols):
    size = p["rows"] * p["cols"]
    of = [p["groups"][g] for g in p["group_of"]]
    planes = [symbols[i * size:(i + 1) * size] for i in range(p["planes"])]
    empty = [all(s == of[i]["zero"] for s in plane) for i, plane in enumerate(planes)]
    steps = [(i % LANES, [TOTAL - g["empty"], g["empty"]], int(empty[i])) for i, g in enumerate(of)]

    def step(lane, i, at, context):
        steps.extend((lane, t, s) for t, s in parts_of(of[i], planes[i][at], context))

    visit_coded(p, empty, planes, step)
    states = [last_state(i, checksum(symbols)) for i in range(LANES)]
    words = []
    for lane, counts, s in reversed(steps):
        if states[lane] >> 20 >= counts[s]:
            words.append(states[lane] & 0xFFFF)
            states[lane] >>= 16
        quotient, rest = divmod(states[lane], counts[s])
        states[lane] = quotient * TOTAL + rest + sum(counts[:s])
    return struct.pack("<8I", *states) + struct.pack(f"<{len(words)}H", *reversed(words))


# --- differences ------------------------------------------------------------------------------

BUCKETS = [(i, 0) for i in range(10)] + [(10, 1), (12, 2), (16, 3), (24, 4), (40, 6), (104, 8)]
STIR = [0, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 4]


def ranked(group, r):
    """All symbols in the order of their ranks."""
    zero_above = r <= group["zero"]
    return sorted(range(group["levels"]), key=lambda s: (abs(s - r), (s > r) != zero_above))


def place_at(p, group, plane, y, x):
    if plane[y * p["cols"] + x] != group["zero"]:
        return 2
    around = [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    others = sum(plane[a * p["cols"] + b] != group["zero"] for a, b in around
                 if 0 <= a < p["rows"] and 0 <= b < p["cols"])
    return int(others >= 2)


def stir_at(p, ranks, y, x):
    def did(row, col):
        if row < 0 or not 0 <= col < p["cols"]:
            return 0
        rank = ranks[row * p["cols"] + col]
        return 0 if rank == 0 else 1 if rank <= 2 else 2

    return STIR[2 * did(y, x - 1) + 2 * did(y - 1, x) + did(y - 1, x - 1) + did(y - 1, x + 1)]


class Learner:
    def __init__(self):
        still, moving = [60, 1, 1, 1, 1] + [0] * 11, [44, 6, 6, 2, 2, 1, 1, 1, 1] + [0] * 7
        self.counts = [list(moving if c % 5 else still) for c in range(15)]

    def make(self):
        self.tables = []
        for counts in self.counts:
            rest = [1 + n * 4080 // sum(counts) for n in counts[1:]]
            self.tables.append([TOTAL - sum(rest)] + rest)


def visit(p, reference, learner, step):
    """Calls step(lane, table, bits_of) for all symbols; it says which bucket it was, and its rank."""
    size = p["rows"] * p["cols"]
    span = 4 * -(-256 // (4 * size))
    for first in range(0, p["planes"], 4):
        if first % span == 0:
            learner.make()
        batch = list(range(first, min(first + 4, p["planes"])))
        ranks = [[0] * size for _ in batch]
        for y in range(p["rows"]):
            for x in range(p["cols"]):
                for lane, i in enumerate(batch):
                    group = p["groups"][p["group_of"][i]]
                    plane = reference[i * size:(i + 1) * size]
                    context = 5 * place_at(p, group, plane, y, x) + stir_at(p, ranks[lane], y, x)
                    at = i * size + y * p["cols"] + x
                    bucket, rank = step(lane, learner.tables[context], group, at)
                    ranks[lane][y * p["cols"] + x] = rank
                    learner.counts[context][bucket] += 16


def decode_difference(p, data, reference):
    states = list(struct.unpack_from("<4I", data)) if len(data) >= 16 else []
    if reference is None or not states or min(states) < 1 << 16 or len(data) % 2:
        raise Damaged("states")
    words = list(struct.unpack(f"<{len(data) // 2 - 8}H", data[16:]))
    symbols = bytearray(len(reference))

    def take(lane, counts):
        slot, symbol, start = states[lane] % TOTAL, 0, 0
        while slot >= start + counts[symbol]:
            start += counts[symbol]
            symbol += 1
        states[lane] = counts[symbol] * (states[lane] // TOTAL) + slot - start
        if states[lane] < 1 << 16:
            if not words:
                raise Damaged("too few words")
            states[lane] = states[lane] << 16 | words.pop(0)
        return symbol

    def step(lane, table, group, at):
        bucket = take(lane, table)
        first, bits = BUCKETS[bucket]
        rank = first + (take(lane, [TOTAL >> bits] * (1 << bits)) if bits else 0)
        if rank >= group["levels"]:
            raise Damaged("no such rank")
        symbols[at] = ranked(group, reference[at])[rank]
        return bucket, rank

    visit(p, reference, Learner(), step)
    if words or states != [last_state(i, checksum(bytes(symbols))) for i in range(4)]:
        raise Damaged("checksum")
    return bytes(symbols)


def encode_difference(p, symbols, reference):
    steps = []

    def step(lane, table, group, at):
        rank = ranked(group, reference[at]).index(symbols[at])
        bucket = max(b for b, (first, _) in enumerate(BUCKETS) if first <= rank)
        first, bits = BUCKETS[bucket]
        steps.append((lane, table, bucket))
        if bits:
            steps.append((lane, [TOTAL >> bits] * (1 << bits), rank - first))
        return bucket, rank

    visit(p, reference, Learner(), step)
    states, words = [last_state(i, checksum(symbols)) for i in range(4)], []
    for lane, counts, s in reversed(steps):
        if states[lane] >> 20 >= counts[s]:
            words.append(states[lane] & 0xFFFF)
            states[lane] >>= 16
        quotient, rest = divmod(states[lane], counts[s])
        states[lane] = quotient * TOTAL + rest + sum(counts[:s])
    return struct.pack("<4I", *states) + struct.pack(f"<{len(words)}H", *reversed(words))


# --- packed -----------------------------------------------------------------------------------

def bits_of(p):
    """Of every symbol in turn."""
    for g in p["group_of"]:
        for _ in range(p["rows"] * p["cols"]):
            yield (p["groups"][g]["levels"] - 1).bit_length()


def encode_packed(p, symbols):
    held = at = 0
    for s, bits in zip(symbols, bits_of(p)):
        held |= s << at
        at += bits
    return struct.pack("<I", checksum(symbols)) + held.to_bytes((at + 7) // 8, "little")


def decode_packed(p, data):
    held, out = int.from_bytes(data[4:], "little"), bytearray()
    for bits in bits_of(p):
        out.append(held & (1 << bits) - 1)
        held >>= bits
    size = p["rows"] * p["cols"]
    if any(s >= p["groups"][p["group_of"][i // size]]["levels"] for i, s in enumerate(out)):
        raise Damaged("no such level")
    if held or struct.unpack_from("<I", data)[0] != checksum(bytes(out)):
        raise Damaged("checksum")
    return bytes(out)


# --- numbers ----------------------------------------------------------------------------------

def numbers_of(p, symbols):
    if p["lossless"]:
        return bytes(symbols)
    size, x = p["rows"] * p["cols"], []
    for offset in p["offset"]:
        x.append([offset] * size)
    for i in range(p["planes"]):
        g = p["groups"][p["group_of"][i]]
        level = [f32(f32(s - g["zero"] + g["centre"][s] / 128) * p["step"][i])
                 for s in range(g["levels"])]
        plane = [level[s] for s in symbols[i * size:(i + 1) * size]]
        if not p["transform"]:
            x[p["source"][i]] = [f32(a + v) for a, v in zip(x[p["source"][i]], plane)]
            continue
        for c in range(p["channels"]):
            factor = f32(p["inverse"][c * p["planes"] + i] * p["inverse_scale"][i])
            x[c] = [f32(a + f32(factor * v)) for a, v in zip(x[c], plane)]
    if p["bytes"]:
        return bytes(int(min(max(f32(v + 0.5), 0), 255)) for channel in x for v in channel)
    return b"".join(struct.pack(f"<{size}f", *channel) for channel in x)


# --- payloads of one tensor -------------------------------------------------------------------

def header(p):
    h = 2166136261
    content = struct.pack("<BB4q", U8 if p["bytes"] else F32, 4, 1, p["channels"], p["rows"],
                          p["cols"])
    for byte in content:
        h = (h ^ byte) * 16777619 & 0xFFFFFFFF
    return struct.pack("<I", ((h ^ h >> 24) & 0xFFFFFF) << 8 | 1)


def number(value):
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def payload_of(p, symbols, packed, reference=None):
    body = b"\1" + encode_packed(p, symbols) if packed else b"\0" + encode_coded(p, symbols)
    if reference is not None:
        body = b"\2" + encode_difference(p, symbols, reference)
    return header(p) + b"\4\0" + number(len(body)) + body


def symbols_of(p, data, reference=None):
    r = Reader(data)
    if r.take(4) != header(p) or r.take(2) != b"\4\0":
        raise Damaged("header")
    body = r.take(r.number())
    if r.at != len(data) or body[0] > 2:
        raise Damaged("body")
    if body[0] == 2:
        return decode_difference(p, body[1:], reference)
    return (decode_packed if body[0] else decode_coded)(p, body[1:])


def decode_payload(p, data, reference=None):
    return numbers_of(p, symbols_of(p, data, reference))


# --- examples ---------------------------------------------------------------------------------

seed = 1


def random(n):
    global seed
    seed = (seed * 6364136223846793005 + 1442695040888963407) & MASK64
    return (seed >> 33) % n


def random_table(n):
    counts = [1 + random(40) for _ in range(n)]
    counts = [max(1, c * TOTAL // sum(counts)) for c in counts]
    counts[counts.index(max(counts))] += TOTAL - sum(counts)
    return counts


def group_bytes(levels, zero, contexts):
    out = number(levels) + number(zero) + number(1 + random(3000)) + number(contexts)
    if contexts > 1:
        out += number(random(levels)) + bytes(random(128) for _ in range(levels))
        out += bytes(random(18) for _ in range(15)) + bytes(random(40) for _ in range(3))
    for n in [upper_symbols(levels)] * contexts + lower_sizes(levels):
        out += b"".join(number(c) for c in random_table(n)[:-1])
    return out


def make_point(flags, channels, rows, cols, planes, groups):
    out = b"".join(number(n) for n in (3, flags, channels, rows, cols, planes, len(groups)))
    out += b"".join(group_bytes(*g) for g in groups)
    out += bytes(i % len(groups) for i in range(planes))
    if flags & 1:
        return out
    scale = 40 if flags & 4 else 1
    for levels, _, _ in groups:
        out += bytes([96, random(40)]) + bytes(random(256) for _ in range(levels))
    out += struct.pack(f"<{planes}f", *[0.01 * (1 + random(90)) * scale for _ in range(planes)])
    out += struct.pack(f"<{channels}f",
                       *[(0.1 * random(70) - 3) * scale for _ in range(channels)])
    if not flags & 2:
        return out + b"".join(number(int(i == 2)) for i in range(planes))
    out += struct.pack(f"<{planes}f", *[0.01] * planes)
    out += bytes(random(256) for _ in range(planes * channels))
    out += struct.pack(f"<{planes}f", *[0.00002 * (1 + random(9)) for _ in range(planes)])
    return out + struct.pack(f"<{planes * channels}h",
                             *[random(65536) - 32768 for _ in range(planes * channels)])


EXAMPLES = {
    "channels": ((0, 22, 5, 6, 21, [(5, 2, 64), (16, 0, 64), (25, 9, 64), (2, 1, 1)]), False),
    "transform": ((2, 6, 4, 4, 4, [(7, 3, 64), (31, 15, 1)]), False),
    "lossless": ((1, 10, 3, 7, 10, [(256, 128, 64), (256, 0, 1)]), False),
    "packed": ((0, 9, 3, 3, 8, [(6, 3, 64), (17, 8, 64)]), True),
    "bytes": ((4, 7, 4, 5, 6, [(9, 4, 64)]), False),
    "difference": ((0, 14, 5, 7, 13, [(5, 2, 64), (16, 0, 64), (25, 9, 64), (200, 90, 1)]), False),
}


def moved(p, symbols):
    """A frame that follows: most symbols stay, some change by a little, some by anything."""
    out = bytearray(symbols)
    for at in range(len(out)):
        levels = p["groups"][p["group_of"][at // (p["rows"] * p["cols"])]]["levels"]
        if at % p["cols"] > 3 and random(3) == 0:
            near = out[at] + random(3) - 1
            out[at] = random(levels) if random(4) == 0 else min(max(near, 0), levels - 1)
    return bytes(out)


def make(folder):
    for name, (arguments, packed) in EXAMPLES.items():
        point = make_point(*arguments)
        p, symbols = parse_point(point), bytearray()
        for i, g in enumerate(p["group_of"]):
            for _ in range(p["rows"] * p["cols"]):
                group = p["groups"][g]
                empty = i % 5 == 3 or (p["lossless"] and i % 2)
                symbols.append(group["zero"] if empty else random(group["levels"]))
        files, reference = [("point", point)], None
        if name == "difference":
            reference = bytes(symbols)
            files.append(("reference", payload_of(p, reference, packed)))
            symbols = moved(p, reference)
        payload = payload_of(p, bytes(symbols), packed, reference)
        tensors = decode_payload(p, payload, reference)
        assert tensors == numbers_of(p, symbols)
        for kind, data in files + [("payload", payload), ("tensors", tensors)]:
            with open(os.path.join(folder, f"rans_{name}.{kind}"), "wb") as file:
                file.write(data)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def check(folders):
    paths = [p for folder in folders for p in glob.glob(os.path.join(folder, "rans_*.payload"))]
    bad = 0
    for path in sorted(paths):
        stem = path[:-len("payload")]
        p, payload, reference = parse_point(read(stem + "point")), bytearray(read(path)), None
        if os.path.exists(stem + "reference"):
            reference = symbols_of(p, read(stem + "reference"))
        good = decode_payload(p, bytes(payload), reference) == read(stem + "tensors")
        payload[len(payload) * 2 // 3] ^= 4
        try:
            decode_payload(p, bytes(payload), reference)
            good = False
        except Damaged:
            pass
        print("good" if good else "BAD", path)
        bad += not good
    return 1 if bad or not paths else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["make"]:
        make(os.path.dirname(os.path.abspath(__file__)))
    elif len(sys.argv) > 2 and sys.argv[1] == "check":
        sys.exit(check(sys.argv[2:]))
    else:
        sys.exit(__doc__)
