#!/usr/bin/env python3
"""Kills training programs at random moments and in the middle of writing files, resumes them until they are done, and
compares what they leave, byte by byte, with what a run leaves that nobody killed.

    kill_campaign.py PROGRAMS [--kills N] [--seed N] [--only NAME...]

PROGRAMS is the folder of the built programs. Exits with 1 when a resumed run fails, ends in other bytes or leaves other
files; with 77 where it cannot run.
"""

import argparse
import ctypes
import json
import os
import random
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

IN_MODIFY, IN_CREATE = 2, 0x100
MPIRUN = ["mpirun", "-n", "2"]


@dataclass
class Scenario:
    name: str
    command: list
    share: int  # of the kills

    def program(self):
        return next(word for word in self.command if word.startswith("part"))


SCENARIOS = [
    Scenario("part1", ["part1_nose_tip", "--recipe", "best", "--epochs", "6"], 6),
    Scenario("part1-mpi", MPIRUN + ["part1_nose_tip", "--mpi", "--recipe", "seed", "--epochs", "8"], 4),
    Scenario("part2", ["part2_full_face", "--recipe", "seed", "--batch", "16", "--epochs", "3"], 4),
    Scenario("part3", ["part3_resnet18", "--recipe", "best", "--epochs", "2"], 2),
    Scenario("part4", ["part4_heatmaps", "--model", "fcn", "--recipe", "seed", "--epochs", "2"], 4),
]


def write_faces(folder, rng):
    """An IMM folder of ten persons, a bright nose on each photo. A PNG image is one under any name."""
    width, height = 160, 120

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    for person in range(25, 35):
        for view in range(1, 7):
            x, y = rng.randrange(50, 110), rng.randrange(40, 80)
            rows = [bytearray([90] * width) for _ in range(height)]
            for row in rows[y - 6 : y + 6]:
                row[x - 6 : x + 6] = bytes([255] * 12)
            pixels = b"".join(b"\0" + bytes(row) for row in rows)
            png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
            png += chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
            (folder / f"{person}-{view}m.jpg").write_bytes(png)
            points = [f"0 0 {(x + i - 52) / width:.6f} {(y + (i % 7) - 3) / height:.6f} {i} 0 0" for i in range(58)]
            (folder / f"{person}-{view}m.asf").write_text("\n".join(["58", *points, f"{person}-{view}m.jpg", ""]))


class Watch:
    """Tells when temporary files in a folder appear or grow."""

    def __init__(self, folder):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = self.libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.libc.inotify_add_watch(self.descriptor, os.fsencode(folder), IN_MODIFY | IN_CREATE) < 0:
            raise OSError(ctypes.get_errno(), "inotify")

    def close(self):
        os.close(self.descriptor)

    def events(self, seconds):
        """How many events of temporary files came, waiting for the first one for so long at most."""
        if not select.select([self.descriptor], [], [], seconds)[0]:
            return 0
        data, found, at = os.read(self.descriptor, 65536), 0, 0
        while at < len(data):
            length = struct.unpack_from("iIII", data, at)[3]
            found += data[at + 16 : at + 16 + length].rstrip(b"\0").endswith(b".tmp")
            at += 16 + length
        return found


def descendants(pid):
    """Processes that `pid` started, and those that they did."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents[int(entry.name)] = int(fields[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def kill(process, rng):
    """Kills the program, or any of the processes of several."""
    family = sorted(descendants(process.pid))
    victim = rng.choice([process.pid, *family])
    try:
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    deadline = time.monotonic() + 30  # those that lost the others end by themselves
    while any(Path(f"/proc/{pid}/status").exists() for pid in family) and time.monotonic() < deadline:
        time.sleep(0.02)
    for pid in family:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def without_times(name, data):
    """The bytes of a file of a run but for the seconds that it took."""
    seconds = re.compile(r"^(\d+,[^,\n]*,[^,\n]*,[^,\n]*),[^,\n]*$", re.M)
    if name == "history.csv":
        return seconds.sub(r"\1", data.decode())
    if name in ("metrics.json", "learning_rates.json"):
        whole = json.loads(data)
        if isinstance(whole, dict):
            return {key: value for key, value in whole.items() if key not in ("training_seconds", "images_per_second")}
        return [{**trial, "history": seconds.sub(r"\1", trial["history"])} for trial in whole]
    if name == "checkpoint.safetensors":
        length = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8 : 8 + length])
        texts = header["__metadata__"]
        texts["history"] = seconds.sub(r"\1", texts["history"])
        texts["nasion.xxh64"] = texts["nasion.xxh64"].split()[1]  # of the data; the other is of the header
        return header, data[8 + length :]
    return None if name == "report.html" else data  # the page shows the time in words; its pictures are compared


def differences(folder, reference):
    """Names of the files that two runs do not have in common, or not alike."""
    names = {path.relative_to(root) for root in (folder, reference) for path in root.rglob("*")}
    different = []
    for name in sorted(names):
        files = [root / name for root in (folder, reference)]
        if not all(file.exists() for file in files):
            different.append(f"{name} ({'left over' if files[0].exists() else 'missing'})")
        elif files[0].is_file() and len({repr(without_times(name.name, file.read_bytes())) for file in files}) > 1:
            different.append(str(name))
    return different


class Campaign:
    def __init__(self, programs, scenario, folder, rng):
        self.scenario, self.rng = scenario, rng
        self.out, self.reference = folder / "out", folder / "reference"
        program = str(programs / scenario.program())
        words = [program if word == scenario.program() else word for word in scenario.command]
        self.command = [*words, "--data", str(folder / "faces"), "--seed", "3", "--threads", "1", "--quiet"]
        self.kills = self.writes = self.runs = self.left = 0
        self.failures = []

    def start(self, out, *more):
        return subprocess.Popen([*self.command, "--out", str(out), *more], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def finish(self, out, *more):
        process = self.start(out, *more)
        said = process.communicate()[0]
        if process.returncode != 0:
            self.failures.append(f"exit code {process.returncode}: {said.strip()}")
        return process.returncode == 0

    def prepare(self):
        begin = time.monotonic()
        if not self.finish(self.reference):
            return False
        self.duration = time.monotonic() - begin
        return True

    def killed(self):
        """Starts the run and kills it, half of the time while it writes a file; False when it was done before."""
        watch = Watch(self.out)
        in_write = self.rng.random() < 0.5
        wanted, seen = self.rng.randrange(1, 12), 0
        end = time.monotonic() + (10 * self.duration if in_write else self.rng.random() * self.duration)
        process = self.start(self.out, "--resume")
        while process.poll() is None and time.monotonic() < end and not (in_write and seen >= wanted):
            seen += watch.events(min(0.01, max(0, end - time.monotonic())))
        watch.close()
        if process.poll() is not None:
            said = process.stdout.read()
            if process.returncode != 0:
                self.failures.append(f"exit code {process.returncode} before it was killed: {said.strip()}")
            return False
        kill(process, self.rng)
        process.stdout.close()
        self.kills += 1
        self.writes += in_write
        self.left += sum(name.name.endswith(".tmp") for name in self.out.iterdir())
        return True

    def run(self, kills):
        if not self.prepare():
            return
        while self.kills < kills and not self.failures:
            shutil.rmtree(self.out, ignore_errors=True)
            self.out.mkdir()
            for _ in range(min(self.rng.randrange(1, 12), kills - self.kills)):
                if not self.killed():
                    break
            if self.finish(self.out, "--resume"):
                self.runs += 1
                if different := differences(self.out, self.reference):
                    self.failures.append("differs from a run that was not killed: " + ", ".join(different))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("programs", type=Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=[s.name for s in SCENARIOS])
    arguments = parser.parse_args()
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                      OMPI_MCA_rmaps_base_oversubscribe="1", OMPI_MCA_mpi_yield_when_idle="1",
                      OMPI_MCA_hwloc_base_binding_policy="none")
    if not sys.platform.startswith("linux"):
        print("kill_campaign: needs Linux")
        return 77

    def has_mpi(scenario):
        program = arguments.programs / scenario.program()
        return shutil.which("mpirun") and "without MPI" not in subprocess.run(
            [program, "--mpi", "--data", "/", "--out", "/proc/none"], capture_output=True, text=True).stderr

    chosen = [s for s in SCENARIOS if not arguments.only or s.name in arguments.only]
    chosen = [s for s in chosen if s.command[0] != "mpirun" or has_mpi(s)]
    shares, total, failed = sum(s.share for s in chosen), [0, 0, 0, 0], False
    for scenario in chosen:
        rng = random.Random(f"{arguments.seed} {scenario.name}")
        with tempfile.TemporaryDirectory(prefix="nasion-kill-") as name:
            folder = Path(name)
            (folder / "faces").mkdir()
            write_faces(folder / "faces", rng)
            campaign = Campaign(arguments.programs.resolve(), scenario, folder, rng)
            campaign.run(-(-arguments.kills * scenario.share // shares))
            figures = [campaign.kills, campaign.writes, campaign.left, campaign.runs]
            total = [a + b for a, b in zip(total, figures)]
            failed |= bool(campaign.failures)
            print("{}: {} kills, {} while it wrote, {} unfinished files; {} runs resumed to their end"
                  .format(scenario.name, *figures), flush=True)
            for failure in campaign.failures:
                print(f"{scenario.name}: FAILED: {failure}", flush=True)
    print("{} kills, {} while it wrote, {} unfinished files; {} runs resumed to their end{}".format(
        *total, "" if failed else ", each to the byte like one that nobody killed, 0 files left over"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
