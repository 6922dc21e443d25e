"""The table of benchmarks/compare, from the figures that it writes."""

import statistics


def ratios(row, order, variant):
    return [ours / theirs for ours, theirs in zip(row["ours"][order], row["theirs"][variant])]


def fastest(row):
    """The peer's variant that a goal is held against."""
    return min(row["theirs"], key=lambda variant: statistics.median(row["theirs"][variant]))


def ratio(row, order):
    return statistics.median(ratios(row, order, fastest(row)))


def spread(values):
    text = f"{statistics.median(values):.2f}"
    return text if len(values) == 1 else f"{text} ({min(values):.2f} to {max(values):.2f})"


def amount(value, unit):
    if unit == "ms" and value >= 1000:
        return f"{value / 1000:.2f} s"
    return f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def merged_rows(results):
    """Rows of all files; of rows that are in several, those of the last."""
    rows = {}
    for result in results:
        for row in result["rows"]:
            rows[row["work"], row["threads"], row["peer"]] = row
    return sorted(rows.values(), key=lambda row: (row["work"].startswith("conv2d"), -row["threads"]))  # stable


def print_rows(rows):
    """A line for each peer: ours in both orders, the fastest of the peer's variants and, in brackets, the others."""
    print("| work | threads | channels-last | row-major | peer | | ratio | row-major | goal | |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        best = fastest(row)
        times = {variant: amount(statistics.median(values), row["unit"]) for variant, values in row["theirs"].items()}
        others = ", ".join(f"{variant.replace('_', ' ')} {time}" for variant, time in times.items() if variant != best)
        peer = row["peer"] + (f", {best.replace('_', ' ')}" if len(times) > 1 else "")
        ours, orders = row["ours"], list(row["ours"])
        own = [amount(statistics.median(ours[order]), row["unit"]) for order in orders]
        compared = [spread(ratios(row, order, best)) for order in orders]
        goal, met = "", ""
        if row["goal"] is not None:
            goal, met = f"<= {row['goal']:.2f}", "yes" if max(ratio(row, o) for o in orders) <= row["goal"] else "no"
        print(f"| {row['work']} | {row['threads']} | {own[0]} | {own[1] if own[1:] else ''} | {peer} "
              f"| {times[best]}{f' ({others})' if others else ''} | {compared[0]} | {compared[1] if compared[1:] else ''} "
              f"| {goal} | {met} |")


def print_details(details):
    print("\n| shape | network | pass | threads | kernel | nasion | oneDNN, direct | oneDNN, fastest |")
    print("|---|---|---|---|---|---|---|---|")
    for d in details:
        columns = [spread([a / b for a, b in zip(d["ours"], d[peer])]) for peer in ("direct", "fastest")]
        print(f"| {d['shape']} | {d['network']} | {d['pass']} | {d['threads']} | {d['kernel']} "
              f"| {amount(statistics.median(d['ours']), 'ms')} | {columns[0]} | {columns[1]} |")


def print_all(results):
    for result in results:
        machine = ", ".join(f"{m['peak_gflops']:.0f} GFLOP/s and {m['bandwidth_gbytes']:.0f} GB/s with {m['threads']} "
                            f"thread{'s' if m['threads'] > 1 else ''}" for m in result["machine"])
        pairs = f"{result['pairs']} pair{'s' if result['pairs'] > 1 else ''}"
        print(f"{result['machine'][0]['processor']}; measured peak: {machine}. {pairs}. "
              f"`{' '.join(['benchmarks/compare', *result['arguments']])}`\n")
    print_rows(merged_rows(results))
    details = [detail for result in results for detail in result["shapes"]]
    if details:
        print_details(details)
