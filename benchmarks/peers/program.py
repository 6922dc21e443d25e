"""What the peers in Python share: the flags and records of support/program.hpp, and the clock of support/measure.hpp."""

import argparse
import json
import statistics
import time


def arguments_of(parser: argparse.ArgumentParser) -> argparse.Namespace:
    parser.add_argument("--network", required=True, help="which network")
    parser.add_argument("--batch", type=int, default=0, help="images at once (default: as the network is trained)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--samples", type=int, default=5, help="calls that are timed, at least (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=0.5, help="time that is spent, at least (default: %(default)s)")
    parser.add_argument("--processor-clock", action="store_true", help="count the time of the calling thread only")
    parser.add_argument("--json", action="store_true", help="which is what is printed in any case")
    return parser.parse_args()


def measure(arguments, work, warm_up=2):
    """Times single calls, after a warm-up. {best_ms, median_ms, samples}"""
    now = time.thread_time if arguments.processor_clock else time.perf_counter
    for _ in range(warm_up):
        work()
    times = []
    while len(times) < max(1, arguments.samples) or sum(times) < arguments.seconds:
        start = now()
        work()
        times.append(now() - start)
    return {"best_ms": 1e3 * min(times), "median_ms": 1e3 * statistics.median(times), "samples": len(times)}


def print_record(**record):
    print(json.dumps(record), flush=True)
